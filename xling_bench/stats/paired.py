"""Two systems on the same items: exact and bootstrap tests, multiplicity, power, ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from xling_bench.stats.bootstrap import CHUNK, bootstrap_mean
from xling_bench.stats.cluster_sums import Codes, cluster_sums, codes_or_none, standard_error

Matrix = NDArray[np.float64]
MOST_COUNTED = 20  # parts of which all signings are counted: a million
MOST_TILTED = 1e6


@dataclass(frozen=True, slots=True)
class PairedResult:
    """B minus A on shared items, in the scores' unit.

    `items` were answered by both, and form `clusters`; `p` is two-sided; `error` is the difference's standard error.
    """

    difference: float
    low: float
    high: float
    p: float
    items: int
    clusters: int
    error: float
    mde: float


def mcnemar_exact(a: Sequence[float] | NDArray[np.float64], b: Sequence[float] | NDArray[np.float64]) -> float:
    """Two-sided exact McNemar p-value for right/wrong outcomes (1/0) of two systems on the same items.

    2 * P(Binomial(n, 1/2) <= min(n01, n10)), at most 1, over the n items where exactly one system is right; 1 if
    there is none. Raises ValueError for unequal lengths or values other than 0 and 1.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"outcomes must be two vectors of one length, got shapes {x.shape} and {y.shape}")
    if not (np.isin(x, (0.0, 1.0)).all() and np.isin(y, (0.0, 1.0)).all()):
        raise ValueError("McNemar's test needs outcomes of 0 and 1")
    only_a, only_b = int(((x == 1) & (y == 0)).sum()), int(((x == 0) & (y == 1)).sum())
    n, k = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2) for i in range(k + 1)]
    return min(1.0, 2.0 * math.fsum(math.exp(x) for x in logs))


def paired_difference(
    a: Matrix,
    b: Matrix,
    *,
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    alpha: float = 0.05,
    clusters: Codes | None = None,
) -> PairedResult:
    """Mean of b - a over items both have, with its bootstrap interval.

    a, b: (items,) aligned by item id, NaN where one lacks the item; clusters: (items,), which items belong together.
    The p-value is of signings of the clusters' sums: for 0/1 scores exact, which is McNemar's test where items stand
    alone, else `sign_flip`'s.
    `mde` is of a test at `alpha`.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    both = ~(np.isnan(x) | np.isnan(y))
    codes = None if clusters is None else codes_or_none(np.asarray(clusters)[both], int(both.sum()))
    x, y = x[both], y[both]
    if x.size == 0:
        raise ValueError("the two systems share no item")
    delta = y - x
    means = bootstrap_mean(delta, draws, seed, codes)
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(means, [tail, 100.0 - tail])
    sums = delta if codes is None else cluster_sums(delta, codes)
    binary = bool(np.isin(x, (0.0, 1.0)).all() and np.isin(y, (0.0, 1.0)).all())
    exact = mcnemar_exact(x, y) if binary and codes is None else exact_sign_flip(sums) if binary else None
    p = sign_flip(sums, draws, seed) if exact is None else exact
    error, mde = standard_error(delta, codes), minimum_detectable_effect(delta, alpha=alpha, clusters=codes)
    return PairedResult(float(delta.mean()), float(low), float(high), p, int(x.size), int(sums.size), error, mde)


def exact_sign_flip(parts: NDArray[np.float64]) -> float:
    """Two-sided p-value of a zero sum of whole numbers `parts` (clusters,) over all signings of them.

    The share of the 2^n signings whose sum is as far from 0: of parts of 1 and -1, McNemar's exact test. Signings of
    the n parts of one size v sum to v * (2 * Binomial(n, 1/2) - n); the sizes' sums are convolved.
    """
    values = np.asarray(parts, dtype=np.float64)
    sizes, counts = np.unique(np.abs(values[values != 0]), return_counts=True)
    if (sizes != np.round(sizes)).any():
        raise ValueError("the exact test needs sums that are whole numbers")
    chances = np.ones(1)  # of sums -total, -total + 2, ..., total
    for size, n in zip(sizes.astype(int), counts, strict=True):
        spread = np.zeros(size * n + 1)
        spread[::size] = [_binomial(int(n), k) for k in range(n + 1)]
        chances = np.convolve(chances, spread)
    total = chances.size - 1
    sums = np.arange(-total, total + 1, 2)
    return float(min(1.0, math.fsum(chances[np.abs(sums) >= abs(round(float(values.sum())))])))


def _binomial(n: int, k: int) -> float:
    """P(Binomial(n, 1/2) = k)."""
    return math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))


def sign_flip(parts: NDArray[np.float64], draws: int, seed: int) -> float:
    """Two-sided p-value of a zero sum of `parts` (items or clusters,): the share of signings as far from 0.

    Of `draws` random ones, (1 + hits) / (1 + draws). Exact, up to the draws, when the two systems are exchangeable on
    every part, however few there are; a bootstrap calls 8 items significant twice too often. Where no draw is as far,
    the share is below what the draws can tell, and `_tail` says how far below.
    """
    values = np.asarray(parts, dtype=np.float64)
    values = values[values != 0]
    if values.size == 0:
        return 1.0
    far = abs(float(values.sum())) * (1 - 1e-12)
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // values.size)
    hits = 0
    for start in range(0, draws, step):
        signs = rng.integers(0, 2, size=(min(step, draws - start), values.size), dtype=np.int8)
        sums = 2.0 * (signs @ values) - values.sum()
        hits += int((np.abs(sums) >= far).sum())
    return (1 + hits) / (1 + draws) if hits else min(1 / (1 + draws), _tail(values))


def _tail(values: NDArray[np.float64]) -> float:
    """Share of all signings whose sum is as far from 0: counted for few parts, else approximated.

    By the saddlepoint approximation of Lugannani and Rice (1980): the signed sum has the cumulant function
    K(t) = sum log cosh(t v). With K'(t) = s, the observed sum, w = sqrt(2 (t s - K)) and u = t sqrt(K''), one tail is
    1 - Phi(w) + phi(w) (1/u - 1/w); Chernoff's exp(-w^2 / 2) bounds it where t is large.
    """
    sizes = np.abs(values) / np.abs(values).max()
    target = abs(float(values.sum())) / float(np.abs(values).max())
    if sizes.size <= MOST_COUNTED:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate([sums + size, sums - size])
        return float((np.abs(sums) >= target * (1 - 1e-12)).mean())
    low, high = 0.0, 1.0
    while float((sizes * np.tanh(high * sizes)).sum()) < target and high < MOST_TILTED:
        low, high = high, 2 * high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if (sizes * np.tanh(middle * sizes)).sum() < target else (low, middle)
    tilts = high * sizes
    w = math.sqrt(max(0.0, 2 * (high * target - float((np.logaddexp(tilts, -tilts) - math.log(2)).sum()))))
    u = high * math.sqrt(float((sizes**2 * (1 - np.tanh(tilts) ** 2)).sum()))
    bound = math.exp(-w * w / 2)
    if min(u, w) < 1e-6:
        return min(1.0, 2 * bound)
    return 2 * min(bound, math.erfc(w / math.sqrt(2)) / 2 + bound / math.sqrt(2 * math.pi) * (1 / u - 1 / w))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given: reject where the adjusted value is below alpha."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(order) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


def minimum_detectable_effect(
    differences: Matrix, *, alpha: float = 0.05, power: float = 0.8, clusters: Codes | None = None
) -> float:
    """Smallest true mean difference that a two-sided paired test at `alpha` finds with probability `power`.

    (z_(1-alpha/2) + z_power) * standard error, with the observed spread of the differences (items,) of items, or of
    the `clusters` they form, but not below `detectable_floor`: two models that agree on nearly every item would
    otherwise seem measured to perfection.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.size == 0:
        raise ValueError("no items")
    codes = codes_or_none(clusters, values.size)
    groups = values.size if codes is None else int(codes.max()) + 1
    error = standard_error(values, codes) if groups > 1 else 1.0
    floor = detectable_floor(groups, alpha, power) * groups / values.size  # one item changing in each of so many
    return max(detectable(error, alpha=alpha, power=power), floor)


