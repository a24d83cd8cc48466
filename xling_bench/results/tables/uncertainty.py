"""Intervals for every cell and every spread over languages; what is resampled are items, or clusters of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import UsageError
from xling_bench.core.unit import is_pair
from xling_bench.metrics.registry import is_descriptive, is_share, scale_of, sign_of
from xling_bench.results.chance import chance_in
from xling_bench.results.clusters import Codes, clusters_in, codes_for, count
from xling_bench.results.gaps import gap_is
from xling_bench.results.matrix import (
    DRAWS,
    GROUP,
    LEVEL,
    across_languages,
    columns,
    counted,
    gap_of,
    matrix,
    percentiles,
    reordered,
    with_items,
)
from xling_bench.results.schema import CHOICES, ITEMS
from xling_bench.stats import bootstrap_mean, bootstrap_means, corrected_std, population_std, standard_error

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Flags = dict[tuple[Any, ...], dict[str, bool]]
BELOW = "below"  # in the column `at_chance`: the whole interval lies below the chance level
ONE_ANSWER = 0.95  # share of items that get the same answer from which on a classifier does not classify
FEWEST_CLUSTERS = 20  # with fewer, nobody knows how alike outcomes within one are
FEWEST_SHARED = 100  # with fewer items shared by all languages the corrected std and the consistency say nothing


def cell_intervals(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """One row per model, benchmark, language, ... and metric: value, 95 % interval (by resampling, or
    `exact_bounds`), and what it is worth.

    Columns besides the group's: language, n (items), clusters (of items that share a premise, passage or article: what
    is resampled), value, low, high, chance (what guessing gets; missing where nobody knows), at_chance (accuracy whose
    interval holds the chance level, or nearly one answer to every item: differences between such cells mean nothing;
    `BELOW` where the interval lies below it; so what is true is not above chance), predicted (shares
    of the classes, or places in a list, chosen). Values are percent, averaged over seeds item by item.
    chrF++ is left out: its corpus score is no mean over items.
    """
    import pandas as pd

    rows = []
    for key, group in with_items(frame).groupby(GROUP, sort=True):
        clusters = clusters_in(group)
        for unit, scores in columns(group).items():
            values, codes = np.asarray(scores, dtype=np.float64), codes_for(clusters, scores.index)
            drawn = count(codes, scores.size)
            exact = exact_bounds(values / scale_of(str(key[-1])), drawn) if is_share(str(key[-1])) else None
            low, high = exact or percentiles(bootstrap_mean(values, draws, seed, codes))
            by_seed = _shares(group, unit)
            constant = bool(by_seed) and min(max(shares) for shares in by_seed) >= ONE_ANSWER
            shares = np.mean(by_seed, axis=0) if by_seed else []
            value = float(scores.mean())
            at_chance: bool | str | None = None
            chance = chance_in(group[group["language"] == unit])
            if chance is not None:
                at_chance = bool(low <= 100 * chance <= high) or _near(values, chance, codes) or constant
                at_chance = at_chance or (BELOW if high < 100 * chance else False)
            row = dict(zip([*GROUP, "language", "n", "value"], [*key, unit, scores.size, value], strict=True))
            row |= {"clusters": drawn, "low": low, "high": high, "at_chance": at_chance}
            row["chance"] = None if chance is None else 100 * chance
            rows.append({**row, "predicted": " ".join(f"{share:.2f}" for share in shares)})
    names = ["language", "n", "clusters", "value", "low", "high", "chance", "at_chance", "predicted"]
    return pd.DataFrame(rows, columns=[*GROUP, *names])


def exact_bounds(scores: NDArray[np.float64], clusters: int) -> tuple[float, float] | None:
    """Bounds in percent of a mean of shares that are all 0 or all 1, which resampling says nothing of; None of others.

    Clopper and Pearson's (1934) for none of `clusters`, 0 to 1 - t^(1 / clusters) with t = (1 - LEVEL) / 2, or all of
    them: items of one cluster count once. The share of items above 0 bounds the mean of scores between 0 and 1.
    """
    reach: float = ((1 - LEVEL) / 2) ** (1 / clusters)
    if (scores == 0).all():
        return 0.0, 100 * (1 - reach)
    return (100 * reach, 100.0) if (scores == 1).all() else None


def _near(scores: NDArray[np.float64], chance: float, clusters: Codes | None) -> bool:
    """Whether guessing gives a mean of `scores` (percent) as far from chance in more than 5 % of cases: a bootstrap of
    three wrong answers would be sure of 0.

    Guesses spread as those of independent items do, times what clusters do to the spread of the scores: whoever guesses
    by habit is right on one of three hypotheses of every premise, and is never far from chance.
    """
    items = scores.size
    error = 196 * (chance * (1 - chance) / items) ** 0.5
    if clusters is not None and count(clusters, items) >= FEWEST_CLUSTERS and scores.std() > 0:
        error *= standard_error(scores, clusters) / standard_error(scores)
    return bool(abs(scores.mean() - 100 * chance) <= error + 50 / items)  # normal, with continuity correction


def chance_flags(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> Flags:
    """{group: {language: whether it is not above chance}}, of accuracies whose item scores were kept.

    A spread among languages at chance (see `cell_intervals`) is one of noise or of guessing habits; and a language that
    is surely below it, as one is that prefers an answer which is right less often, is no better.
    """
    pairs = zip(frame["benchmark"], frame["metric"], strict=True)
    guessable = np.array([get_benchmark(key).guessable(metric) for key, metric in pairs], dtype=bool)
    accuracies = frame[guessable & frame[ITEMS].notna()]
    if accuracies.empty:
        return {}
    return flags_of(cell_intervals(accuracies, draws=draws, seed=seed))


def flags_of(cells: pd.DataFrame) -> Flags:
    """The flags in a table of `cell_intervals`."""
    cells = cells[cells["at_chance"].notna()]
    cells = cells.assign(at_chance=cells["at_chance"].astype(bool))  # `BELOW` is true
    return {
        tuple(key): dict(zip(part["language"], part["at_chance"], strict=True))
        for key, part in cells.groupby(GROUP, sort=True)
    }


def spread_intervals(
    frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0, flags: Flags | None = None
) -> pd.DataFrame:
    """One row per model, benchmark, ... and metric over its languages, resampling items shared by all of them.

    Columns: languages, items (ids in any language), clusters (of them, see `cell_intervals`), shared_items (in all),
    mean with low and high, gap (English minus the mean of the others) with gap_low, gap_high and gap_is (see
    `results.gaps`), std (population, as the papers print), std_corrected (without sampling noise) with its own
    interval, consistency (share of language pairs that choose the same candidate on an item), at_chance (how many
    languages are, or are below it, see `cell_intervals`). The corrected std and consistency need 100 items shared by
    all languages and are missing otherwise. Pairs are left out. Intervals are over items: with several seeds they do
    not hold the variation of demonstrations. `flags` are `chance_flags` computed before.
    """
    import pandas as pd

    rows = []
    have = across_languages(with_items(frame))
    flagged = chance_flags(have, draws=draws, seed=seed) if flags is None else flags
    for key, group in have[~have["language"].map(is_pair).astype(bool)].groupby(GROUP, sort=True):
        scores, units, clusters = matrix(group)
        means = bootstrap_means(scores, draws, seed, clusters)
        observed = np.nanmean(scores, axis=0, keepdims=True)
        row: dict[str, Any] = dict(zip(GROUP, key, strict=True))
        row |= {"languages": len(units), "items": scores.shape[0], "clusters": count(clusters, len(scores))}
        row |= {"mean": float(observed.mean())}
        row["low"], row["high"] = percentiles(means.mean(axis=1))
        sign = sign_of(str(key[-1]))
        gap, gaps = gap_of(sign * observed, units), gap_of(sign * means, units)
        if gap is not None and gaps is not None and not is_descriptive(str(key[-1])):
            row["gap"] = float(gap[0])
            row["gap_low"], row["gap_high"] = percentiles(gaps)
            row["gap_is"] = gap_is(flagged.get(tuple(key)), units)
        row["std"] = population_std(list(observed[0]))
        row["at_chance"] = sum(flagged[tuple(key)].values()) if tuple(key) in flagged else None
        whole = ~np.isnan(scores).any(axis=1)
        complete, together = scores[whole], None if clusters is None else clusters[whole]
        row["shared_items"] = complete.shape[0]
        if len(units) > 1 and complete.shape[0] >= FEWEST_SHARED and count(together, len(complete)) > 1:
            corrected = corrected_std(complete, seed=seed, clusters=together)
            row |= {"std_corrected": corrected.value, "std_low": corrected.low, "std_high": corrected.high}
            row["consistency"] = _consistency(group)
        rows.append(row)
    names = [
        "languages",
        "items",
        "clusters",
        "shared_items",
        "mean",
        "low",
        "high",
        "gap",
        "gap_low",
        "gap_high",
        "gap_is",
        "std",
        "std_corrected",
    ]
    if not rows:
        raise UsageError("pairs only, which have no spread over languages here: see `--by source` and `--by target`.")
    return counted(pd.DataFrame(rows, columns=[*GROUP, *names, "std_low", "std_high", "consistency", "at_chance"]))


def _shares(group: pd.DataFrame, unit: str) -> list[list[float]]:
    """Per seed, shares of the candidates chosen, in their order; empty for generation."""
    benchmark = get_benchmark(group["benchmark"].iloc[0])
    width = len(benchmark.labels or benchmark.choices)
    lists = width == 1 and benchmark.chance is not None  # of options; mLAMA's candidates are others for every item
    found = []
    for series in group.loc[group["language"] == unit, CHOICES]:
        chosen = np.empty(0) if series is None else series.to_numpy()
        if not chosen.size or (chosen < 0).any() or not (width > 1 or lists):
            return []
        counts = np.bincount(chosen, minlength=width)
        found.append([float(share) for share in counts / counts.sum()])
    return found


def _consistency(group: pd.DataFrame) -> float | None:
    """Mean over items and pairs of languages of choosing the same candidate; seeds are compared with themselves. Pairs
    whose candidates stand in other orders (`reordered`) are left out."""
    import pandas as pd

    shares = []
    for _, part in group.groupby("seed"):
        table = pd.concat(list(part[CHOICES]), axis=1, join="inner").to_numpy()
        if table.size == 0 or (table < 0).any():
            return None
        rows = part.to_dict(orient="records")
        pairs = [(i, j) for i in range(len(rows)) for j in range(i) if not reordered(rows[i], rows[j])]
        if pairs:  # not of a seed that one language only has
            shares.append(100.0 * float(np.mean([(table[:, i] == table[:, j]).mean() for i, j in pairs])))
    return float(np.mean(shares)) if shares else None
