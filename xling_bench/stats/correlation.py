"""Rank correlation over a few points, such as languages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
FEWEST = 8  # points, for an interval: with fewer its coverage was simulated to fall (tests/slow/test_coverage.py)
NORMAL = 1.959963984540054  # the 97.5 % quantile


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rho of `n` points with its 95 % interval; `low` and `high` are None where there is none."""

    rho: float | None
    low: float | None
    high: float | None
    n: int


def spearman(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """Spearman's rank correlation, ties at their mean rank, with the interval of Bonett and Wright (2000).

    The interval is tanh(atanh(rho) -+ 1.96 sqrt((1 + rho^2 / 2) / (n - 3))). None with fewer than `FEWEST` points,
    where it does not cover, and for |rho| = 1, where it has no end. `rho` is None with fewer than three points, or
    where one side is constant. The points are taken as drawn independently; related languages are not, so that for
    them the interval is, if anything, too narrow. Raises ValueError for sides of unequal lengths or a value that is
    not finite.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"two sides of one length are needed, got {first.shape} and {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("a value is not finite: leave that point out")
    n = len(first)
    if n < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return Correlation(None, None, None, n)
    a, b = (ranks(side) - (n + 1) / 2 for side in (first, second))
    rho = min(1.0, max(-1.0, float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))))
    if n < FEWEST or abs(rho) > 1 - 1e-12:
        return Correlation(rho, None, None, n)
    middle, half = math.atanh(rho), NORMAL * math.sqrt((1 + rho * rho / 2) / (n - 3))
    return Correlation(rho, math.tanh(middle - half), math.tanh(middle + half), n)


def ranks(values: Matrix) -> Matrix:
    """Ranks from 1, (N,); equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Matrix = last - (counts - 1) / 2
    return means[places]
