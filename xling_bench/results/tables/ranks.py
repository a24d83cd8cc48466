"""Models in order, with how sure the order is; a model that lacks cells is named, never ranked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict
from zlib import crc32

import numpy as np

from xling_bench.core.errors import UsageError
from xling_bench.metrics.registry import is_descriptive, sign_of
from xling_bench.results.chance import chance_in
from xling_bench.results.clusters import clusters_in, codes_for
from xling_bench.results.matrix import (
    DRAWS,
    GROUP,
    Matrix,
    across_languages,
    aligned_by_id,
    columns,
    counted,
    of_languages,
    percentiles,
    with_items,
)
from xling_bench.results.schema import Row
from xling_bench.results.tables.uncertainty import Flags, chance_flags
from xling_bench.stats import bootstrap_means, rank_intervals

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

RANKS = ["rank", "rank_best", "rank_worst", "tied_with"]
NAMES = ["languages", "of", "mean", "low", "high", *RANKS, "at_chance", "missing"]


def rank_models(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0, flags: Flags | None = None) -> pd.DataFrame:
    """One row per benchmark, family, shots, demonstrations, metric and model, best first; then over the benchmarks.

    Columns: languages measured, of how many that any model has (pairs count only where there are no languages); mean
    over them with its 95 % interval; rank (1 is best), rank_best and rank_worst (the central 95 % of the rank when
    items, or clusters of them, are resampled together for all models: descriptive), tied_with (models whose paired
    difference from this one has an interval that holds 0, not adjusted for their number); at_chance, how many languages
    are not above chance; missing, the languages this model lacks: it is not ranked. Nor is a model with more than half
    of its languages there, and nothing is where fewer than two models are left. Of the items only those that every
    ranked model answered count; where there are none in a language, missing says so and nothing is ranked, nor is it
    by a metric that only describes, of which there are no rows. The last rows rank the mean of the chance-corrected
    accuracies, where several accuracy benchmarks were run with one prompt family each. `flags` are `chance_flags`
    computed before.
    """
    import pandas as pd

    have = _directed(across_languages(with_items(frame)))
    models = sorted({str(name) for name in have["model"]})
    flags = chance_flags(have, draws=draws, seed=seed) if flags is None else flags
    rows: list[Row] = []
    overall: dict[tuple[Any, ...], dict[str, tuple[_Ranking, float]]] = {}
    for key, group in have.groupby(GROUP[1:], sort=True):
        head = dict(zip(GROUP[1:], key, strict=True))
        ranking = _Ranking(group, models, {name: flags.get((name, *key)) for name in models}, draws, seed)
        rows += [{**head, **row} for row in ranking.rows()]
        chance = chance_in(group)
        if chance is not None:
            parts = overall.setdefault((head["shots"], head["demos"], head["metric"]), {})
            parts[f"{head['benchmark']}/{head['family']}"] = (ranking, chance)
    for (shots, demos, metric), parts in overall.items():
        benchmarks = {name.partition("/")[0] for name in parts}
        if len(benchmarks) == len(parts) > 1:
            title = f"({len(parts)} accuracy benchmarks)"
            head = {"benchmark": title, "family": "", "shots": shots, "demos": demos}
            head["metric"] = f"chance-corrected {metric}"
            rows += [{**head, **row} for row in _pooled(list(parts.values()), models)]
    return counted(pd.DataFrame(rows, columns=[*GROUP[1:], "model", *NAMES]))


def _directed(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of metrics of which more is better or worse. Raises UsageError where there are others only."""
    describes = frame["metric"].map(is_descriptive).astype(bool)
    if describes.all():
        names = " ".join(sorted(set(frame["metric"])))
        raise UsageError(f"only {names}, of which more is neither better nor worse: no models can be ranked by it. "
                         "`table` has the scores, `table --intervals` their intervals.")  # fmt: skip
    return frame[~describes]


class Place(TypedDict):
    """One model's row of `rank_models`, but for what it is of."""

    model: str
    languages: NotRequired[int]
    of: NotRequired[int]
    mean: NotRequired[float | None]
    low: NotRequired[float]
    high: NotRequired[float]
    rank: NotRequired[int]
    rank_best: NotRequired[int]
    rank_worst: NotRequired[int]
    tied_with: NotRequired[str]
    at_chance: NotRequired[int | None]
    missing: NotRequired[str]


