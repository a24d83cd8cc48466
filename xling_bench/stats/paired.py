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

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairedResult:
    """B minus A on shared items, in the scores' unit. `items` were answered by both; `p` is two-sided."""

    difference: float
    low: float
    high: float
    p: float
    items: int
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
    a: Matrix, b: Matrix, *, draws: int = 10_000, seed: int = 0, level: float = 0.95, alpha: float = 0.05
) -> PairedResult:
    """Mean of b - a over items both have, with its bootstrap interval.

    a, b: (items,) aligned by item id, NaN where one lacks the item. The p-value is McNemar's exact one for 0/1
    scores, else `sign_flip`'s. `mde` is of a test at `alpha`.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    if x.size == 0:
        raise ValueError("the two systems share no item")
    delta = y - x
    means = bootstrap_mean(delta, draws, seed)
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(means, [tail, 100.0 - tail])
    binary = bool(np.isin(x, (0.0, 1.0)).all() and np.isin(y, (0.0, 1.0)).all())
    p = mcnemar_exact(x, y) if binary else sign_flip(delta, draws, seed)
    mde = minimum_detectable_effect(delta, alpha=alpha)
    return PairedResult(float(delta.mean()), float(low), float(high), p, int(x.size), mde)


def sign_flip(parts: NDArray[np.float64], draws: int, seed: int) -> float:
    """Two-sided p-value of a zero sum of `parts` (items,): the share of `draws` random signings as far from 0.

    Exact, up to the draws, when the two systems are exchangeable on every item, however few there are; a bootstrap
    calls 8 items significant twice too often. Never 0: (1 + hits) / (1 + draws).
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
    return (1 + hits) / (1 + draws)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given: reject where the adjusted value is below alpha."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(order) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


def minimum_detectable_effect(differences: Matrix, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest true mean difference that a two-sided paired test at `alpha` finds with probability `power`.

    (z_(1-alpha/2) + z_power) * sd / sqrt(n), with the observed spread of the per-item differences, but not below
    `detectable_floor`: two models that agree on nearly every item would otherwise seem measured to perfection.
    """
    values = np.asarray(differences, dtype=np.float64)
    n = values.size
    if n == 0:
        raise ValueError("no items")
    spread = float(values.std(ddof=1)) if n > 1 else 1.0
    return max(detectable(spread / math.sqrt(n), alpha=alpha, power=power), detectable_floor(n, alpha, power))


@cache
def detectable_floor(items: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest share of `items` that must change, all in one direction, for an exact paired test to see it.

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
