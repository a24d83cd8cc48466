"""The chance level of numbers: the benchmark's, or where items differ in their candidates that of the items scored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from xling_bench.catalog import Benchmark, get_benchmark
from xling_bench.catalog.benchmark import BY_ITEM
from xling_bench.results.schema import CHANCE

if TYPE_CHECKING:
    import pandas as pd


def chance_by_item(benchmark: Benchmark, widths: Iterable[int]) -> float | None:
    """The mean of 1 / width over items with so many candidates each, which their results keep; None for a benchmark
    whose level is declared, or that has none. At least one item."""
    if benchmark.chance != BY_ITEM:
        return None
    levels = [1 / width for width in widths]
    return sum(levels) / len(levels)


def chance_in(rows: pd.DataFrame) -> float | None:
    """What guessing gets, in [0, 1), in rows of one benchmark and metric; over several languages the mean of theirs.

    None where there is no such level, and where the results of an older version did not keep it.
    """
    benchmark, metric = get_benchmark(str(rows["benchmark"].iloc[0])), str(rows["metric"].iloc[0])
    if not benchmark.guessable(metric) or benchmark.chance != BY_ITEM:
        return benchmark.chance_of(metric)
    kept = rows[CHANCE].dropna()
    return float(kept.mean()) if len(kept) == len(rows) else None
