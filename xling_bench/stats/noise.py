"""The standard deviation over languages without the part that sampling noise adds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xling_bench.stats.bootstrap import Interval
from xling_bench.stats.cluster_sums import Codes, cluster_sums, codes_or_none

Matrix = NDArray[np.float64]
SIMULATIONS = 20_000


def corrected_std(scores: Matrix, *, level: float = 0.95, seed: int = 0, clusters: Codes | None = None) -> Interval:
    """Population standard deviation of the languages' true means, with an interval.

    scores: (items, languages), complete: items shared by all languages; clusters: (items,), which are drawn together.
    The observed variance of the means exceeds the true one by the noise (tr S - 1'S1/L) / L, S being the covariance of
    the languages' means (of an item's outcomes / n, or of clusters' summed residuals / n^2); the estimate subtracts it
    (not below 0). L times the observed variance is close to a * noncentral chi-square, with scale a and degrees of
    freedom matched to the centred covariance; inverting it in the noncentrality gives the interval. A percentile
    bootstrap of the raw value covers 53 % at a true 3.35 points and 500 items.
    Raises ValueError for fewer than two languages or items, or for missing values.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] < 2 or values.shape[1] < 2:
        raise ValueError(f"scores must be (items, languages) with at least two of each, got shape {values.shape}")
    if np.isnan(values).any():
        raise ValueError("scores must be complete: keep the items that all languages share")
    items, languages = values.shape
    observed = languages * float(values.mean(axis=0).var())  # L * population variance
    centred = values - values.mean(axis=1, keepdims=True)
    residuals = centred - centred.mean(axis=0)
    codes = codes_or_none(clusters, items)
    sums = residuals if codes is None else cluster_sums(residuals, codes)
    if len(sums) < 2:
        raise ValueError("scores must be of at least two clusters")
    covariance = sums.T @ sums * (len(sums) / (len(sums) - 1)) / items**2  # (L, L), of the centred means
    trace, trace_square = float(np.trace(covariance)), float((covariance**2).sum())
    estimate = np.sqrt(max(0.0, observed - trace) / languages)
    if trace <= 0 or trace_square <= 0:  # all languages agree on every item: no noise to correct for
        return Interval(float(estimate), float(estimate), float(estimate))
    scale, freedom = trace_square / trace, trace**2 / trace_square
    tail = (1.0 - level) / 2
    low, high = (_noncentrality(observed / scale, freedom, p, seed) for p in (1 - tail, tail))
    return Interval(float(estimate), float(np.sqrt(scale * low / languages)), float(np.sqrt(scale * high / languages)))


def _noncentrality(x: float, freedom: float, probability: float, seed: int) -> float:
    """The noncentrality at which P(chi-square <= x) equals `probability`; 0 when none is small enough.

    Simulated with common random numbers: (z + sqrt(d))^2 plus a central chi-square of one degree less.
    """
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(SIMULATIONS)
    rest = rng.chisquare(max(freedom - 1, 1e-9), SIMULATIONS)

    def below(noncentrality: float) -> float:
        return float(((z + np.sqrt(noncentrality)) ** 2 + rest <= x).mean())

    if below(0.0) <= probability:
        return 0.0
    low, high = 0.0, max(1.0, x)
    while below(high) > probability:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) > probability else (low, middle)
    return (low + high) / 2
