"""Item scores as matrices aligned by item id: what intervals, comparisons and ranks resample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xling_bench.errors import DataError
from xling_bench.results.load import refuse_mixed
from xling_bench.results.schema import ITEMS
from xling_bench.results.summary import PERCENT, PIVOT

if TYPE_CHECKING:
    import pandas as pd

Matrix = NDArray[np.float64]
GROUP = ["model", "benchmark", "family", "shots", "demos", "metric"]
DRAWS, LEVEL = 10_000, 0.95


def with_items(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows whose value is a mean of kept item scores. Raises DataError for mixed measurements and for none."""
    refuse_mixed(frame)
    kept = frame[frame[ITEMS].notna() & (frame["metric"] != "chrf")]
    if kept.empty:
        raise DataError("no item scores: run `xling-bench run`, or `lm_eval` with --log_samples (chrF++ has none).")
    return kept


def column(rows: pd.DataFrame) -> pd.Series[float]:
    """One language's item scores in percent, averaged over seeds, by item id."""
    import pandas as pd

    scale = 100.0 if rows["metric"].iloc[0] in PERCENT else 1.0
    mean: pd.Series[float] = scale * pd.concat(list(rows[ITEMS]), axis=1).mean(axis=1)
    return mean


def columns(group: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """{language: its item scores}, English first."""
    units = sorted(group["language"].unique(), key=lambda unit: (unit != PIVOT, unit))
    return {str(unit): column(group[group["language"] == unit]) for unit in units}


def aligned_by_id(parts: list[pd.Series[float]]) -> Matrix:
    """(items, columns), items sorted by id, NaN where a column lacks an item."""
    import pandas as pd

    return pd.concat(parts, axis=1).sort_index().to_numpy(dtype=np.float64, copy=True)


def matrix(group: pd.DataFrame) -> tuple[Matrix, list[str]]:
    """(items, languages) of one model's scores, and the languages, English first."""
    found = columns(group)
    return aligned_by_id(list(found.values())), list(found)


def gap_of(means: Matrix, units: list[str]) -> NDArray[np.float64] | None:
    """English minus the mean of the others, of means (draws, languages); None without English or without others."""
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
