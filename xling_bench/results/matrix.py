"""Item scores as matrices aligned by item id: what intervals, comparisons and ranks resample."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.languages import PIVOT
from xling_bench.core.unit import is_pair
from xling_bench.metrics.registry import METRICS, is_conditional, is_mean, is_within_language, scale_of
from xling_bench.results.clusters import Codes, clusters_in, codes_for
from xling_bench.results.mixing import refuse_mixed, refuse_unequal_seeds
from xling_bench.results.schema import CHOICES, ITEMS

if TYPE_CHECKING:
    import pandas as pd

Matrix = NDArray[np.float64]
GROUP = ["model", "benchmark", "family", "shots", "demos", "metric"]
NOISE = 1e-4  # bits per byte: two engines, and two sizes of batches, give one model's text others by less
COUNTS = ("languages", "of", "items", "clusters", "at_chance", "at_chance_a", "at_chance_b", "rank", "rank_best",
          "rank_worst")  # fmt: skip
DRAWS, LEVEL = 10_000, 0.95


def noise_of(metric: str) -> float:
    """Differences of an item's scores below this count as none: `NOISE` of a metric that is made of the right
    candidate's log-probability, 0 of all others."""
    return NOISE if metric in METRICS and METRICS[metric].likelihood is not None else 0.0


def with_items(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows whose value is a mean of kept item scores.

    Raises DataError for mixed measurements, for unequal seeds, and when there is no such row.
    """
    refuse_mixed(frame)
    means = frame[frame["metric"].map(is_mean) & ~frame["metric"].map(is_conditional)]
    if means.empty:
        raise DataError("only corpus scores (chrF++, BLEU, P@1), which are no means of item scores: no intervals.")
    kept = means[means[ITEMS].notna()]
    if kept.empty:
        raise DataError("no item scores: run `xling-bench run`, or `lm_eval` with --log_samples.")
    refuse_unequal_seeds(kept)
    return kept


def across_languages(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of metrics that compare across languages. Raises UsageError where there are others only."""
    within = frame["metric"].map(is_within_language).astype(bool)
    if not frame.empty and within.all():
        names = " ".join(sorted(set(frame["metric"])))
        raise UsageError(f"only {names}, which compares within a language: nothing over languages can be made of it. "
                         "`table` has its scores, `table --intervals` their intervals, `compare` and `series` their "
                         "differences.")  # fmt: skip
    return frame[~within]


def column(rows: pd.DataFrame) -> pd.Series[float]:
    """One language's item scores in percent, averaged over seeds, by item id."""
    import pandas as pd

    mean: pd.Series[float] = scale_of(rows["metric"].iloc[0]) * pd.concat(list(rows[ITEMS]), axis=1).mean(axis=1)
    return mean


def columns(group: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """{language: its item scores}, English first."""
    parts = {str(unit): rows for unit, rows in group.groupby("language", sort=False)}
    return {unit: column(parts[unit]) for unit in sorted(parts, key=lambda unit: (unit != PIVOT, unit))}


def aligned_by_id(parts: list[pd.Series[float]]) -> tuple[Matrix, pd.Index[str]]:
    """(items, columns), NaN where a column lacks an item; and the items' ids, which they are sorted by."""
    import pandas as pd

    table = pd.concat(parts, axis=1).sort_index()
    return table.to_numpy(dtype=np.float64, copy=True), table.index


def reordered(first: Mapping[Hashable, Any], other: Mapping[Hashable, Any]) -> bool:
    """Whether two languages' candidates stand in other orders, of two rows of a results table with items: of one item
    two places are right, or one place is right in one language only."""
    import pandas as pd

    parts = [row[name] for row in (first, other) for name in (ITEMS, CHOICES)]
    score, place, other_score, other_place = pd.concat(parts, axis=1, join="inner").to_numpy().T
    alike = place == other_place
    return bool((alike & (score != other_score) | ~alike & (score == 1) & (other_score == 1)).any())


def of_languages(units: Iterable[str]) -> list[str]:
    """The languages among units: pairs are other tasks. All of them where there are only pairs."""
    listed = list(units)
    return [unit for unit in listed if not is_pair(unit)] or listed


def matrix(group: pd.DataFrame) -> tuple[Matrix, list[str], Codes | None]:
    """(items, languages) of one model's scores; the languages, English first; the items' clusters."""
    found = columns(group)
    scores, ids = aligned_by_id(list(found.values()))
    return scores, list(found), codes_for(clusters_in(group), ids)


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns of counts as nullable integers, so that a missing one does not make them floats."""
    return table.astype({name: "Int64" for name in COUNTS if name in table.columns})


def gap_of(means: Matrix, units: list[str]) -> NDArray[np.float64] | None:
    """English minus the mean of the others, of means (draws, languages) of a score where more is better; None without
    English or without others."""
    if PIVOT not in units or len(units) < 2:
        return None
    pivot = units.index(PIVOT)
    gap: NDArray[np.float64] = means[:, pivot] - np.delete(means, pivot, axis=1).mean(axis=1)
    return gap


def percentiles(draws: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """The central interval that holds `level` of the draws."""
    tail = 50.0 * (1 - level)
    low, high = np.nanpercentile(draws, [tail, 100 - tail])
    return float(low), float(high)
