"""XL-Sum: summarise a BBC article in one sentence. Articles of different languages are not translations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, jsonl_beside, texts_of
from xling_bench.benchmarks.rows import first_of_each
from xling_bench.benchmarks.textfiles import locate, read_jsonl
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit

TEXTS = ("title", "text", "summary")


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """XL-Sum `<language>_test.jsonl`, one article a line; of articles with one id, the first."""
    code = benchmark.codes[unit]
    part = "val" if split == "dev" else split
    names = [f"{folder}{code}_{part}.jsonl" for folder in ("xlsum/", "XL-Sum/", f"xlsum/{code}/", f"{code}/", "")]
    path = locate(root, names)
    rows, dropped = first_of_each(_row(item) for _, item in read_jsonl(path, ("id", *TEXTS)))
    return rows, str(path.relative_to(root)), dropped


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`csebuetnlp/xlsum` has the official files' fields."""
    return first_of_each(_row(record) for record in records(unit))


def _row(item: Record) -> Record:
    return {"id": f"xlsum-{item['id']}", **{key: item[key] for key in TEXTS}}


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("title", "summary", context="text"), sample=jsonl_beside(__file__)
)
