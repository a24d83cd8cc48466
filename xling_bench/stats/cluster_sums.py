"""Items that belong together (hypotheses of one premise, questions on one passage): sums over such clusters.

Outcomes within a cluster are correlated. Three hypotheses of one premise, one of each label, are negatively so for a
guesser, who is right on one of them whatever it says: taken as independent, they make intervals too wide. Questions on
one passage are positively so, and make them too narrow (Miller 2024, Adding Error Bars to Evals). Clusters, not items,
are therefore what is drawn, and what is signed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]  # (items,): items of one number are one cluster


def codes_or_none(clusters: Codes | None, items: int) -> Codes | None:
    """The clusters numbered from 0 without gaps; None where every item stands alone. ValueError for another length."""
    if clusters is None:
        return None
    found = np.asarray(clusters)
    if found.shape != (items,):
        raise ValueError(f"clusters must name the cluster of each of {items} items, got shape {found.shape}")
    names, codes = np.unique(found, return_inverse=True)
    return None if names.size == items else codes.astype(np.int64)


def cluster_sums(values: Matrix, clusters: Codes) -> Matrix:
    """Sums over each cluster's rows: (items, ...) -> (clusters, ...). `clusters` are numbered from 0 without gaps."""
    order = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.diff(clusters[order], prepend=-1))
    sums: Matrix = np.add.reduceat(np.asarray(values, dtype=np.float64)[order], starts, axis=0)
    return sums


def standard_error(values: Matrix, clusters: Codes | None = None) -> float:
    """Standard error of the mean of (items,) without missing values, items of one cluster being drawn together.

    sqrt(C / (C - 1) * sum of squares of a cluster's summed residuals) / n, C being the number of clusters; with
    clusters of one item, the sample's standard deviation / sqrt(n). Infinite for one cluster.
    """
    found = np.asarray(values, dtype=np.float64)
    residuals = found - found.mean()
    codes = codes_or_none(clusters, found.size)
    sums = residuals if codes is None else cluster_sums(residuals, codes)
    if sums.size < 2:
        return math.inf
    return math.sqrt(sums.size / (sums.size - 1) * float((sums**2).sum())) / found.size
