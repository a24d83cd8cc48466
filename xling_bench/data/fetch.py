"""`data fetch`: download benchmarks and record their commits and hashes in `xling.lock`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from xling_bench.benchmarks import implementation
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core import languages
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.lockfile import lock_path
from xling_bench.data.hub import fetch
from xling_bench.data.lock import Datasets, Files, LockedDataset, update_lock


def fetch_all(benchmarks: Sequence[Benchmark], langs: Sequence[str], say: Callable[[str], None]) -> tuple[Path, int]:
    """Fetch each benchmark; one that fails is named and does not stop the others. Returns (lock file, failures).

    A benchmark locked at the same commit gains units; another commit replaces its entry, and says so.
    Raises MissingDataError when nothing at all could be fetched, DeclarationError for a benchmark only declared.
    """
    for benchmark in benchmarks:
        implementation(benchmark.key)
    keys = {languages.get(code).key for code in langs}
    failed = 0
    for benchmark in benchmarks:
        units = [u for u in benchmark.units() if not keys or set(u.languages) <= keys]
        if not units:
            failed += 1
            say(f"{benchmark.key}: none of {', '.join(langs)} is among its languages: {', '.join(benchmark.languages)}")
            continue
        try:
            entry = fetch(benchmark, units, say)
        except (MissingDataError, DataError) as error:
            failed += 1
            say(f"{benchmark.key}: {error}")
            continue
        _record(benchmark.key, entry, say)
    if failed == len(benchmarks):
        raise MissingDataError("nothing could be fetched; the lines above say why for each benchmark.")
    return lock_path(), failed


def _record(key: str, entry: LockedDataset, say: Callable[[str], None]) -> None:
    def change(datasets: Datasets, _: Files) -> None:
        old = datasets.get(key)
        datasets[key] = entry
        if old is not None and old.revision == entry.revision:
            datasets[key] = entry.model_copy(update={"data": {**old.data, **entry.data}})
        elif old is not None:
            say(f"{key}: replaces commit {old.revision[:12]} by {entry.revision[:12]}")

    update_lock(change)
