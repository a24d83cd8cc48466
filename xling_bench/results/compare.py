"""Two models on the same items: per language, over languages, and their gaps to English."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.errors import DataError, UsageError
from xling_bench.results.load import load_results
from xling_bench.results.matrix import DRAWS, GROUP, Matrix, aligned_by_id, columns, gap_of, percentiles, with_items
from xling_bench.results.summary import PERCENT
from xling_bench.stats import achieved_significance, bootstrap_means, detectable, holm, paired_difference

if TYPE_CHECKING:
    import pandas as pd

MEAN, GAP = "(mean)", "(gap to en)"
ALPHA = 0.05


def compare_runs(a: Path, b: Path) -> tuple[pd.DataFrame, tuple[str, str], pd.DataFrame]:
    """`compare_models` of two folders: (table, the two models' names, all results of both).

    Raises UsageError for one folder given twice, and for a folder of several models. One model in two folders is
    compared with itself, by path.
    """
    import pandas as pd

    if a.resolve() == b.resolve():
        raise UsageError(f"{a} and {b} are one folder: a comparison needs two runs.")
    frames = [load_results([path]) for path in (a, b)]
    names = []
    for path, frame in zip((a, b), frames, strict=True):
        models = sorted(set(frame["model"]))
        if len(models) > 1:
            raise UsageError(f"{path} holds results of {len(models)} models ({', '.join(models)}); expected one.")
        names.append(str(models[0]))
    if names[0] == names[1]:
        names = [f"{name} ({path})" for name, path in zip(names, (a, b), strict=True)]
        frames = [frame.assign(model=name) for name, frame in zip(names, frames, strict=True)]
    both = pd.concat(frames, ignore_index=True)
    return compare_models(both, *names), (names[0], names[1]), both


def compare_models(frame: pd.DataFrame, a: str, b: str, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Model b minus model a on the items both answered: one row per benchmark, ... metric and language.

    After a benchmark's languages come `(mean)`, the difference of the means over languages, and `(gap to en)`, the
    difference of the gaps (English minus the mean of the others): negative where b's gap is smaller. Pairs count in
    neither. Columns: items, difference with its 95 % interval low and high; p (McNemar's exact for right/wrong, else
    bootstrap; item ids resampled together over languages for the last two); p_holm, adjusted over the languages of the
    benchmark; mde, the smallest difference that such a test at 5 % finds with probability 0.8; mde_holm, the same
    at 5 % divided by the number of languages, what the adjusted test needs at worst. Differences are percentage points.
    Raises UsageError for a model that is not in the table, DataError when the two share no cell with items or were
    measured differently.
    """
    import pandas as pd

    have = with_items(frame)
    for name in (a, b):
        if name not in set(have["model"]):
            raise UsageError(
                f"no results with items of model {name!r}; there are {', '.join(sorted(set(have['model'])))}"
            )
    if a == b:
        raise UsageError(f"{a!r} stands on both sides: a comparison needs two models.")
    rows: list[dict[str, Any]] = []
    for key, group in have[have["model"].isin([a, b])].groupby(GROUP[1:], sort=True):
        first, second = (columns(group[group["model"] == name]) for name in (a, b))
        sides = {unit: pd.concat([first[unit], second[unit]], axis=1, join="inner") for unit in first if unit in second}
        sides = {unit: both for unit, both in sides.items() if not both.empty}
        scale = 100.0 if key[-1] in PERCENT else 1.0
        cells = [{"language": unit, **_cell(both.to_numpy(), scale, draws, seed)} for unit, both in sides.items()]
        cells = _adjusted(cells) + _over_languages(sides, draws, seed)
        rows += [{**dict(zip(GROUP[1:], key, strict=True)), **cell} for cell in cells]
    if not rows:
        raise DataError(f"{a} and {b} have no cell in common whose items were kept.")
    names = ["language", "items", "difference", "low", "high", "p", "p_holm", "mde", "mde_holm"]
    return pd.DataFrame(rows, columns=[*GROUP[1:], *names])


def _cell(both: Matrix, scale: float, draws: int, seed: int) -> dict[str, Any]:
    found = paired_difference(both[:, 0] / scale, both[:, 1] / scale, draws=draws, seed=seed)
    points = {name: scale * getattr(found, name) for name in ("difference", "low", "high", "mde")}
    return {"items": found.items, "p": found.p, **points}


def _adjusted(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    wider = detectable(1.0, alpha=ALPHA / max(1, len(cells))) / detectable(1.0, alpha=ALPHA)
    adjusted = holm([cell["p"] for cell in cells])
    return [{**cell, "p_holm": p, "mde_holm": wider * cell["mde"]} for cell, p in zip(cells, adjusted, strict=True)]


def _over_languages(sides: dict[str, pd.DataFrame], draws: int, seed: int) -> list[dict[str, Any]]:
    """The rows of the mean and of the gap, for two languages or more."""
    units = [unit for unit in sides if "-" not in unit]
    if len(units) < 2:
        return []
    differences = aligned_by_id([sides[unit].iloc[:, 1] - sides[unit].iloc[:, 0] for unit in units])
    drawn = bootstrap_means(differences, draws, seed)
    observed = np.nanmean(differences, axis=0, keepdims=True)
    rows = [_summary(MEAN, len(differences), observed.mean(axis=1), drawn.mean(axis=1))]
    gap, gaps = gap_of(observed, units), gap_of(drawn, units)
    if gap is not None and gaps is not None:
        rows.append(_summary(GAP, len(differences), gap, gaps))
    return rows


def _summary(name: str, items: int, observed: Any, drawn: Any) -> dict[str, Any]:
    low, high = percentiles(drawn)
    kept = drawn[~np.isnan(drawn)]
    row = {"language": name, "items": items, "difference": float(observed[0]), "low": low, "high": high}
    return {**row, "p": achieved_significance(kept), "mde": detectable(float(kept.std(ddof=1)))}
