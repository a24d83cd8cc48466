"""Models in order, with how sure the order is; a model that lacks cells is named, never ranked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.catalog import get_benchmark
from xling_bench.results.matrix import DRAWS, GROUP, Matrix, aligned_by_id, columns, percentiles, with_items
from xling_bench.stats import bootstrap_means, rank_intervals

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

NAMES = ["cells", "mean", "low", "high", "rank", "rank_best", "rank_worst", "tied_with", "missing"]


def rank_models(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """One row per benchmark, family, shots, demonstrations, metric and model, best first; then over the benchmarks.

    Columns: cells (languages measured, of all that any of the models has), mean over languages with its 95 % interval,
    rank (1 is best), rank_best and rank_worst (the central 95 % of the rank when item ids are resampled together for
    all models: descriptive), tied_with (models whose paired difference from this one has an interval that holds 0, not
    adjusted for their number), missing (languages this model lacks: it is not ranked). Of parallel items only those
    that every ranked model answered count. The last rows rank the mean of the chance-corrected accuracies, where
    several accuracy benchmarks were run with one prompt family each.
    """
    import pandas as pd

    have = with_items(frame)
    rows: list[dict[str, Any]] = []
    overall: dict[tuple[Any, ...], dict[str, tuple[_Ranking, float]]] = {}
    for key, group in have.groupby(GROUP[1:], sort=True):
        ranking = _Ranking(group, draws, seed)
        head = dict(zip(GROUP[1:], key, strict=True))
        rows += [{**head, **row} for row in ranking.rows()]
        chance = get_benchmark(str(head["benchmark"])).chance
        if head["metric"] == "acc" and chance is not None:
            parts = overall.setdefault((head["shots"], head["demos"]), {})
            parts[f"{head['benchmark']}/{head['family']}"] = (ranking, chance)
    for (shots, demos), parts in overall.items():
        benchmarks = {name.partition("/")[0] for name in parts}
        if len(benchmarks) == len(parts) > 1:
            title = f"({len(parts)} accuracy benchmarks)"
            head = {"benchmark": title, "family": "", "shots": shots, "demos": demos, "metric": "chance-corrected acc"}
            rows += [{**head, **row} for row in _pooled(list(parts.values()))]
    return pd.DataFrame(rows, columns=[*GROUP[1:], "model", *NAMES])


class _Ranking:
    """One benchmark's models on common cells and items: `means` (draws, models) and `observed` (models,)."""

    def __init__(self, group: pd.DataFrame, draws: int, seed: int) -> None:
        scores = {str(name): columns(part) for name, part in group.groupby("model", sort=True)}
        self.cells = sorted({unit for found in scores.values() for unit in found})
        self.missing = {name: [u for u in self.cells if u not in found] for name, found in scores.items()}
        self.have = {name: len(found) for name, found in scores.items()}
        self.ranked = [name for name in scores if not self.missing[name]]
        self.plain = {name: float(np.mean([c.mean() for c in found.values()])) for name, found in scores.items()}
        self.means: Matrix = np.empty((draws, 0))
        self.observed: NDArray[np.float64] = np.empty(0)
        if self.ranked:
            self._resample(scores, draws, seed)

    def _resample(self, scores: dict[str, dict[str, pd.Series[float]]], draws: int, seed: int) -> None:
        parts = [scores[name][unit] for unit in self.cells for name in self.ranked]
        values = aligned_by_id(parts)
        width = len(self.ranked)
        for start in range(0, values.shape[1], width):  # an item that one model lacks counts for none
            values[np.isnan(values[:, start : start + width]).any(axis=1), start : start + width] = np.nan
        shape = (-1, len(self.cells), width)
        self.means = bootstrap_means(values, draws, seed).reshape(shape).mean(axis=1)
        self.observed = np.nanmean(values, axis=0).reshape(shape).mean(axis=1)[0]

    def rows(self) -> list[dict[str, Any]]:
        found = [
            {"cells": f"{len(self.cells)}/{len(self.cells)}", **row}
            for row in _ordered(self.ranked, self.means, self.observed)
        ]
        return found + [
            {"model": name, "cells": f"{self.have[name]}/{len(self.cells)}", "mean": self.plain[name],
             "missing": " ".join(lacking)}
            for name, lacking in self.missing.items() if lacking
        ]  # fmt: skip


def _pooled(parts: Sequence[tuple[_Ranking, float]]) -> list[dict[str, Any]]:
    """Rows over benchmarks: each drawn on its own, its mean chance-corrected, then averaged."""
    models = sorted({name for ranking, _ in parts for name in ranking.missing})
    whole = [name for name in models if all(name in ranking.ranked for ranking, _ in parts)]
    cells = sum(len(ranking.cells) for ranking, _ in parts)
    rows = []
    if whole:
        picked = [(r, [r.ranked.index(name) for name in whole], 100 * chance) for r, chance in parts]
        means = np.mean([100 * (r.means[:, i] - c) / (100 - c) for r, i, c in picked], axis=0)
        observed = np.mean([100 * (r.observed[i] - c) / (100 - c) for r, i, c in picked], axis=0)
        rows = [{"cells": f"{cells}/{cells}", **row} for row in _ordered(whole, means, observed)]
    for name in models:
        if name not in whole:
            have = sum(ranking.have.get(name, 0) for ranking, _ in parts)
            lacking = [f"{cells - have} of {cells}"]
            rows.append({"model": name, "cells": f"{have}/{cells}", "missing": " ".join(lacking)})
    return rows


def _ordered(names: Sequence[str], means: Matrix, observed: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Rows of ranked models, best first."""
    rows = []
    for i, (rank, best, worst) in enumerate(rank_intervals(means, list(observed)) if names else []):
        low, high = percentiles(means[:, i])
        ties = [names[j] for j in range(len(names)) if j != i and _holds_zero(means[:, i] - means[:, j])]
        row = {"model": names[i], "mean": float(observed[i]), "low": low, "high": high, "tied_with": ", ".join(ties)}
        rows.append({**row, "rank": str(rank), "rank_best": str(best), "rank_worst": str(worst)})
    return sorted(rows, key=lambda row: (int(str(row["rank"])), str(row["model"])))


def _holds_zero(differences: NDArray[np.float64]) -> bool:
    low, high = percentiles(differences)
    return low <= 0 <= high
