"""What of the runs stands in the leaderboard: headline metrics and each benchmark's own prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xling_bench.catalog import get_benchmark, get_family
from xling_bench.metrics.registry import METRICS, is_conditional, is_mean
from xling_bench.results.schema import ITEMS, PATH

if TYPE_CHECKING:
    import pandas as pd

PROMPTS = "behind the metric the prompt family: the benchmark's default where it was measured, else the first by name"


def models_of(frame: pd.DataFrame) -> list[str]:
    """Models in the order their runs were given."""
    first = frame.groupby("model", sort=True)[PATH].min().sort_values(kind="stable")
    return [str(name) for name in first.index]


def headlines(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    """{(benchmark, family): its headline metric}: the first that is declared for it and was computed."""
    found = {}
    for (benchmark, family), part in frame.groupby(["benchmark", "family"], sort=True):
        declared = get_benchmark(str(benchmark))
        kind = get_family(str(family)).forms[declared.key].kind
        order = [*declared.metrics[kind], *declared.metrics_on_request.get(kind, ()), *METRICS]
        have = set(part["metric"])
        found[str(benchmark), str(family)] = next(name for name in order if name in have)
    return found


def main_families(frame: pd.DataFrame) -> dict[str, str]:
    """{benchmark: the prompt family that stands for it}: its default where that was run, else the first by name."""
    found = {}
    for benchmark, part in frame.groupby("benchmark", sort=True):
        have = sorted(set(part["family"]))
        default = get_benchmark(str(benchmark)).family
        found[str(benchmark)] = default if default in have else str(have[0])
    return found


def headline_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of headline metrics, of every prompt family."""
    lead = headlines(frame)
    keys = zip(frame["benchmark"], frame["family"], frame["metric"], strict=True)
    return frame[[lead[str(b), str(f)] == m for b, f, m in keys]]


def leading(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that the leaderboard, heat maps and figures show: headline metric, main prompt family."""
    main = main_families(frame)
    rows = headline_rows(frame)
    return rows[[main[str(b)] == f for b, f in zip(rows["benchmark"], rows["family"], strict=True)]]


def resampleable(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that are means of kept item scores: what intervals, ranks and comparisons need. May be empty."""
    means = frame["metric"].map(is_mean).astype(bool) & ~frame["metric"].map(is_conditional).astype(bool)
    return frame[means & frame[ITEMS].notna()]
