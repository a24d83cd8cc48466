"""AmericasNLI: a part of XNLI in ten indigenous languages of the Americas, translated from Spanish."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks import nli
from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, texts_of
from xling_bench.benchmarks.textfiles import index_of, locate, read_table
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import MissingDataError
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The repository's `<split>.tsv`, which holds all languages: language, premise, hypothesis, label."""
    path = locate(root, [f"{folder}{split}.tsv" for folder in ("americasnli/", "AmericasNLI/")])
    code = benchmark.codes.get(unit, unit)
    rows = []
    for number, cells in read_table(path, ("language", "premise", "hypothesis", "label")):
        if cells["language"] == code:
            label = index_of(cells["label"], benchmark.labels, f"{path}, line {number}")
            rows.append((cells["premise"], cells["hypothesis"], label))
    if not rows:
        raise MissingDataError(f"{path} has no rows with language {code!r}")
    return _numbered(benchmark, unit, split, rows), str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`nala-cub/americas_nli` has the files' rows in their order, labels as numbers."""
    rows = [(record["premise"], record["hypothesis"], record["label"]) for record in records(unit)]
    return _numbered(benchmark, unit, split, rows), {}


def _numbered(
    benchmark: Benchmark, unit: Unit, split: str, rows: Sequence[tuple[object, object, object]]
) -> list[Record]:
    """Ids by the order of rows; none says which items a language lacks, so that one that does shares no id."""
    numbers = [benchmark.expected_rows(language, split) or 0 for language in benchmark.languages]
    whole = benchmark.expected_rows(unit, split) == max(numbers)
    start = f"americasnli-{split}-" if whole else f"americasnli-{split}-{unit}-"
    return [nli.row(f"{start}{i:03d}", *row) for i, row in enumerate(rows)]


IMPLEMENTATION = Implementation(
    read=read,
    from_hub=from_hub,
    texts=texts_of("premise", "hypothesis"),
    sample=nli.sample("americasnli", "qu", "gn", "ay", "nah"),
)
