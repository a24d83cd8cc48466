"""The law fitted to points by non-linear least squares, with intervals.

Written as 100 - S = exp(c - beta u), with u = log(gamma X) less its mean over the points, the two parameters hardly
depend on each other (alpha and beta do: alpha is what is missing at one pair, far from every size measured), and what
is wanted is linear in them: log alpha = c + beta mean log(gamma X), and log(100 - S) at any size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xling_bench.core.errors import DataError
from xling_bench.scale.law import CEILING, Array, Law

LEAST_POINTS = 3  # two parameters, and one point to see how well they fit
DRAWS, SEED, LEVEL = 2_000, 0, 0.95
STEPS, HALVINGS = 100, 30  # of Gauss and Newton (some five are needed), and of one of them
GRID = np.linspace(-4.0, 4.0, 81)  # of beta times the largest |u|: where steps begin
NONE = 1e-12  # a step, or an error in points, that is none
RIDGE = 1e-12  # of a matrix's trace, added to its diagonal so that it has an inverse
Interval = tuple[float, float]


@dataclass(frozen=True)
class Fit:
    """The law that is nearest to points. `sizes` are their gamma X, `scores` their S.

    `spread` is the points' standard deviation about the law, in points of score, with `degrees` of freedom. `falls`:
    scores fall with size, so that beta stands at its bound, 0, and the law is flat.
    """

    alpha: float
    beta: float
    sizes: Array
    scores: Array
    spread: float
    falls: bool
    solution: Array  # (c, beta) without the bound
    drawn: Array  # (draws, 2), of the bootstrap's points

    @property
    def degrees(self) -> int:
        """Points beyond the two that some law would always go through."""
        return len(self.sizes) - 2

    @property
    def _centre(self) -> float:
        return float(np.log(self.sizes).mean())

    def law(self, gamma: float = 1.0) -> Law:
        """The law of a language that is so near to English."""
        return Law(self.alpha, self.beta, gamma)

    def alpha_interval(self) -> Interval | None:
        """95 % of alpha; None where scores fall, or where an end is beyond what a computer counts."""
        ends = self._interval(np.array([1.0, self._centre]))
        return None if self.falls or max(ends) > 700 else (math.exp(ends[0]), math.exp(ends[1]))

    def beta_interval(self) -> Interval | None:
        """95 % of beta, cut at its bound, 0; None where scores fall, so that beta stands at the bound."""
        low, high = self._interval(np.array([0.0, 1.0]))
        return None if self.falls else (max(low, 0.0), max(high, 0.0))

    def score_interval(self, size: float) -> Interval | None:
        """95 % of the law's score at gamma X = size: of the law, not of one more point; None as for alpha."""
        low, high = self._interval(np.array([1.0, self._centre - math.log(size)]))
        return None if self.falls or high > 700 else (CEILING - math.exp(high), CEILING - math.exp(low))

    def _interval(self, direction: Array) -> Interval:
        """Of direction . (c, beta), by the studentised bootstrap: quantiles of (drawn - found) / error of drawn, each
        draw with its own error.

        Plain quantiles of resampled residuals are far too narrow for a handful of points (docs/scale.md).
        """
        value = float(self.solution @ direction)
        if self.spread < NONE:
            return value, value
        u, missing = np.log(self.sizes) - self._centre, CEILING - self.scores
        error = _standard_errors(u, missing[None], self.solution[None], direction)[0]
        points = _drawn_points(u, self.solution, self.spread)
        pivots = (self.drawn @ direction - value) / _standard_errors(u, points, self.drawn, direction)
        low, high = np.percentile(pivots, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
        return float(value - high * error), float(value - low * error)


def fit(pairs: Array, scores: Array, gamma: Array | float = 1.0) -> Fit:
    """The alpha and beta of least squared error. pairs, scores, gamma: (points,), of one language or of several that
    share the law.

    Raises DataError for fewer than three points or three sizes, sizes that are not above 0, scores that are no numbers
    or 100 and more.
    """
    sizes, scores = np.asarray(gamma * pairs, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    many = len(np.unique(sizes))
    if many < LEAST_POINTS:
        raise DataError(f"{len(sizes)} points of {many} sizes; two parameters need {LEAST_POINTS} sizes or more")
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise DataError("sizes must be numbers above 0")
    if not (np.isfinite(scores) & (scores < CEILING)).all():
        raise DataError(f"scores must be numbers below {CEILING:g}, which the law never reaches")
    order = np.lexsort((scores, sizes))  # so that what is drawn does not depend on the points' order
    sizes, scores = sizes[order], scores[order]
    logs = np.log(sizes)
    u, missing = logs - logs.mean(), CEILING - scores
    solution = solve(u, missing[None])[0]
    free = _spread(u, missing, solution)
    falls = bool(solution[1] < 0)
    bound = np.array([math.log(missing.mean()), 0.0]) if falls else solution
    drawn = solve(u, _drawn_points(u, solution, free)) if free >= NONE else solution[None]
    alpha, beta = math.exp(bound[0] + bound[1] * logs.mean()), float(bound[1])
    return Fit(alpha, beta, sizes, scores, _spread(u, missing, bound), falls, solution, drawn)


def _spread(u: Array, missing: Array, solution: Array) -> float:
    return float(np.sqrt(_errors(u, missing[None], solution[None])[0] / (len(u) - 2)))


def _drawn_points(u: Array, solution: Array, spread: float) -> Array:
    """What is missing from 100 when points are measured anew: the law and normal errors, (draws, points)."""
    errors = np.random.default_rng(SEED).standard_normal((DRAWS, len(u)))
    points: Array = _curves(u, solution[None]) + spread * errors
    return points


def _standard_errors(u: Array, missing: Array, solutions: Array, direction: Array) -> Array:
    """Of direction . (c, beta), by each row's own residuals and Jacobian."""
    _, normal = _slopes(u, solutions)
    variances = _errors(u, missing, solutions) / (len(u) - 2)
    shares = np.linalg.solve(normal, np.broadcast_to(direction[:, None], (len(normal), 2, 1)))[:, :, 0] @ direction
    found: Array = np.sqrt(variances * shares)
    return found


def solve(u: Array, missing: Array) -> Array:
    """The (c, beta) of the least sum of (missing - exp(c - beta u))^2, for each row: (rows, points) to (rows, 2).

    Gauss and Newton's steps by the analytic Jacobian, halved where they overshoot, from the best of a grid of beta (of
    a given beta the best exp(c) is known). beta is not bounded here.
    """
    betas = GRID / np.abs(u).max()
    shapes = np.exp(-np.outer(betas, u))  # (grid, points)
    weights = (shapes**2).sum(1)
    heights = np.maximum(missing @ shapes.T / weights, 1e-9)  # (rows, grid)
    best = (heights**2 * weights - 2 * heights * (missing @ shapes.T)).argmin(1)
    rows = np.arange(len(missing))
    found = np.stack([np.log(heights[rows, best]), betas[best]], axis=1)
    error = _errors(u, missing, found)
    for _ in range(STEPS):
        slopes, normal = _slopes(u, found)
        right = np.einsum("rpi,rp->ri", slopes, missing - _curves(u, found))
        step = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
        size = np.ones((len(found), 1))
        for _ in range(HALVINGS):
            worse = ~(_errors(u, missing, found + size * step) <= error)
            size[worse] /= 2
            if not worse.any():
                break
        taken = np.where(worse[:, None], 0.0, size * step)
        found, error = found + taken, np.minimum(error, _errors(u, missing, found + taken))
        if np.abs(taken).max() < NONE:
            break
    return found


def _curves(u: Array, solutions: Array) -> Array:
    with np.errstate(over="ignore"):
        curves: Array = np.exp(solutions[:, :1] - solutions[:, 1:] * u)
    return curves


def _errors(u: Array, missing: Array, solutions: Array) -> Array:
    with np.errstate(over="ignore"):
        total: Array = ((missing - _curves(u, solutions)) ** 2).sum(1)
    return total


def _slopes(u: Array, solutions: Array) -> tuple[Array, Array]:
    """The Jacobian of the curves by c and beta, (rows, points, 2), and its product with itself, (rows, 2, 2)."""
    curves = _curves(u, solutions)
    slopes = np.stack([curves, -u * curves], axis=2)
    normal = np.einsum("rpi,rpj->rij", slopes, slopes)
    # A resampled row may be one spike, where (c, beta) is no longer unique.
    normal += RIDGE * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(2)
    return slopes, normal
