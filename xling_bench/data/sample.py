"""The built-in sample: a few invented parallel items per benchmark, for trying things out. Not a benchmark."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.data.rows import Row
from xling_bench.errors import DataError, MissingDataError

FOLDER = Path(__file__).with_name("sample")
SHARED = ("relation", "question", "label")  # facts of the item rather than of one language's text


@cache
def items(benchmark: str) -> tuple[dict[str, Any], ...]:
    """All sample items of a benchmark: {id, split, [label, ...], text: {language: fields}}."""
    path = FOLDER / f"{benchmark}.jsonl"
    return tuple(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def languages(benchmark: str) -> tuple[str, ...]:
    """Languages every item of the benchmark's sample has."""
    return tuple(items(benchmark)[0]["text"])


def read(benchmark: Benchmark, unit: str, split: str) -> list[Row]:
    """The sample's rows of `unit` for our split name (`test` or the benchmark's demonstration split)."""
    wanted = "demo" if split == benchmark.demo_split else split
    parts = unit.split("-")
    for part in parts:
        if part not in languages(benchmark.key):
            raise MissingDataError(
                f"the built-in sample has no {part!r} for {benchmark.key}; it has {', '.join(languages(benchmark.key))}"
            )
    rows = [_row(benchmark, item, parts) for item in items(benchmark.key) if item["split"] == wanted]
    if not rows:
        raise DataError(f"the built-in sample has no split {split!r} for {benchmark.key}")
    return rows


def _row(benchmark: Benchmark, item: dict[str, Any], parts: list[str]) -> Row:
    first, last = item["text"][parts[0]], item["text"][parts[-1]]
    row: Row = {"id": item["id"], **{k: item[k] for k in SHARED if k in item and k in benchmark.fields}}
    if benchmark.key == "flores":
        return row | {"source": first["text"], "target": last["text"]}
    if benchmark.key == "mlqa":
        return row | {"context": first["context"], "question": last["question"], "answers": first["answers"]}
    if benchmark.key in ("xwinograd", "mlama"):
        fields = dict(last)
        fields["before"], fields["after"] = fields.pop("sentence").split("[MASK]" if benchmark.key == "mlama" else "_")
        if benchmark.key == "mlama":
            fields["label"] = fields["candidates"].index(fields["answer"])
        return row | fields
    if benchmark.labels and isinstance(row["label"], str):
        row["label"] = benchmark.labels.index(row["label"])
    return {**row, **last}