class _Ranking:
    """One benchmark's models on common cells and items: `means` (draws, models) and `observed` (models,)."""

    def __init__(
        self, group: pd.DataFrame, models: list[str], flags: dict[str, dict[str, bool] | None], draws: int, seed: int
    ) -> None:
        scores = {str(name): columns(part) for name, part in group.groupby("model", sort=True)}
        self.cells = of_languages(sorted({unit for found in scores.values() for unit in found}))
        self.missing = {name: [u for u in self.cells if u not in scores.get(name, {})] for name in models}
        self.ranked = [name for name in models if not self.missing[name]]
        self.unshared: list[str] = []  # languages in which these share no item: then none is ranked
        self.at_chance = {
            name: None if found is None else sum(found.get(unit, False) for unit in self.cells)
            for name, found in flags.items()
        }
        self.plain = {
            name: float(np.mean([found[u].mean() for u in self.cells if u in found]))
            for name, found in scores.items() if len(self.missing[name]) < len(self.cells)
        }  # fmt: skip
        self.sign = sign_of(str(group["metric"].iloc[0]))
        self.means: Matrix = np.empty((draws, 0))
        self.observed: NDArray[np.float64] = np.empty(0)
        if self.ranked:
            self._resample(scores, clusters_in(group), draws, [seed, crc32(str(group["benchmark"].iloc[0]).encode())])

    def _resample(
        self,
        scores: dict[str, dict[str, pd.Series[float]]],
        clusters: pd.Series[int] | None,
        draws: int,
        seed: list[int],
    ) -> None:
        """Draw items with a seed of the benchmark's own, so that benchmarks of one size are drawn independently."""
        values, ids = aligned_by_id([scores[name][unit] for unit in self.cells for name in self.ranked])
        width = len(self.ranked)
        for start in range(0, values.shape[1], width):  # an item that one model lacks counts for none
            values[np.isnan(values[:, start : start + width]).any(axis=1), start : start + width] = np.nan
        firsts = zip(self.cells, values[:, ::width].T, strict=True)
        self.unshared = [unit for unit, column in firsts if bool(np.isnan(column).all())]
        if self.unshared:
            self.ranked = []
            return
        shape = (-1, len(self.cells), width)
        self.means = bootstrap_means(values, draws, seed, codes_for(clusters, ids)).reshape(shape).mean(axis=1)
        self.observed = np.nanmean(values, axis=0).reshape(shape).mean(axis=1)[0]

    def rows(self) -> list[Place]:
        """Ranked models, best first, then those at chance, then those that lack languages."""
        above = [_above_chance(self.at_chance[name], len(self.cells)) for name in self.ranked]
        ordered = _ordered(self.ranked, self.means, self.observed, above, self.sign)
        rows: list[Place] = [{**row, "languages": len(self.cells)} for row in ordered]
        for name, lacking in self.missing.items():
            if lacking:
                row: Place = {"model": name, "languages": len(self.cells) - len(lacking), "mean": self.plain.get(name)}
                rows.append({**row, "missing": "all" if name not in self.plain else " ".join(lacking)})
            elif self.unshared:
                why = f"no shared items: {' '.join(self.unshared)}"
                rows.append({"model": name, "languages": len(self.cells), "mean": self.plain[name], "missing": why})
        return [{**row, "of": len(self.cells), "at_chance": self.at_chance[row["model"]]} for row in rows]


def _pooled(parts: Sequence[tuple[_Ranking, float]], models: list[str]) -> list[Place]:
    """Rows over benchmarks: each drawn on its own, its mean chance-corrected, then averaged."""
    whole = [name for name in models if all(name in ranking.ranked for ranking, _ in parts)]
    cells = sum(len(ranking.cells) for ranking, _ in parts)
    rows: list[Place] = []
    if whole:
        picked = [(r, [r.ranked.index(name) for name in whole], 100 * chance) for r, chance in parts]
        means = np.mean([100 * (r.means[:, i] - c) / (100 - c) for r, i, c in picked], axis=0)
        observed = np.mean([100 * (r.observed[i] - c) / (100 - c) for r, i, c in picked], axis=0)
        above = [_above_chance(sum(r.at_chance[name] or 0 for r, _ in parts), cells) for name in whole]
        rows = [{**row, "languages": cells} for row in _ordered(whole, means, observed, above)]
    for name in models:
        lacking = sum(len(ranking.missing[name] or ranking.unshared) for ranking, _ in parts)
        if lacking:
            rows.append({"model": name, "languages": cells - lacking, "missing": f"{lacking} of {cells}"})
    for row in rows:
        counts = [ranking.at_chance[row["model"]] for ranking, _ in parts]
        row["of"], row["at_chance"] = cells, sum(count or 0 for count in counts)
    return rows


def _above_chance(at_chance: int | None, cells: int) -> bool:
    """Whether a place in the order would say anything: not where guessing explains most of what it is made of."""
    return 2 * (at_chance or 0) <= cells


def _ordered(
    names: Sequence[str], means: Matrix, observed: NDArray[np.float64], above: Sequence[bool], sign: int = 1
) -> list[Place]:
    """Rows of complete models, best first; those `above` chance are ranked where there are at least two of them. `sign`
    is -1 where the lowest is best."""
    rows: list[Place] = []
    for i, name in enumerate(names):
        low, high = percentiles(means[:, i])
        rows.append({"model": name, "mean": float(observed[i]), "low": low, "high": high})
    ranked = [i for i, yes in enumerate(above) if yes]
    if len(ranked) > 1:
        places = rank_intervals(sign * means[:, ranked], [float(sign * observed[i]) for i in ranked])
        for i, (rank, best, worst) in zip(ranked, places, strict=True):
            ties = [names[j] for j in ranked if j != i and _holds_zero(means[:, i] - means[:, j])]
            rows[i] |= {"rank": rank, "rank_best": best, "rank_worst": worst, "tied_with": ", ".join(ties)}
    return sorted(rows, key=lambda row: (row.get("rank", len(rows) + 1), row["model"]))


def _holds_zero(differences: NDArray[np.float64]) -> bool:
    low, high = percentiles(differences)
    return low <= 0 <= high
