"""Two models on the same items: per language, over languages, and their gaps to English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import numpy as np

from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.languages import PIVOT
from xling_bench.core.reading import real
from xling_bench.metrics.registry import is_descriptive, is_within_language, scale_of, sign_of
from xling_bench.results.ancestry import trained_from
from xling_bench.results.clusters import Codes, clusters_in, codes_for
from xling_bench.results.frame import load_results
from xling_bench.results.gaps import gap_is
from xling_bench.results.given import Run, given
from xling_bench.results.marks import title_of
from xling_bench.results.matrix import (
    DRAWS,
    GROUP,
    aligned_by_id,
    columns,
    counted,
    gap_of,
    noise_of,
    of_languages,
    percentiles,
    with_items,
)
from xling_bench.results.mixing import accept_engines
from xling_bench.results.naming import DIGITS, told_apart
from xling_bench.results.schema import NOTES, Row
from xling_bench.results.tables.uncertainty import chance_flags
from xling_bench.stats import (
    bootstrap_means,
    cluster_sums,
    detectable,
    detectable_floor,
    holm,
    paired_difference,
    sign_flip,
)

if TYPE_CHECKING:
    import pandas as pd

MEAN, GAP = "(mean)", "(gap to en)"
ALPHA = 0.05
NAMES = ["language", "languages", "items", "clusters", "difference", "low", "high", "error", "p", "p_holm", "mde",
         "mde_holm"]  # fmt: skip


class Comparison(TypedDict):
    """One row of `compare_models`, but for what it is of."""

    language: str
    languages: int
    items: int
    clusters: int
    difference: float
    low: float
    high: float
    error: float
    p: float
    mde: NotRequired[float]
    p_holm: NotRequired[float]
    mde_holm: NotRequired[float]


CHANCE = ["at_chance_a", "at_chance_b", "gap_is_a", "gap_is_b"]


def compare_runs(
    a: Run, b: Run, seeds: Sequence[int] = (), *, allow_engines: bool = False
) -> tuple[pd.DataFrame, tuple[str, str], pd.DataFrame]:
    """`compare_models` of two runs, given as for `load_results`: (table, the two models' names, all results of both).

    `seeds` limits few-shot results to these; `allow_engines` takes what different engines computed. Raises UsageError
    for one folder given twice, and for a folder of several models. Where one of the two was trained from the other, by
    its record, the base stands first, and a note says so. Sides of one name are told apart by fingerprint, or,
    one model in two folders, by the folders' names.
    """
    import pandas as pd

    sides = [given(a), given(b)]
    if real(sides[0].path) == real(sides[1].path):
        raise UsageError(f"{sides[0].path} and {sides[1].path} are one folder: a comparison needs two runs.")
    both_sides = [one_model(side) for side in sides]
    names = [name for name, _ in both_sides]
    frames = [with_seeds(frame, seeds) for _, frame in both_sides]
    if names[0] == names[1]:
        names = _distinguished(names[0], frames, [side.path for side in sides])
        frames = [frame.assign(model=name) for name, frame in zip(names, frames, strict=True)]
    both = pd.concat(frames, ignore_index=True)
    both.attrs[NOTES] = [note for frame in frames for note in frame.attrs.get(NOTES, [])]  # which concat may drop
    bases = trained_from(both)
    for base, trained in ((names[0], names[1]), (names[1], names[0])):
        if bases.get(trained) == base:
            order = "" if base == names[0] else ": the base stands first, as A"
            both.attrs[NOTES] += [f"{trained} was trained from {base}, as its record says{order}."]
            names = [base, trained]
    if allow_engines:
        both, notes = accept_engines(both)
        both.attrs[NOTES] = [*both.attrs.get(NOTES, []), *notes]
    return compare_models(both, *names), (names[0], names[1]), both


def _distinguished(name: str, frames: Sequence[pd.DataFrame], paths: Sequence[Path]) -> list[str]:
    prints = [str(frame["fingerprint"].iloc[0])[:DIGITS] for frame in frames]
    if "" not in prints and prints[0] != prints[1]:
        return [f"{name} ({print_})" for print_ in prints]
    return [f"{name} ({mark})" for mark in told_apart(paths)]


def one_model(run: Run) -> tuple[str, pd.DataFrame]:
    """(model's name, results) of a run or a baseline file. Raises UsageError where it holds several models."""
    frame = load_results([run])
    models = sorted(set(frame["model"]))
    if len(models) > 1:
        path = given(run).path
        raise UsageError(f"{path} holds results of {len(models)} models ({', '.join(models)}); expected one.")
    return str(models[0]), frame


def with_seeds(frame: pd.DataFrame, seeds: Sequence[int]) -> pd.DataFrame:
    """Only these seeds (all, if none are given); zero-shot results, which have none, stay.

    Raises UsageError for a seed that no few-shot result has, and when nothing is left.
    """
    there = set(frame.loc[frame["shots"] > 0, "seed"])
    absent = [seed for seed in seeds if there and seed not in there]
    if absent:
        raise UsageError(f"--seeds: no results of seed {', '.join(map(str, absent))}; there are {sorted(there)}.")
    kept = frame[frame["seed"].isin(seeds) | (frame["shots"] == 0)] if seeds else frame
    if kept.empty:
        raise UsageError(f"--seeds {','.join(map(str, seeds))}: there are {sorted(set(frame['seed']))}")
    return kept


def compare_models(
    frame: pd.DataFrame, a: str, b: str, *, draws: int = DRAWS, seed: int = 0, alpha: float = ALPHA
) -> pd.DataFrame:
    """Model b minus model a on the items both answered: one row per benchmark, ... metric and language.

    After a benchmark's languages come `(mean)`, the difference of the means over languages, and `(gap to en)`, the
    difference of the gaps (English minus the mean of the others): negative where b's gap is smaller. Pairs count in
    neither where there are languages. Columns: languages (compared in this row), items (answered by both, in any of
    them), clusters (of items that share a premise, passage or article), difference with its 95 % interval low and high
    (clusters resampled together over languages) and standard error; p (McNemar's exact for right/wrong, else sign
    flips, of clusters' sums where items share something); p_holm, adjusted over the languages of the benchmark; mde,
    the smallest difference that such a test at `alpha` finds with probability 0.8; mde_holm, the same at `alpha`
    divided by the number of languages, what the adjusted test needs at worst; at_chance_a and at_chance_b, how many of
    the row's languages are not above chance in each model; gap_is_a and gap_is_b, how each model's gap is to be read
    (see `results.gaps`): a difference says nothing where one of them does. Differences are printed ones. What only one
    side has is left out: see `left_out`. Raises UsageError for a model that is not in the table, DataError when the two
    share no cell with items or were measured differently.
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
    flags = chance_flags(have[have["model"].isin([a, b])], draws=draws, seed=seed)
    rows: list[Row] = []
    for key, group in have[have["model"].isin([a, b])].groupby(GROUP[1:], sort=True):
        first, second = (columns(group[group["model"] == name]) for name in (a, b))
        sides = {u: pd.concat([first[u], second[u]], axis=1, join="inner").sort_index() for u in first if u in second}
        sides = {unit: both for unit, both in sides.items() if not both.empty}
        metric = str(key[-1])
        settings = Settings(scale_of(metric), sign_of(metric), draws, seed, alpha, noise_of(metric))
        clusters = clusters_in(group)
        cells = [difference_of(x, both, codes_for(clusters, both.index), settings) for x, both in sides.items()]
        cells = _adjusted(cells, settings.scale, alpha)
        cells += [] if is_within_language(metric) else over_languages(sides, clusters, settings)
        if is_descriptive(metric):
            cells = [cell for cell in cells if cell["language"] != GAP]
        flagged = [flags.get((name, *key)) for name in (a, b)]
        rows += [
            {**dict(zip(GROUP[1:], key, strict=True)), **cell, **_at_chance(cell, sides, flagged)} for cell in cells
        ]
    if not rows:
        raise DataError(f"{a} and {b} have no cell in common. {' '.join(left_out(have, a, b))}")
    return counted(pd.DataFrame(rows, columns=[*GROUP[1:], *NAMES, *CHANCE]))


def left_out(frame: pd.DataFrame, a: str, b: str) -> list[str]:
    """What one of the two models has and the other lacks, one sentence per benchmark and model; empty if nothing."""
    units: dict[tuple[Any, ...], dict[str, set[str]]] = {}
    for row in zip(*(frame[name] for name in [*GROUP[1:5], "model", "language"]), strict=True):
        *key, model, unit = row
        units.setdefault(tuple(key), {}).setdefault(str(model), set()).add(str(unit))
    notes = []
    for (benchmark, *setting), found in sorted(units.items()):
        for mine, other in ((a, b), (b, a)):
            more = sorted(found.get(mine, set()) - found.get(other, set()))
            if more:
                what = "everything" if other not in found else " ".join(more)
                head = " ".join(map(str, (title_of(benchmark), *setting)))
                notes.append(f"Only {mine} has {head}: {what}.")
    return notes


@dataclass(frozen=True, slots=True)
class Settings:
    """How differences are tested: points of a score of 1, whether more is better (1) or worse (-1), resamplings, their
    seed, the level of `mde`, and an item's difference below which it is none."""

    scale: float
    sign: int
    draws: int
    seed: int
    alpha: float
    noise: float = 0.0


def difference_of(language: str, both: pd.DataFrame, codes: Codes | None, settings: Settings) -> Comparison:
    """One language's row: the second column of item scores minus the first."""
    a, b = both.to_numpy().T / settings.scale
    b = np.where(np.abs(b - a) < settings.noise, a, b)
    found = paired_difference(a, b, draws=settings.draws, seed=settings.seed, alpha=settings.alpha, clusters=codes)
    points = settings.scale
    return {
        "language": language,
        "languages": 1,
        "items": found.items,
        "clusters": found.clusters,
        "difference": points * found.difference,
        "low": points * found.low,
        "high": points * found.high,
        "error": points * found.error,
        "p": found.p,
        "mde": points * found.mde,
    }


def detectable_at(row: Mapping[Any, Any], scale: float, alpha: float) -> float:
    """The smallest difference, in points, that a test of a row of `compare_models` at `alpha` finds with probability
    0.8: by its `error`, but no less than what one item changing in enough of the clusters makes, in one language."""
    one = float(scale * row["clusters"] / row["items"] / row["languages"])
    return max(detectable(float(row["error"]), alpha=alpha), one * detectable_floor(int(row["clusters"]), alpha))


def _adjusted(cells: list[Comparison], scale: float, alpha: float) -> list[Comparison]:
    share = alpha / max(1, len(cells))
    adjusted = holm([cell["p"] for cell in cells])
    return [
        {**cell, "p_holm": p, "mde_holm": detectable_at(cell, scale, share)}
        for cell, p in zip(cells, adjusted, strict=True)
    ]


def _at_chance(cell: Comparison, sides: dict[str, pd.DataFrame], flagged: list[dict[str, bool] | None]) -> Row:
    units = of_languages(sides) if cell["language"] in (MEAN, GAP) else [cell["language"]]
    counts = [None if flags is None else sum(flags[unit] for unit in units) for flags in flagged]
    found: Row = {"at_chance_a": counts[0], "at_chance_b": counts[1]}
    if cell["language"] == GAP:
        found |= {"gap_is_a": gap_is(flagged[0], units), "gap_is_b": gap_is(flagged[1], units)}
    return found


def over_languages(
    sides: dict[str, pd.DataFrame], clusters: pd.Series[int] | None, settings: Settings
) -> list[Comparison]:
    """The rows of the mean and of the gap, for two languages or more."""
    units = of_languages(sides)
    if len(units) < 2:
        return []
    differences, ids = aligned_by_id([sides[unit].iloc[:, 1] - sides[unit].iloc[:, 0] for unit in units])
    codes = codes_for(clusters, ids)
    drawn = bootstrap_means(differences, settings.draws, settings.seed, codes)
    observed = np.nanmean(differences, axis=0, keepdims=True)
    # What every item adds to each language's mean: signings keep a cluster's items, and an item's languages, together.
    parts = np.nan_to_num(differences) / (~np.isnan(differences)).sum(axis=0)
    if codes is not None:
        parts = cluster_sums(parts, np.unique(codes, return_inverse=True)[1])
    rows = [(MEAN, observed.mean(axis=1), drawn.mean(axis=1), parts.mean(axis=1))]
    gap, gaps, part = (gap_of(settings.sign * values, units) for values in (observed, drawn, parts))
    if PIVOT in units and gap is not None and gaps is not None and part is not None:
        rows.append((GAP, gap, gaps, part))
    found: list[Comparison] = []
    for name, value, values, shares in rows:
        low, high = percentiles(values)
        row: Comparison = {
            "language": name,
            "languages": len(units),
            "items": len(differences),
            "clusters": len(parts),
            "difference": float(value[0]),
            "low": low,
            "high": high,
            "error": float(np.nanstd(values, ddof=1)),
            "p": sign_flip(shares, settings.draws, settings.seed),
        }
        found.append({**row, "mde": detectable_at(row, settings.scale, settings.alpha)})
    return found
