"""MLQA: find the answer in a context that may be in another language than the question."""

from __future__ import annotations

from pathlib import Path

from xling_bench.benchmarks.implementation import Implementation, Item, Read, jsonl_beside, texts_of
from xling_bench.benchmarks.squad import read_squad, squad_from_hub
from xling_bench.benchmarks.textfiles import locate
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit
from xling_bench.metrics.qa import MLQA


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """MLQA `MLQA_V1/test/test-context-<c>-question-<q>.json`; `unit` is `de` or context-question `de-zh`."""
    context, question = unit.source, unit.target
    name = f"{split}/{split}-context-{context}-question-{question}.json"
    path = locate(root, [f"{folder}{name}" for folder in ("mlqa/MLQA_V1/", "MLQA_V1/", "mlqa/")])
    return read_squad(benchmark, path), str(path.relative_to(root)), {}


def sample_row(benchmark: Benchmark, item: Item, unit: Unit) -> Record:
    """The answers stand in the context's language."""
    first, last = (item.text[language] for language in (unit.source, unit.target))
    return {"id": item.id, "context": first["context"], "question": last["question"], "answers": first["answers"]}


IMPLEMENTATION = Implementation(
    read=read,
    from_hub=squad_from_hub,
    texts=texts_of("question", context="context"),
    sample=jsonl_beside(__file__),
    sample_row=sample_row,
    answer_rule=MLQA,
)
