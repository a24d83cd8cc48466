"""How rows stand to the published ones: by their number, and, where official files were seen, by what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core import content
from xling_bench.core.reading import read_toml
from xling_bench.data.source import Loaded

FILE = "known_rows.toml"  # below tasks/: `[benchmark.split]`, then `unit = "hash of the official file's rows"`
AS_PUBLISHED, AS_MANY = "as published", "as many rows as published"


@dataclass(frozen=True, slots=True)
class Agreement:
    """`value`: "as published" (known rows), "as many rows as published" (rows of no known file), "published count not
    known", "invented sample, no benchmark", or "not as published", where `deviation` says why."""

    value: str
    deviation: str = ""


def agreement(benchmark: Benchmark, unit: str, split: str, loaded: Loaded) -> Agreement:
    """How loaded rows stand to the published ones. Rows left out by reason (`dropped`) count as there."""
    if loaded.source == "sample":
        return Agreement("invented sample, no benchmark")
    published, found = benchmark.expected_rows(unit, split), len(loaded.rows) + sum(loaded.dropped.values())
    if published is None:
        return Agreement("published count not known")
    if published != found:
        return Agreement("not as published", f"{found} rows in {loaded.origin}, {published} published")
    known = known_rows().get(benchmark.key, {}).get(split, {}).get(unit)
    if known is None or loaded.ns == "keep":
        return Agreement(AS_MANY)
    if known != loaded.hash:
        return Agreement(
            "not as published",
            f"as many rows in {loaded.origin} as published, but not the same: {loaded.hash}, not {known}",
        )
    return Agreement(AS_PUBLISHED)


@cache
def known_rows() -> dict[str, dict[str, dict[str, str]]]:
    """{benchmark: {split: {unit: hash}}} of the official files that were seen (see `data.rows.rows_hash`)."""
    found: dict[str, dict[str, dict[str, str]]] = read_toml(content.file(f"tasks/{FILE}"))
    return found
