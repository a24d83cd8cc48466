"""Killed without warning at random moments, again and again, a run ends in the bytes of one that nobody touched."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from xling_bench.cli.main import main

pytestmark = [pytest.mark.slow, pytest.mark.data]

KILLS = 40
A_FOLDER = 8  # kills before a run may end
TASKS = {
    "generation": ["--tasks", "xling_flores_en_de,xling_xquad_th", "--metrics", "chrf,f1", "--limit", "6",
                   "--batch-size", "1"],
    "ranking": ["--tasks", "xling_xnli_de,xling_xcopa_sw,xling_xwinograd_ru", "--shots", "0,2", "--limit", "100"],
}  # fmt: skip
COMPARED = ("results.json", "samples.jsonl", "items.parquet", "run.json", "table.md", "table.csv")


def start(command: list[str], log: Path) -> int:
    """The command in a forked process, which has imported everything already."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        code = main(command)
    finally:
        os._exit(code)


def begun(log: Path) -> int:
    """Units that the process had said it would do next."""
    return sum(line.startswith("[") for line in log.read_text(encoding="utf-8", errors="replace").splitlines())


def finished(output: Path) -> int:
    return len(list(output.glob("*/[!.]*/results.json")))


def content(output: Path) -> dict[str, bytes]:
    return {p.relative_to(output).as_posix(): p.read_bytes() for p in sorted(output.rglob("*")) if p.name in COMPARED}


@pytest.mark.parametrize("kind", list(TASKS))
def test_a_run_killed_at_random_moments_ends_in_the_same_bytes(kind: str, models, real_data, tmp_path: Path) -> None:
    draw, log = random.Random(KILLS), tmp_path / "log"  # noqa: S311

    def command(output: Path) -> list[str]:
        return ["run", "--model", f"hf:{models['llama']}", "-o", str(output), *TASKS[kind]]

    began = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(start(command(tmp_path / "whole"), log), 0)[1]) == 0, log.read_text()
    whole, length = content(tmp_path / "whole"), time.monotonic() - began
    kills = within = folders = 0
    while kills < KILLS // 2:
        output, here = tmp_path / f"killed-{folders}", 0
        folders += 1
        while here < A_FOLDER and kills < KILLS // 2:
            before, process = finished(output), start(command(output), log)
            time.sleep(draw.uniform(0.05, 0.6) * length)
            if os.waitpid(process, os.WNOHANG)[0]:
                break  # it was done before
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            kills, here = kills + 1, here + 1
            within += begun(log) > finished(output) - before
        assert os.waitstatus_to_exitcode(os.waitpid(start(command(output), log), 0)[1]) == 0, log.read_text()
        assert content(output) == whole
        assert not [path for path in output.rglob("*") if path.name.startswith(".xling-tmp-")]
    print(f"{kind}: {kills} kills, {within} of them inside a unit, {folders} folders; a whole run takes {length:.1f} s")
    assert within >= kills / 2
