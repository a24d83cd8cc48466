"""How much of a score's way over the checkpoints of a training is noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from xling_bench.stats.paired import holm

ROUNDING = 1e-12  # of the largest score


def neighbour_noise(steps: Sequence[float], scores: Sequence[float]) -> float | None:
    """The standard deviation of scores around their trend, in the scores' unit; None with fewer than three.

    Each inner score is held against the line between its two neighbours: with weights a and b of theirs the difference
    has a^2 + b^2 + 1 times a score's variance where the trend is straight so far, whatever the steps' distances
    (Gasser, Sroka and Jennen-Steinmetz, "Residual variance and residual pattern in nonlinear regression", Biometrika
    1986). What rounding alone may have made is 0. It is noise of the training and of what it makes of the items, which
    are the same at all steps. Raises ValueError for steps that do not rise.
    """
    x, y = np.asarray(steps, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if x.shape != y.shape or (np.diff(x) <= 0).any():
        raise ValueError("steps must rise, with a score each")
    if x.size < 3:
        return None
    a = (x[2:] - x[1:-1]) / (x[2:] - x[:-2])
    b = 1 - a
    off = (a * y[:-2] + b * y[2:] - y[1:-1]) ** 2 / (a**2 + b**2 + 1)
    noise = math.sqrt(float(off.mean()))
    return noise if noise > ROUNDING * float(np.abs(y).max()) else 0.0


def above(level: float, scores: Sequence[float], errors: Sequence[float], *, alpha: float = 0.05) -> list[bool]:
    """Whether each score is above `level`, by one-sided normal tests at `alpha`, adjusted (Holm) over all of them.

    `errors` are the scores' standard errors, above 0.
    """
    normal = NormalDist()
    p = [normal.cdf((level - score) / error) for score, error in zip(scores, errors, strict=True)]
    return [value < alpha for value in holm(p)]
