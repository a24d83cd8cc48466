"""IndicQA: find the answer in the paragraph, or abstain where there is none."""

from __future__ import annotations

from pathlib import Path

from xling_bench.benchmarks.implementation import Implementation, Read, jsonl_beside, texts_of
from xling_bench.benchmarks.squad import read_squad, squad_from_hub
from xling_bench.benchmarks.textfiles import locate
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.unit import Unit
from xling_bench.metrics.qa import SQUAD_2


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """IndicQA `indicqa.<lang>.json`. A question whose answers are all empty is unanswerable: `answers` is []."""
    path = locate(root, [f"{folder}indicqa.{unit}.json" for folder in ("indicqa/", "IndicQA/data/", "data/", "")])
    return read_squad(benchmark, path), str(path.relative_to(root)), {}


IMPLEMENTATION = Implementation(
    read=read,
    from_hub=squad_from_hub,
    texts=texts_of("question", context="context"),
    sample=jsonl_beside(__file__),
    answer_rule=SQUAD_2,
)
