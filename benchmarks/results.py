"""How fast `load_results` reads item scores: one run of 200 units with 5,010 items each, about a million rows.

Usage: python benchmarks/results.py [--quick]
Prints one line per step: seconds of wall clock and CPU, rows per second, bytes on disk.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from xling_bench import load_results
from xling_bench.evaluation.item_scores import write_items
from xling_bench.results.items import digest_of, rows_frame, scores_of
from xling_bench.results.seal import sealed


def make_run(folder: Path, units: int, items: int) -> None:
    """A run folder in the runner's own shape, with invented scores."""
    rng = np.random.default_rng(0)
    for number in range(units):
        unit = folder / f"xling_xnli_{number:03d}" / "0-0-none"
        unit.mkdir(parents=True)
        task = {"metrics": {"acc": "items"}, "model": "m", "task": unit.parent.name, "split": "test"}
        facts = {**task, "shots": 0, "demos": "none", "items": items, "source": "files"}
        own = {"key": f"{number:016x}", "facts": facts, "benchmark": "xnli", "unit": "de", "family": "xglm",
               "signature": "xling|x:1"}  # fmt: skip
        scores = rng.integers(0, 2, items)
        result = {"xling": own, "results": {unit.parent.name: {"acc,none": float(scores.mean())}},
                  "config": {"model_args": {"pretrained": "m"}}}  # fmt: skip
        ids = [f"xnli-test-{i:04d}" for i in range(items)]
        samples = [{"doc": {"id": ids[i], "cluster": ids[i // 3 * 3]}, "filtered_resps": [], "acc": float(s)}
                   for i, s in enumerate(scores)]  # fmt: skip
        text = "".join(json.dumps(sample) + "\n" for sample in samples)
        (unit / "samples.jsonl").write_text(text, encoding="utf-8")
        digest = digest_of(rows_frame(row for sample in samples for row in scores_of(sample, ["acc"])))
        (unit / "results.json").write_text(json.dumps(sealed(result, text, samples, digest)), encoding="utf-8")


def timed(name: str, rows: int, work: Callable[[], object]) -> None:
    """Run and print one line."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:32} wall={wall:.2f}s cpu={cpu:.2f}s rows={rows} rows_per_s={rows / wall:.0f}")


def main() -> None:
    """Build the run, then time the three ways to its items."""
    units, items = (20, 501) if "--quick" in sys.argv else (200, 5010)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_run(folder, units, items)
        rows = units * items
        timed("load_results from samples", rows, lambda: load_results(folder))
        timed("write items.parquet", rows, lambda: write_items(folder))
        timed("load_results from items.parquet", rows, lambda: load_results(folder))
        print(f"items.parquet bytes={(folder / 'items.parquet').stat().st_size} bytes_per_row="
              f"{(folder / 'items.parquet').stat().st_size / rows:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