@cache
def detectable_floor(items: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest share of `items` (or clusters) that must change, all in one direction, for an exact test to see it.

    k changes in one direction have p = 2 * (1/2)^k at least; with a share e changing, at least that many do with
    probability P(Binomial(items, e) >= k). Infinite where even all items changing would not be significant.
    """
    k = math.ceil(1 - math.log2(alpha))
    if k > items:
        return math.inf
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_least(k, items, middle) < power else (low, middle)
    return high


def _at_least(k: int, n: int, share: float) -> float:
    """P(Binomial(n, share) >= k), 0 < share < 1."""
    logs = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
        + i * math.log(share) + (n - i) * math.log1p(-share)
        for i in range(k)
    )  # fmt: skip
    return 1.0 - math.fsum(math.exp(x) for x in logs)


def detectable(standard_error: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """(z_(1-alpha/2) + z_power) * standard error: the smallest effect found with probability `power` at `alpha`."""
    return (NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)) * standard_error


def rank_intervals(means: Matrix, observed: Sequence[float], *, level: float = 0.95) -> list[tuple[int, int, int]]:
    """(rank, best, worst) per system, 1 = highest mean, ties sharing the better rank.

    means: (draws, systems), resampled together. The interval is descriptive: percentiles of the rank over draws,
    where a tie counts as the better rank for `best` and as the worse for `worst`.
    """
    above = (means[:, None, :] > means[:, :, None]).sum(axis=2)  # (draws, systems)
    level_with = (means[:, None, :] == means[:, :, None]).sum(axis=2)  # itself included
    tail = 50.0 * (1.0 - level)
    low = np.percentile(1 + above, tail, axis=0, method="nearest")
    high = np.percentile(above + level_with, 100.0 - tail, axis=0, method="nearest")
    scores = np.asarray(observed, dtype=np.float64)
    points = 1 + (scores[None, :] > scores[:, None]).sum(axis=1)
    return [(int(p), int(a), int(b)) for p, a, b in zip(points, low, high, strict=True)]
