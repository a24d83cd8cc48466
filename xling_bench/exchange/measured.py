"""Numbers to be written elsewhere: what is known of each, with its standard error, interval and doubts."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.catalog import Benchmark, get_benchmark
from xling_bench.core.errors import UsageError
from xling_bench.core.unit import Unit
from xling_bench.metrics.metric import Metric
from xling_bench.metrics.registry import METRICS, is_conditional, is_mean, is_share, scale_of
from xling_bench.results.clusters import clusters_in, codes_for, count
from xling_bench.results.matrix import DRAWS, GROUP
from xling_bench.results.mixing import refuse_mixed, signature_fields
from xling_bench.results.schema import ITEMS, NAMES
from xling_bench.results.tables.uncertainty import BELOW, cell_intervals
from xling_bench.stats import standard_error

if TYPE_CHECKING:
    import pandas as pd

SAMPLE = "sample data: invented items that show how things work, not benchmark scores"
EXACT = "Clopper and Pearson (1934), all {what} alike"
RESAMPLED = f"percentiles of {DRAWS:,} resamplings of {{what}}, seed 0"
ANALYTIC = "standard deviation / sqrt(n)"
CLUSTERED = "of the mean, items of one cluster drawn together"


@dataclass(frozen=True, slots=True)
class Interval:
    """How sure a mean of item scores is, in the metric's own range. `clusters`: of items that share a premise, passage
    or article, which are drawn together; as many as items where each stands alone. `error` is None where there is one
    cluster only. at_chance: as of `cell_intervals`, None where guessing has no level; predicted: shares of the classes
    chosen, or empty; exact: whether the bounds are those of `exact_bounds`."""

    low: float
    high: float
    error: float | None
    deviation: float
    clusters: int
    items: int
    at_chance: bool | str | None
    predicted: str
    exact: bool

    @property
    def standing(self) -> str:
        """`at chance`, `below chance`, or empty."""
        return f"{self.at_chance if self.at_chance == BELOW else 'at'} chance" if self.at_chance else ""

    @property
    def drawn(self) -> str:
        """What was resampled."""
        return "items" if self.clusters == self.items else f"{self.clusters} clusters of items"


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the results table: its `row` (by `results.schema.COLUMNS`), the fields of its signature, and its
    interval, None where it is no mean of kept item scores."""

    row: Mapping[str, Any]
    facts: Mapping[str, str]
    interval: Interval | None

    @property
    def benchmark(self) -> Benchmark:
        """The benchmark's declaration."""
        return get_benchmark(self.row["benchmark"])

    @property
    def metric(self) -> Metric:
        """The metric."""
        return METRICS[self.row["metric"]]

    @property
    def unit(self) -> Unit:
        """What the texts are in."""
        return Unit(self.row["language"])

    @property
    def published(self) -> int | None:
        """How many items the whole benchmark has in this language, where its source says so; None of invented ones."""
        return None if self.sample else self.benchmark.expected_rows(self.unit, self.row["split"])

    @property
    def cut(self) -> str:
        """`first 100 of 5,010 items`, where not all were scored; else empty."""
        if "limit" not in self.facts:
            return ""
        of = "" if self.published is None else f" of {self.published:,}"
        return f"first {self.row['n']:,}{of} items"

    @property
    def sample(self) -> bool:
        """Whether the items were invented."""
        return bool(self.row["source"] == "sample")

    @property
    def headline(self) -> bool:
        """Whether it is the benchmark's own first metric for such a prompt: none that is reported on request only."""
        kind = "choose" if self.metric.of_candidates else "generate"
        names = self.benchmark.metrics.get(kind) or (self.row["metric"],)
        return bool(names[0] == self.row["metric"])


def measured(frame: pd.DataFrame, *, allow_sample: bool = False) -> list[Number]:
    """The numbers of a results table with items (`load_results`), in its order.

    Raises UsageError for numbers of sample data that were not allowed, DataError where one stands twice or numbers of
    one cell were measured in different ways.
    """
    if (frame["source"] == "sample").any() and not allow_sample:
        raise UsageError(
            f"{SAMPLE}. They are not written where others would take them for scores; --allow-sample "
            "(allow_sample=True) writes them, marked, to try it out."
        )
    refuse_mixed(frame)
    known: dict[Hashable, Interval] = {}
    for _, part in frame.groupby(["model", "seed"], sort=True):
        known |= _intervals(part)
    rows = frame.to_dict(orient="records")
    return [
        Number(
            {name: None if missing(row[name]) else row[name] for name in NAMES},
            signature_fields(str(row["signature"])),
            known.get(_key(row)),
        )
        for row in rows
    ]


def missing(value: Any) -> bool:
    """Whether a cell of a table holds nothing."""
    import pandas as pd

    return bool(pd.isna(value))


def _key(row: Mapping[Hashable, Any]) -> Hashable:
    return (*(row[name] for name in (*GROUP, "language")), row["seed"])


def _intervals(frame: pd.DataFrame) -> dict[Hashable, Interval]:
    """{key: interval} of one model's numbers of one seed that are means of kept item scores."""
    means = frame[frame["metric"].map(is_mean) & ~frame["metric"].map(is_conditional) & frame[ITEMS].notna()]
    if means.empty:
        return {}
    cells = {tuple(row[name] for name in (*GROUP, "language")): row for row in cell_intervals(means).to_dict("records")}
    found: dict[Hashable, Interval] = {}
    for key, group in means.groupby(GROUP, sort=False):
        clusters = clusters_in(group)
        for row in group.to_dict(orient="records"):
            scores = row[ITEMS]
            codes, cell = codes_for(clusters, scores.index), cells[(*key, row["language"])]
            values, scale = np.asarray(scores, dtype=np.float64), scale_of(row["metric"])
            error = standard_error(values, codes)
            found[_key(row)] = Interval(
                low=float(cell["low"]) / scale,
                high=float(cell["high"]) / scale,
                error=error if math.isfinite(error) else None,
                deviation=float(values.std(ddof=1)) if values.size > 1 else 0.0,
                clusters=count(codes, values.size),
                items=int(values.size),
                at_chance=None if missing(cell["at_chance"]) else cell["at_chance"],
                predicted=str(cell["predicted"]),
                exact=is_share(row["metric"]) and float(cell["value"]) in (0.0, float(scale)),
            )
    return found
