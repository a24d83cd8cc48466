"""XQuAD: find the answer in the paragraph; 240 SQuAD paragraphs in every language."""

from __future__ import annotations

from pathlib import Path

from xling_bench.benchmarks.implementation import Implementation, Read, jsonl_beside, texts_of
from xling_bench.benchmarks.squad import read_squad, squad_from_hub
from xling_bench.benchmarks.textfiles import locate
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.unit import Unit
from xling_bench.metrics.qa import SQUAD_1


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """XQuAD `xquad.<lang>.json`. Question ids are shared by all languages."""
    path = locate(root, [f"{folder}xquad.{unit}.json" for folder in ("xquad/", "")])
    return read_squad(benchmark, path), str(path.relative_to(root)), {}


IMPLEMENTATION = Implementation(
    read=read,
    from_hub=squad_from_hub,
    texts=texts_of("question", context="context"),
    sample=jsonl_beside(__file__),
    answer_rule=SQUAD_1,
)
