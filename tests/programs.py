"""Programs in processes of their own, of whatever environment runs the tests: for what takes a whole process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def start(program: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """`python -m PROGRAM ARGUMENTS`, or `python -c TEXT ARGUMENTS`; not waited for."""
    how = [program] if program == "-c" else ["-m", program]
    return subprocess.Popen(
        [sys.executable, *how, *map(str, arguments)], env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def run(program: str, *arguments: object, code: int = 0, **environment: str) -> str:
    """All that it says, on both streams; a test fails where its exit code is another than `code`."""
    process = start(program, *arguments, **environment)
    said = "\n".join(process.communicate(timeout=900))
    assert process.returncode == code, f"{program} {arguments}: {process.returncode}\n{said[-3000:]}"
    return said


def samples(folder: Path) -> dict[tuple[str, str], Any]:
    """{(task, item): lm-eval's sample} of our run's folder, or of `lm_eval --output_path`."""
    found = {}
    for path in sorted(folder.rglob("*samples*.jsonl")):
        own = path.stem == "samples"  # of our runs: TASK/UNIT/samples.jsonl; else samples_TASK_TIME.jsonl
        task = path.parent.parent.name if own else path.stem.removeprefix("samples_").rpartition("_")[0]
        for line in path.read_text(encoding="utf-8").splitlines():
            sample = json.loads(line)
            found[task, sample["doc"]["id"]] = sample
    return found
