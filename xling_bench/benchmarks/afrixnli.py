"""AfriXNLI, IrokoBench's part of XNLI in African languages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks import nli
from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, texts_of
from xling_bench.benchmarks.textfiles import index_of, locate, read_csv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core import languages
from xling_bench.core.errors import MissingDataError, NotPublishedError
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The repository's `IrokoBench/africanli/<code>/<split>.csv`. The id is the row's number, the same in all
    languages.

    Raises NotPublishedError for the development sets of French and Swahili.
    """
    name = f"africanli/{benchmark.codes[unit]}/{split}.csv"
    try:
        path = locate(root, [f"{folder}{name}" for folder in ("irokobench/", "IrokoBench/", "")])
    except MissingDataError as error:
        if benchmark.expected_rows(unit, split) is None:
            raise NotPublishedError(
                f"nobody published {benchmark.title}'s {split} set in {languages.get(unit).name}; demonstrations of "
                "another language stand in for its own: --demo-lang en"
            ) from error
        raise
    rows: list[Record] = []
    for number, cells in read_csv(path, ("premise", "hypothesis", "label")):
        label = index_of(cells["label"], benchmark.labels, f"{path}, line {number}")
        rows.append(nli.row(_id(split, len(rows)), cells["premise"], cells["hypothesis"], label))
    return rows, str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`masakhane/afrixnli`: rows in the official order, labels as numbers."""
    return nli.in_order(records(unit), lambda i: _id(split, i)), {}


def _id(split: str, index: int) -> str:
    return f"afrixnli-{split}-{index:03d}"


IMPLEMENTATION = Implementation(
    read=read,
    from_hub=from_hub,
    texts=texts_of("premise", "hypothesis"),
    sample=nli.sample("afrixnli", "en", "fr", "sw", "ha", "ig", "yo", "zu", "xh"),
)
