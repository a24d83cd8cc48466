"""Benchmarks with known truth whose items share a premise or a passage, answered by two models in several languages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xling_bench.results.matrix import gap_of
from xling_bench.stats import bootstrap_means

Matrix = NDArray[np.float64]
UNITS = ["en", "de", "sw", "th", "zh"]
QUANTITIES = ("one language", "mean", "gap", "paired difference of means")


def guessed(rng: np.random.Generator, skill: NDArray[np.float64], habits: NDArray[np.int64]) -> Matrix:
    """Near chance on XNLI: (items, languages) of right/wrong, three hypotheses a premise, one of each label.

    A language knows the answer to `skill` of the items; to the others it gives the premise's habitual class, one of
    `habits` (clusters, 1) for all languages, in seven cases of ten, else any.
    """
    shape = (habits.size * 3, skill.size)
    answers = np.where(rng.uniform(size=shape) < 0.7, np.repeat(habits, 3, axis=0), rng.integers(0, 3, shape))
    label = np.tile(np.arange(3), habits.size)[:, None]
    return ((answers == label) | (rng.uniform(size=shape) < skill)).astype(float)


def read(rng: np.random.Generator, share: NDArray[np.float64], passages: Matrix) -> Matrix:
    """Five questions a passage: right with probability `share`, by language, correlation 0.3 within a passage.

    With probability sqrt(0.3) a question turns out as its passage does, whose ease, 0 to 1, is one of `passages`
    (clusters, 1); half of the rest is shared by languages, too.
    """
    passage = np.repeat(passages, 5, axis=0)
    item, own = rng.uniform(size=passage.shape), rng.uniform(size=(passage.size, share.size))
    rest = np.where(rng.uniform(size=own.shape) < 0.5, item, own)
    return (np.where(rng.uniform(size=item.shape) < 0.3**0.5, passage, rest) < share).astype(float)


def coverage(kind: str, clusters: int, replicates: int, draws: int) -> dict[str, tuple[float, float]]:
    """{quantity: shares of 95 % intervals that hold the truth, resampling clusters and resampling items}."""
    rng = np.random.default_rng(clusters)
    first = np.array([0.10, 0.06, 0.03, 0.0, 0.02]) if kind == "premises" else np.array([0.7, 0.62, 0.5, 0.55, 0.6])
    second = first + 0.02
    width = len(UNITS)
    truths = [first, second] if kind == "passages" else [x + (1 - x) / 3 for x in (first, second)]
    codes = np.repeat(np.arange(clusters), 3 if kind == "premises" else 5)
    held = {name: [0, 0] for name in QUANTITIES}
    expected = _quantities(np.concatenate(truths)[None, :], width)
    for replicate in range(replicates):
        if kind == "premises":
            a, b = (guessed(rng, skill, rng.integers(0, 3, (clusters, 1))) for skill in (first, second))
        else:
            ease = rng.uniform(size=(clusters, 1))
            other = np.where(rng.uniform(size=ease.shape) < 0.5, ease, rng.uniform(size=ease.shape))
            a, b = read(rng, first, ease), read(rng, second, other)
        for way, resampled in enumerate((codes, None)):
            means = _quantities(bootstrap_means(np.hstack([a, b]), draws, replicate, resampled), width)
            for name in QUANTITIES:
                low, high = np.percentile(means[name], [2.5, 97.5])
                held[name][way] += bool(low <= expected[name][0] <= high)
    return {name: (by_cluster / replicates, by_item / replicates) for name, (by_cluster, by_item) in held.items()}


def _quantities(means: Matrix, width: int) -> dict[str, Matrix]:
    a, b = means[:, :width], means[:, width:]
    gap = gap_of(a, UNITS)
    assert gap is not None
    values = (a[:, 1], a.mean(axis=1), gap, (b - a).mean(axis=1))
    return dict(zip(QUANTITIES, values, strict=True))
