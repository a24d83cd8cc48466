"""`data check`: read everything a source holds and compare with what was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from xling_bench.benchmarks import implementation
from xling_bench.catalog.benchmark import Benchmark, benchmarks, get_benchmark
from xling_bench.core.errors import MissingDataError, NotPublishedError, XlingError
from xling_bench.core.unit import Unit
from xling_bench.data.known import agreement
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

    @property
    def state(self) -> str:
        """`agreement`, or "missing" or "damaged" where there are no rows."""
        return self.agreement or ("missing" if self.missing else "damaged")

    def as_json(self) -> dict[str, object]:
        """Plain data for `--json`."""
        return asdict(self)


def check_data(keys: Sequence[str] = (), source: Source | None = None) -> list[DataRow]:
    """Read every unit and split of the benchmarks. Damaged data are reported, not raised.

    Raises DeclarationError, before anything is read, for a benchmark that is only declared.
    """
    source = source or current_source()
    chosen = list({each.key: each for each in map(get_benchmark, keys)}.values()) or list(benchmarks().values())
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


def below(keys: Sequence[str], source: Source | None = None) -> list[str]:
    """A sentence for each folder directly below the source's that holds files of these benchmarks, where it is one of
    files: XLING_DATA_DIR may be one folder too high."""
    source = source or current_source()
    if source.kind != "files" or source.root is None:
        return []
    found: list[str] = []
    for folder in sorted(path for path in source.root.iterdir() if path.is_dir()):
        lower = replace(source, root=folder)
        held = [b.title for b in map(get_benchmark, keys) if _holds(b, lower)]
        if held:
            found.append(f"{folder} holds {', '.join(held)}: set XLING_DATA_DIR={folder}")
    return found


def _holds(benchmark: Benchmark, source: Source) -> bool:
    return any(_row(benchmark, unit, split, source).rows for unit in benchmark.units() for split in benchmark.splits)
