"""Measures of two languages' states, or of all, as wholes: N sentences, row by row translations; D dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from xling_bench.represent.retrieval import unit

Matrix = NDArray[np.float64]
BLOCK = 1024


def squared_distances(ours: Matrix, theirs: Matrix) -> Matrix:
    """||x_i - y_i||^2 of each pair of vectors of length 1, (N,), 0 to 4: its mean is Wang and Isola's alignment (AFP,
    Eq. 5). Smaller is better."""
    found: Matrix = ((ours - theirs) ** 2).sum(1)
    return found


def uniformity(vectors: Matrix) -> float:
    """log of the mean of exp(-2 ||x - y||^2) over all pairs of two different rows, of length 1 (Wang and Isola 2020;
    AFP, Eq. 6). At most 0; smaller is more uniform. Of a pair of languages it is taken of both sets of states together.

    No interval: a resampled set holds duplicates, whose distance is 0.
    """
    size, total = len(vectors), 0.0
    for start in range(0, size, BLOCK):
        similar = vectors[start : start + BLOCK] @ vectors.T
        squared = np.maximum(2.0 - 2.0 * similar, 0.0)
        total += float(np.exp(-2.0 * squared).sum()) - len(similar)  # but for each row with itself
    return float(np.log(total / (size * (size - 1))))


def space_cosine(vectors: Matrix) -> float:
    """The mean cosine of two different rows of length 1: how narrow the cone is that all states lie in."""
    size = len(vectors)
    total = vectors.sum(0)
    return float((total @ total - (vectors * vectors).sum()) / (size * (size - 1)))


def normalised_cosine(own: Matrix, space: float) -> Matrix | None:
    """Cosines of translations over the space's mean cosine, (N,): 1 says that they are as near as any two sentences.

    None where the space's mean is not above 0.01: there a ratio says nothing.
    """
    return own / space if space > 0.01 else None


def cka(ours: NDArray[np.floating], theirs: NDArray[np.floating]) -> float:
    """Linear centred kernel alignment, debiased (Kornblith et al. 2019, with Song et al.'s unbiased HSIC): about 0 for
    unrelated states, which the plain form is not where D is near N or above it, and 1 for states equal up to a
    rotation and a scale. NaN where N < 4 or a side is constant.

    No interval: a resampled set holds duplicates.
    """
    if len(ours) < 4:
        return float("nan")
    x, y = (side.astype(np.float64) - side.mean(0, dtype=np.float64) for side in (ours, theirs))
    scale = [float(np.sqrt((side * side).sum())) or 1.0 for side in (x, y)]  # squares of large states lose nothing
    x, y = x / scale[0], y / scale[1]
    both, first, second = _unbiased(x, y), _unbiased(x, x), _unbiased(y, y)
    return both / float(np.sqrt(first * second)) if first > 0 and second > 0 else float("nan")


def _unbiased(x: Matrix, y: Matrix) -> float:
    """HSIC_1 of linear kernels, times N (N - 3), for centred x and y."""
    size = len(x)
    if x.shape[1] * y.shape[1] <= size * size:
        whole = float(((x.T @ y) ** 2).sum())
    else:
        whole = float(((x @ x.T) * (y @ y.T)).sum())
    rows_x, rows_y = (x * x).sum(1), (y * y).sum(1)  # the kernels' diagonals
    return float(
        whole
        - size / (size - 2) * (rows_x @ rows_y)
        + rows_x.sum() * rows_y.sum() / ((size - 1) * (size - 2))
    )


def axis_sensitivity(states: Mapping[str, NDArray[np.floating]] | Sequence[NDArray[np.floating]]) -> Matrix:
    """For each dimension, the variance between the languages' means over the mean variance within a language, (D,)
    (Chang et al. 2022). 0 where languages share a mean; an axis with a large value says which language it is.

    `states`: (N, D) of each of two languages or more. NaN for an axis that is constant within all of them.
    """
    listed = list(states.values()) if isinstance(states, Mapping) else list(states)
    means = np.stack([side.mean(0, dtype=np.float64) for side in listed])  # (languages, D)
    within = np.stack([side.var(0, dtype=np.float64) for side in listed]).mean(0)  # (D,)
    between = means.var(0)
    found: Matrix = np.divide(between, within, out=np.full(within.shape, np.nan), where=within > 0)
    return found


def distances(states: Mapping[str, NDArray[np.floating]]) -> dict[tuple[str, str], Matrix]:
    """How far each two languages are: 1 minus the cosine of each sentence's two translations, (N,), once the mean of
    all states is taken off; 0 where they are the same point, 1 where they have nothing in common. Smaller is nearer.

    `states`: (N, D) of each language, row by row translations. Without their common mean, for all states lie in a
    narrow cone, where every cosine is near 1. What only says which language a state is of stays: that is distance.
    """
    middle = np.mean([side.mean(0, dtype=np.float64) for side in states.values()], axis=0)  # (D,)
    units = {language: unit(side - middle) for language, side in states.items()}
    return {(one, other): 1.0 - (units[one] * units[other]).sum(1) for one, other in combinations(units, 2)}
