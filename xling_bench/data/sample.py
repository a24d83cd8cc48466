"""The built-in sample: a few invented parallel items per benchmark, for trying things out. Not a benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from xling_bench.benchmarks.implementation import Item, implementation
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import MissingDataError
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit


def items(benchmark: str) -> Sequence[Item]:
    """All sample items of a benchmark."""
    return implementation(benchmark).sample


def languages(benchmark: str) -> tuple[str, ...]:
    """Languages every item of the benchmark's sample has."""
    return tuple(items(benchmark)[0].text)


def read(benchmark: Benchmark, unit: Unit, split: str) -> list[Record]:
    """The sample's rows of `unit` for our split name (`test` or the benchmark's demonstration split)."""
    wanted = "demo" if split == benchmark.demo_split else split
    known = implementation(benchmark.key)
    for part in unit.languages:
        if part not in languages(benchmark.key):
            raise MissingDataError(
                f"the built-in sample has no {part!r} for {benchmark.key}; it has {', '.join(languages(benchmark.key))}"
            )
    rows = [known.sample_row(benchmark, item, unit) for item in known.sample if item.split == wanted]
    if not rows:
        raise MissingDataError(f"the built-in sample has no split {split!r} for {benchmark.key}")
    return rows
