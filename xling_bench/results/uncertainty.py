"""Intervals for every cell and every spread over languages, with items as the unit of resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xling_bench.catalog import get_benchmark
from xling_bench.errors import DataError, UsageError
from xling_bench.results.load import refuse_mixed
from xling_bench.results.schema import CHOICES, ITEMS
from xling_bench.results.summary import PERCENT, PIVOT
from xling_bench.stats import bootstrap_means, corrected_std, holm, paired_difference, population_std

if TYPE_CHECKING:
    import pandas as pd

Matrix = NDArray[np.float64]
GROUP = ["model", "benchmark", "family", "shots", "demos", "metric"]
DRAWS, LEVEL = 10_000, 0.95
FEWEST_SHARED = 100  # with fewer items shared by all languages the corrected std and the consistency say nothing


def cell_intervals(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """One row per model, benchmark, language, ... and metric: value, 95 % interval over items, and what it is worth.

    Columns besides the group's: language, n, value, low, high, at_chance (accuracy whose interval holds the chance
    level: gaps between such cells mean nothing), predicted (shares of the classes chosen). Values are percent, averaged
    over seeds item by item. chrF++ is left out: its corpus score is no mean over items.
    """
    import pandas as pd

    rows = []
    for key, group in _with_items(frame).groupby(GROUP, sort=True):
        matrix, units = _matrix(group)
        chance = get_benchmark(str(key[1])).chance if key[-1] == "acc" else None
        for column, unit in enumerate(units):
            scores = matrix[:, column][~np.isnan(matrix[:, column])]
            low, high = _percentiles(bootstrap_means(scores[:, None], draws, seed)[:, 0])
            value = float(scores.mean())
            at_chance = None if chance is None else bool(low <= 100 * chance <= high)
            row = dict(zip([*GROUP, "language", "n", "value"], [*key, unit, scores.size, value], strict=True))
            rows.append({**row, "low": low, "high": high, "at_chance": at_chance, "predicted": _classes(group, unit)})
    return pd.DataFrame(rows, columns=[*GROUP, "language", "n", "value", "low", "high", "at_chance", "predicted"])


def spread_intervals(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """One row per model, benchmark, ... and metric over its languages, resampling item ids shared by all of them.

    Columns: languages, items (ids in any language), shared_items (in all), mean with low and high, gap (English minus
    the mean of the others) with gap_low and gap_high, std (population, as the papers print), std_corrected (without
    sampling noise) with its own interval, consistency (share of language pairs that choose the same candidate on an
    item). The corrected std and consistency need 100 items shared by all languages and are missing otherwise. Pairs are
    left out. Intervals are over items: with several seeds they do not hold the variation of demonstrations.
    """
    import pandas as pd

    rows = []
    have = _with_items(frame)
    for key, group in have[~have["language"].str.contains("-")].groupby(GROUP, sort=True):
        matrix, units = _matrix(group)
        means = bootstrap_means(matrix, draws, seed)
        observed = np.nanmean(matrix, axis=0)
        row: dict[str, Any] = dict(zip(GROUP, key, strict=True))
        row |= {"languages": len(units), "items": matrix.shape[0], "mean": float(observed.mean())}
        row["low"], row["high"] = _percentiles(means.mean(axis=1))
        if PIVOT in units and len(units) > 1:
            pivot = units.index(PIVOT)
            others = [i for i in range(len(units)) if i != pivot]
            row["gap"] = float(observed[pivot] - observed[others].mean())
            row["gap_low"], row["gap_high"] = _percentiles(means[:, pivot] - means[:, others].mean(axis=1))
        row["std"] = population_std(list(observed))
        complete = matrix[~np.isnan(matrix).any(axis=1)]
        row["shared_items"] = complete.shape[0]
        if len(units) > 1 and complete.shape[0] >= FEWEST_SHARED:
            corrected = corrected_std(complete, seed=seed)
            row |= {"std_corrected": corrected.value, "std_low": corrected.low, "std_high": corrected.high}
            row["consistency"] = _consistency(group)
        rows.append(row)
    names = [
        "languages",
        "items",
        "shared_items",
        "mean",
        "low",
        "high",
        "gap",
        "gap_low",
        "gap_high",
        "std",
        "std_corrected",
    ]
    return pd.DataFrame(rows, columns=[*GROUP, *names, "std_low", "std_high", "consistency"])


def compare_models(frame: pd.DataFrame, a: str, b: str, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Model b minus model a on the items both answered, one row per benchmark, language, ... and metric.

    Columns: difference with low and high, p (McNemar's exact for right/wrong, else bootstrap), p_holm (adjusted over
    the languages of the benchmark), mde (smallest difference a test on these items finds with probability 0.8), items.
    Differences are percentage points. Raises UsageError for a model that is not in the table, DataError when the two
    share no cell with items or were measured differently.
    """
    import pandas as pd

    have = _with_items(frame)
    for name in (a, b):
        if name not in set(have["model"]):
            raise UsageError(
                f"no results with items of model {name!r}; there are {', '.join(sorted(set(have['model'])))}"
            )
    rows = []
    for key, group in have[have["model"].isin([a, b])].groupby(GROUP[1:], sort=True):
        sides = [_matrix(group[group["model"] == name]) if (group["model"] == name).any() else None for name in (a, b)]
        if sides[0] is None or sides[1] is None:
            continue
        units = [unit for unit in sides[0][1] if unit in sides[1][1]]
        pairs = [_paired_row(key, group, unit, (a, b), draws, seed) for unit in units]
        rows += _holm_adjusted([row for row in pairs if row is not None])
    if not rows:
        raise DataError(f"{a} and {b} have no cell in common whose items were kept.")
    names = ["language", "items", "difference", "low", "high", "p", "p_holm", "mde"]
    return pd.DataFrame(rows, columns=[*GROUP[1:], *names])


