"""Where rows come from (`XLING_DATA=files|hub|sample`), and loading them checked, hashed and counted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

from xling_bench.benchmarks.implementation import Read, implementation
from xling_bench.benchmarks.rows import check_rows, rows_hash
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError, DeclarationError, MissingDataError, UsageError
from xling_bench.core.row import Record, Row
from xling_bench.core.unit import Unit
from xling_bench.data import sample
from xling_bench.data.item_clusters import clusters_of

Kind = Literal["files", "hub", "sample"]
Untranslated = Literal["drop", "keep"]


@dataclass(frozen=True, slots=True)
class Source:
    """A data source: official files below `root`, the hub, or the built-in sample.

    `ns` says what becomes of rows with a benchmark's placeholder for a text that is not there (PAWS-X's `NS`).
    """

    kind: Kind
    root: Path | None = None
    ns: Untranslated = "drop"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Checked rows of one benchmark, unit and split.

    `hash` covers the canonical rows, `origin` says where they were read (a file or hub revision), `dropped` counts
    rows left out by reason (PAWS-X: untranslated `NS` rows, unless `ns` says that they were kept).
    `clusters` maps each item to the first one of those that it shares something with (XNLI: the premise), itself where
    it stands alone.
    """

    rows: list[Row]
    hash: str
    source: Kind
    origin: str
    dropped: dict[str, int] = field(default_factory=dict)
    ns: Untranslated = "drop"
    clusters: dict[str, str] = field(default_factory=dict)


def check_ns(value: Any) -> Untranslated:
    """`drop` or `keep`. Raises UsageError for anything else."""
    if value not in get_args(Untranslated):
        raise UsageError(f"--ns {value!r}: expected one of {', '.join(get_args(Untranslated))}")
    return cast("Untranslated", value)


_chosen: ContextVar[Source | None] = ContextVar("xling_bench_source", default=None)


@contextmanager
def using(source: Source) -> Iterator[None]:
    """Within it, `current_source` is this one, whatever the environment says."""
    before = _chosen.set(source)
    try:
        yield
    finally:
        _chosen.reset(before)


def current_source() -> Source:
    """The source chosen with `using`, else that of the environment. Raises as `source_of`."""
    return _chosen.get() or source_from_environment()


def source_from_environment() -> Source:
    """What `XLING_DATA` and `XLING_DATA_DIR` say. The sample is used only when asked for by name. Raises as
    `source_of`."""
    return source_of(os.environ.get("XLING_DATA"), os.environ.get("XLING_DATA_DIR"))


def source_of(kind: str | None, root: str | Path | None) -> Source:
    """`files`, `hub` or `sample`; None is `files` where a folder is named, else the hub. `files` without a folder are
    those of XLING_DATA_DIR.

    Raises UsageError for an unknown kind, or `files` without an existing folder.
    """
    kind = kind or ("files" if root else "hub")
    root = root or (os.environ.get("XLING_DATA_DIR") if kind == "files" else None)
    if kind not in get_args(Kind):
        raise UsageError(f"XLING_DATA={kind!r}: expected files, hub or sample.")
    if kind != "files":
        return Source("hub" if kind == "hub" else "sample")
    if not root:
        raise UsageError("XLING_DATA=files needs XLING_DATA_DIR, the folder with the benchmark files.")
    if not Path(root).is_dir():
        raise UsageError(f"XLING_DATA_DIR={root}: no such folder.")
    return Source("files", Path(root))


def load(
    benchmark: Benchmark, unit: str, split: str, source: Source | None = None, *, answered: bool = True
) -> Loaded:
    """Load one split of one unit (`de`, `en-de`), checked against the benchmark's declaration.

    answered: whether items must have their right answers; texts alone can be compared without.

    Raises MissingDataError when the source lacks it (other units may be there), DataError when what is there is
    damaged, DeclarationError for a benchmark that is only declared.
    """
    source, unit = source or current_source(), Unit(unit)
    where = f"{benchmark.key} {unit} {split}"
    dropped: dict[str, int] = {}
    rows: Sequence[Record]
    if source.kind == "sample":
        rows, origin = sample.read(benchmark, unit, split), "built-in sample"
    elif source.kind == "files":
        rows, origin, dropped = read_files(benchmark, Path(source.root or "."), unit, split)
    else:
        from xling_bench.data.hub import read as read_hub

        rows, origin, dropped = read_hub(benchmark, unit, split)
    if benchmark.placeholder and source.ns == "drop":
        translated = [row for row in rows if benchmark.placeholder not in row.values()]
        if len(translated) < len(rows):
            dropped[f"untranslated ({benchmark.placeholder})"] = len(rows) - len(translated)
        rows = translated
    checked = check_rows(benchmark, rows, f"{where} ({origin})", answered=answered)
    clusters = clusters_of(benchmark, checked, split)
    return Loaded(checked, rows_hash(checked), source.kind, origin, dropped, source.ns, clusters)


def read_files(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """Rows of the official files below `root`, unchecked."""
    known, place = implementation(benchmark.key), f"xling_bench/benchmarks/{benchmark.key}.py"
    try:
        found = known.read(benchmark, root, unit, split)
        if not isinstance(found, tuple) or len(found) != 3:
            raise DeclarationError(f"{place}: read gave {found!r:.80}; expected (rows, origin, {{reason: left out}})")
        return found
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # Readers name file and line where they can; this is for shapes of damage nobody thought of.
        raise DataError(
            f"{benchmark.key} {unit} {split}: the files are not in the official layout ({error!r})"
        ) from error


def where_to_get(benchmark: Benchmark) -> str:
    """One line on where the benchmark's data can come from; the sample only where it is not what was read."""
    sample = "" if os.environ.get("XLING_DATA") == "sample" else ", or XLING_DATA=sample to try the built-in sample"
    return (
        f"Get {benchmark.title} data: put its files ({' or '.join(benchmark.files)}) below a folder "
        f"and set XLING_DATA_DIR, "
        f"or `xling-bench data fetch {benchmark.key}` from the hub{sample}."
    )


def explain(benchmark: Benchmark, error: MissingDataError) -> MissingDataError:
    """The error with `where_to_get` appended."""
    return MissingDataError(f"{error}. {where_to_get(benchmark)}")
