"""PAWS-X: are two sentences with nearly the same words paraphrases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, jsonl_beside, texts_of
from xling_bench.benchmarks.textfiles import index_of, locate, read_table
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """PAWS-X `x-final/<lang>/test_2k.tsv`."""
    path = locate(root, [f"{folder}x-final/{unit}/{split}_2k.tsv" for folder in ("pawsx/", "PAWS-X/", "")])
    rows = []
    for number, cells in read_table(path, ("id", "sentence1", "sentence2", "label")):
        label = index_of(cells["label"], ("0", "1"), f"{path}, line {number}")
        rows.append(
            {
                "id": f"pawsx-{split}-{cells['id']}",
                "sentence1": cells["sentence1"],
                "sentence2": cells["sentence2"],
                "label": label,
            }
        )
    return rows, str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`google-research-datasets/paws-x`, whose converter turned the placeholder into empty strings in some versions."""
    rows = []
    for record in records(unit):
        texts = {key: record[key] or benchmark.placeholder for key in ("sentence1", "sentence2")}
        rows.append({"id": f"pawsx-{split}-{record['id']}", **texts, "label": record["label"]})
    return rows, {}


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("sentence1", "sentence2"), sample=jsonl_beside(__file__)
)