def _paired_row(
    key: Any, group: pd.DataFrame, unit: str, names: tuple[str, str], draws: int, seed: int
) -> dict[str, Any] | None:
    import pandas as pd

    columns = [_column(group[(group["model"] == name) & (group["language"] == unit)]) for name in names]
    table = pd.concat(columns, axis=1, join="inner").to_numpy(dtype=np.float64)
    if table.size == 0:
        return None
    scale = 100.0 if key[-1] in PERCENT else 1.0
    found = paired_difference(table[:, 0] / scale, table[:, 1] / scale, draws=draws, seed=seed)
    row = dict(zip([*GROUP[1:], "language"], [*key, unit], strict=True))
    points = {n: scale * getattr(found, n) for n in ("difference", "low", "high", "mde")}
    return {**row, "items": found.items, "p": found.p, **points}


def _holm_adjusted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    adjusted = holm([row["p"] for row in rows])
    return [{**row, "p_holm": p} for row, p in zip(rows, adjusted, strict=True)]


def _with_items(frame: pd.DataFrame) -> pd.DataFrame:
    refuse_mixed(frame)
    kept = frame[frame[ITEMS].notna() & (frame["metric"] != "chrf")]
    if kept.empty:
        raise DataError("no item scores: run `xling-bench run`, or `lm_eval` with --log_samples (chrF++ has none).")
    return kept


def _column(rows: pd.DataFrame) -> pd.Series[float]:
    """One language's item scores in percent, averaged over seeds."""
    import pandas as pd

    scale = 100.0 if rows["metric"].iloc[0] in PERCENT else 1.0
    mean: pd.Series[float] = scale * pd.concat(list(rows[ITEMS]), axis=1).mean(axis=1)
    return mean


def _matrix(group: pd.DataFrame) -> tuple[Matrix, list[str]]:
    """(items, languages) of scores aligned by item id, NaN where a language lacks an item, and the languages."""
    import pandas as pd

    units = sorted(group["language"].unique(), key=lambda unit: (unit != PIVOT, unit))
    columns = [_column(group[group["language"] == unit]) for unit in units]
    return pd.concat(columns, axis=1).sort_index().to_numpy(dtype=np.float64), [str(unit) for unit in units]


def _percentiles(draws: NDArray[np.float64]) -> tuple[float, float]:
    tail = 50.0 * (1 - LEVEL)
    low, high = np.nanpercentile(draws, [tail, 100 - tail])
    return float(low), float(high)


def _classes(group: pd.DataFrame, unit: str) -> str:
    """`0.90 0.10 0.00`: shares of the candidates chosen, in their order; empty for generation."""
    chosen = np.concatenate([c.to_numpy() for c in group.loc[group["language"] == unit, CHOICES]])
    benchmark = get_benchmark(group["benchmark"].iloc[0])
    width = len(benchmark.labels or benchmark.choices)
    if (chosen < 0).any() or width < 2:  # mLAMA's candidates are others for every item
        return ""
    counts = np.bincount(chosen, minlength=width)
    return " ".join(f"{share:.2f}" for share in counts / counts.sum())


def _consistency(group: pd.DataFrame) -> float | None:
    """Mean over items and pairs of languages of choosing the same candidate; seeds are compared with themselves."""
    import pandas as pd

    shares = []
    for _, part in group.groupby("seed"):
        table = pd.concat(list(part[CHOICES]), axis=1, join="inner").to_numpy()
        if table.size == 0 or (table < 0).any():
            return None
        languages = table.shape[1]
        if languages < 2:
            continue  # a seed that one language only has
        same = sum((table[:, i] == table[:, j]).mean() for i in range(languages) for j in range(i))
        shares.append(100.0 * same / (languages * (languages - 1) / 2))
    return float(np.mean(shares)) if shares else None
