"""`data check`: read everything a source holds and compare with what was published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TextIO

from xling_bench.benchmarks import implementation
from xling_bench.catalog.benchmark import Benchmark, benchmarks, get_benchmark
from xling_bench.core.errors import MissingDataError, NotPublishedError, XlingError
from xling_bench.core.unit import Unit
from xling_bench.data.known import AS_MANY, AS_PUBLISHED, agreement
from xling_bench.data.source import Source, current_source, load

NOT_PUBLISHED = "not published"


@dataclass(frozen=True, slots=True)
class DataRow:
    """One benchmark, unit and split: how many rows there are, how many were published, and why they differ.

    `rows` is None when the source has none (`missing` says why) or they are damaged (`error`). `agreement` says how
    the rows stand to the published ones, see `data.known`, or that nobody published such a split; `deviation` is
    empty where nothing speaks against them.
    """

    benchmark: str
    unit: Unit
    split: str
    rows: int | None
    published: int | None
    hash: str = ""
    origin: str = ""
    dropped: dict[str, int] = field(default_factory=dict)
    agreement: str = ""
    deviation: str = ""
    missing: str = ""
    error: str = ""

    def as_json(self) -> dict[str, object]:
        """Plain data for `--json`."""
        return asdict(self)


def check_data(keys: Sequence[str] = (), source: Source | None = None) -> list[DataRow]:
    """Read every unit and split of the benchmarks. Damaged data are reported, not raised.

    Raises DeclarationError, before anything is read, for a benchmark that is only declared.
    """
    source = source or current_source()
    chosen = [get_benchmark(key) for key in keys] or list(benchmarks().values())
    for benchmark in chosen:
        implementation(benchmark.key)
    return [_row(b, unit, split, source) for b in chosen for unit in b.units() for split in b.splits]


def _row(benchmark: Benchmark, unit: Unit, split: str, source: Source) -> DataRow:
    published, where = benchmark.expected_rows(unit, split), (benchmark.key, unit, split)
    try:
        loaded = load(benchmark, unit, split, source)
    except NotPublishedError as error:
        return DataRow(*where, None, published, agreement=NOT_PUBLISHED, missing=str(error))
    except MissingDataError as error:
        return DataRow(*where, None, published, missing=str(error))
    except XlingError as error:
        return DataRow(*where, None, published, error=str(error))
    state = agreement(benchmark, unit, split, loaded)
    return DataRow(
        *where, len(loaded.rows), published, loaded.hash, loaded.origin, loaded.dropped, state.value, state.deviation
    )


def _note(row: DataRow) -> str:
    left_out = [f"{n} left out: {reason}" for reason, n in row.dropped.items()]
    return "; ".join([row.deviation or row.agreement, *left_out])


def _state(row: DataRow) -> str:
    return row.agreement or ("missing" if row.missing else "damaged")


def print_report(report: Sequence[DataRow], out: TextIO) -> None:
    """A line per unit and split that is there; what is missing, and how all stand, in one line per benchmark; a sum."""
    for row in report:
        if row.error:
            out.write(f"{row.benchmark:12} {row.unit:8} {row.split:6} DAMAGED {row.error}\n")
        elif row.rows is not None:
            out.write(f"{row.benchmark:12} {row.unit:8} {row.split:6} {row.rows:6} rows  {row.hash}  {_note(row)}\n")
    there = [row for row in report if row.rows is not None]
    for key in dict.fromkeys(row.benchmark for row in report):
        for state in ("missing", NOT_PUBLISHED):
            absent = [row for row in report if row.benchmark == key and row.missing and _state(row) == state]
            if absent:
                names = ", ".join(f"{row.unit} {row.split}" for row in absent)
                out.write(f"{key:12} {state}: {names} ({absent[0].missing})\n")
    for key in dict.fromkeys(row.benchmark for row in report):
        states = Counter(_state(row) for row in report if row.benchmark == key)
        out.write(f"{key:12} in all: {', '.join(f'{number} {state}' for state, number in states.items())}\n")
    damaged = sum(bool(row.error) for row in report)
    odd = sum(bool(row.deviation) for row in there)
    out.write(f"{len(there)} of {len(report)} splits are there, {odd} of them not as published, {damaged} damaged.\n")
    if any(row.agreement in (AS_PUBLISHED, AS_MANY) for row in there):
        out.write(f"{AS_PUBLISHED}: the official file's very rows; {AS_MANY}: their number agrees, no more is known.\n")
