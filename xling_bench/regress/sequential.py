"""When a gate may stop before all items are seen: what was drawn so far shows a regression, or rules one out.

Of the gate's alpha a tenth, `SPENT`, is for stopping early at a regression; a gate that sees everything judges with the
rest. So a candidate that is no worse fails in alpha of gates at most: by the union of the two. Stopping early at a pass
errs, calling passed what the whole gate would fail, in `LOSS + SPREAD` of alpha at most (0.9): whatever row the whole
gate fails, the limits that are to rule that out hold for it; as far as no cluster weighs more than `DOMINANT` of the
squares, beyond which only a loss within the tolerance is passed early. Both hold for looks after every item.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from xling_bench.stats import holm, log_capital, lower_limits

Matrix = NDArray[np.float64]
SPENT = 0.1  # of alpha, for stopping early at a regression: half of it for cells, half for means, as in `family.py`
LOSS, SPREAD = 0.8, 0.1  # of alpha, for the limits of a loss and of its standard error
NEAR, FEWEST = 0.97, 30  # of `nearest`: held against exact p of sums of 30 parts and more that differ from 0
DOMINANT = 1 / 30  # of all squares: no claim is made where one part has more


@dataclass(frozen=True, slots=True)
class Drawn:
    """The losses of one benchmark's cells and mean, in the clusters of items drawn so far.

    losses: (t, rows), what a cluster adds to each row's loss, times `total`, the number of all clusters, so that the
    mean of all is the row's loss (1: all items lost). sizes: (t, rows), what it would be if all its items were lost.
    largest: (rows,), the largest size among all clusters. tolerance: (rows,), the loss that changes no verdict.
    """

    losses: Matrix
    sizes: Matrix
    largest: Matrix
    total: int
    tolerance: Matrix

    def evidence(self) -> Matrix:
        """p of each row after each cluster, (t, rows), however often one looks: of a loss of no more than the
        tolerance, be it in the candidate or in these items all together."""
        above = self.losses - self.tolerance * self.sizes
        found: Matrix = np.exp(-log_capital(above, self.total, (1 + self.tolerance) * self.largest))
        return found

    def cleared(self, alpha: float) -> NDArray[np.bool_]:
        """Whether a gate at `alpha` that sees everything is known not to call each row regressed, (t, rows).

        It does so where the loss is above the tolerance and p is below alpha at least (Holm asks for more), so that the
        loss is `nearest` standard errors of signed sums or more; the largest loss and the smallest error are known by
        limits. What a cluster weighs at most is taken from the largest one's size and the largest loss of an item that
        was seen.
        """
        gains = lower_limits((self.largest - self.losses) / (2 * self.largest), self.total, LOSS * alpha)
        squares = lower_limits((self.losses / self.largest) ** 2, self.total, SPREAD * alpha)
        loss, square = self.largest * (1 - 2 * gains), self.largest**2 * squares
        if len(loss) == self.total:  # nothing is left to guess
            loss[-1], square[-1] = self.losses.mean(axis=0), (self.losses**2).mean(axis=0)
        each = np.abs(np.divide(self.losses, self.sizes, out=np.zeros_like(self.losses), where=self.sizes > 0))
        most = (self.largest * np.maximum.accumulate(each, axis=0)) ** 2
        share = np.divide(most, square * self.total, out=np.ones_like(most), where=square > 0)
        critical = nearest(alpha, share) * np.sqrt(square / self.total)
        critical[np.cumsum(self.losses != 0, axis=0) < FEWEST] = 0.0
        found: NDArray[np.bool_] = (loss < critical) | (loss <= self.tolerance + 1e-12)
        return found


def nearest(alpha: float, share: Matrix) -> Matrix:
    """How few standard errors from 0 a sum may be whose p over all signings is below alpha, where its largest part has
    `share` of the squares; 0 beyond DOMINANT.

    The normal distribution's number, less half the step between two signings of the largest part (sums of equal ones
    have such steps), less Cornish and Fisher's term for a fourth cumulant of -2 share, the least that it is. This is no
    theorem: tests/unit/test_sequential.py compares it with exact p.
    """
    z = NormalDist().inv_cdf(1 - alpha / 2)
    step = np.sqrt(share)
    near = np.minimum(NEAR * z, z - step - share * max(0.0, z**3 - 3 * z) / 12)
    found: Matrix = np.where(share > DOMINANT + 1e-12, 0.0, np.maximum(near, 0.0))
    return found


def regressed(cells: Sequence[float], means: Sequence[float]) -> tuple[list[float], list[float]]:
    """p of cells and of means (as of `Drawn.evidence`), adjusted so that below the gate's alpha is regressed.

    By Holm over each kind, and for what a kind has of alpha.
    """
    cost = 2 / SPENT
    adjusted = [[min(1.0, cost * p) for p in holm(kind)] for kind in (cells, means)]
    return adjusted[0], adjusted[1]


def left_for_everything(alpha: float) -> float:
    """The alpha of the gate that has seen everything."""
    return math.fsum((alpha, -SPENT * alpha))
