"""XNLI: does the premise entail the hypothesis, contradict it, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, jsonl_beside, texts_of
from xling_bench.benchmarks.textfiles import index_of, locate, read_table, read_tsv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """XNLI in XTREME's layout (`test-de.tsv`, labels of test in `test-labels.tsv`) or as `XNLI-1.0/xnli.test.tsv`.

    The id is the row's number within its language, which all languages share. Three classes, as the paper.
    """
    names = [f"{folder}xnli.{split}.tsv" for folder in ("XNLI-1.0/", "xnli/XNLI-1.0/", "xnli/", "")]
    try:
        path = locate(root, names)
    except MissingDataError:
        return _xtreme(benchmark, root, unit, split)
    rows: list[Record] = []
    for number, cells in read_table(path, ("language", "gold_label", "sentence1", "sentence2")):
        if cells["language"] == unit:
            label = index_of(cells["gold_label"], benchmark.labels, f"{path}, line {number}")
            rows.append(_row(split, len(rows), cells["sentence1"], cells["sentence2"], label))
    if not rows:
        raise MissingDataError(f"{path} has no rows with language {unit!r}")
    return rows, str(path.relative_to(root)), {}


def _xtreme(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    path = locate(root, [f"xnli/{split}-{unit}.tsv", f"{split}-{unit}.tsv", f"xnli/XNLI-1.0/xnli.{split}.tsv"])
    lines = list(read_tsv(path, (2, 3)))
    columns = len(lines[0][1])
    label_path, labels = path, [cells[-1] for _, cells in lines]
    if columns == 2:
        label_path = locate(root, [f"xnli/{split}-labels.tsv", f"{split}-labels.tsv"])
        labels = [cells[0] for _, cells in read_tsv(label_path, (1, 2))]
        if len(labels) != len(lines):
            raise DataError(f"{path}: {len(lines)} rows, but {label_path.name} has {len(labels)}; is one truncated?")
    rows = []
    for i, ((number, cells), name) in enumerate(zip(lines, labels, strict=True)):
        if len(cells) != columns:
            raise DataError(f"{path}, line {number}: expected {columns} columns as in line 1, got {len(cells)}")
        label = index_of(name, benchmark.labels, f"{label_path}, line {number}")
        rows.append(_row(split, i, cells[0], cells[1], label))
    return rows, str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`facebook/xnli`: rows in the official order."""
    return [
        _row(split, i, record["premise"], record["hypothesis"], record["label"])
        for i, record in enumerate(records(unit))
    ], {}


def _row(split: str, index: int, premise: object, hypothesis: object, label: object) -> Record:
    return {"id": f"xnli-{split}-{index:04d}", "premise": premise, "hypothesis": hypothesis, "label": label}


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("premise", "hypothesis"), sample=jsonl_beside(__file__)
)
