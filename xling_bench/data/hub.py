"""Records from the Hugging Face hub through `datasets`, always at the commit recorded in `xling.lock`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Read, implementation
from xling_bench.benchmarks.rows import check_rows, rows_hash
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit
from xling_bench.data.lock import LockedDataset, LockedSplit, read_lock

CONVERTED = "refs/convert/parquet"


def read(benchmark: Benchmark, unit: Unit, split: str) -> Read:
    """Rows at the locked commit. Raises MissingDataError without one, DataError when the rows differ."""
    locked = read_lock().get(benchmark.key)
    if locked is None or f"{unit}/{split}" not in locked.data:
        raise MissingDataError(
            f"xling.lock has no {benchmark.key} {unit} {split}: nothing has been fetched from the hub"
        )
    try:
        rows, dropped = read_at(benchmark, unit, split, locked.revision)
    except MissingDataError as error:
        raise DataError(f"xling.lock has {benchmark.key} {unit} {split}, but {error}") from error
    found, expected = rows_hash(check_rows(benchmark, rows, benchmark.hub.path)), locked.data[f"{unit}/{split}"]
    if found != expected.hash:
        raise DataError(
            f"{benchmark.hub.path} {unit} {split}: the rows have hash {found}, xling.lock says {expected.hash}. "
            "The data changed under a fixed commit; fetch again only if you mean to."
        )
    return rows, f"{benchmark.hub.path}@{locked.revision[:12]}", dropped


def fetch(benchmark: Benchmark, units: Sequence[Unit], say: Callable[[str], None]) -> LockedDataset:
    """Download units at one commit and return what to lock; units the data set lacks are named through `say`.

    Raises MissingDataError when the hub has none of them.
    """
    revision = benchmark.hub.revision or _commit(benchmark)
    data: dict[str, LockedSplit] = {}
    reason = ""
    for unit in units:
        for split in benchmark.splits:
            try:
                rows, _ = read_at(benchmark, unit, split, revision)
            except MissingDataError as error:
                reason = str(error)
                say(f"{benchmark.key} {unit} {split}: {reason}")
                continue
            checked = check_rows(benchmark, rows, f"{benchmark.hub.path} {unit} {split}")
            data[f"{unit}/{split}"] = LockedSplit(rows=len(checked), hash=rows_hash(checked))
            say(f"{benchmark.key} {unit} {split}: {len(checked)} rows")
    if not data:
        raise MissingDataError(f"{benchmark.hub.path} gave no rows ({reason})")
    return LockedDataset(path=benchmark.hub.path, revision=revision, licence=benchmark.licence, data=data)


def _commit(benchmark: Benchmark) -> str:
    from huggingface_hub import HfApi

    try:
        return str(HfApi().dataset_info(benchmark.hub.path, revision=benchmark.hub.branch).sha)
    except _failures() as error:
        raise MissingDataError(f"the hub cannot be asked about {benchmark.hub.path}: {_first_line(error)}") from error


def read_at(benchmark: Benchmark, unit: Unit, split: str, revision: str) -> tuple[Sequence[Record], Dropped]:
    """Canonical rows of one unit at a commit, and counts of dropped rows."""
    known, parts = implementation(benchmark.key), unit.languages

    def records(language: str) -> Iterator[Record]:
        return _records(benchmark, language, split, revision, parts)

    try:
        return known.from_hub(benchmark, unit, split, records)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{benchmark.hub.path} {unit} {split}: unexpected columns or rows: {error!r}") from error


def _records(
    benchmark: Benchmark, language: str, split: str, revision: str, parts: tuple[str, ...]
) -> Iterator[Record]:
    import datasets

    hub = benchmark.hub
    if split not in hub.splits:
        raise MissingDataError(f"{hub.path} has no {split} split")
    config = benchmark.hub_config(language, parts)
    datasets.disable_progress_bars()
    try:
        if hub.branch == CONVERTED:
            return _parquet(hub.path, revision, f"{config}/{hub.splits[split]}/*.parquet")
        found = datasets.load_dataset(hub.path, config, split=hub.splits[split], revision=revision)
    except _failures() as error:
        raise MissingDataError(
            f"{hub.path} has no usable {config!r} {hub.splits[split]}: {_first_line(error)}"
        ) from error
    return iter(found)


def _parquet(path: str, revision: str, pattern: str) -> Iterator[Record]:
    """Rows of the hub's own conversion: configurations are folders there, which no README.md declares."""
    import datasets
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    folder = Path(snapshot_download(path, repo_type="dataset", revision=revision, allow_patterns=pattern))
    files = sorted(str(file) for file in folder.glob(pattern))
    if not files:
        raise FileNotFoundError(f"there is no file {pattern}")
    return iter(datasets.Dataset.from_parquet(files))


def _failures() -> tuple[type[Exception], ...]:
    """What huggingface_hub and `datasets` raise for anything that is not there or cannot be reached or read.

    The HTTP library's own errors are no OSError; which library that is depends on huggingface_hub's version.
    """
    from datasets.exceptions import DatasetsError
    from huggingface_hub import errors

    http: type[Exception] = vars(errors)["HTTPError"]
    return (http, DatasetsError, OSError, ValueError, RuntimeError)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
