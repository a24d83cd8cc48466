"""Which items of results are resampled and signed together: those that share a premise, a passage or an article."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xling_bench.catalog import get_benchmark
from xling_bench.results.schema import CLUSTERS, ITEMS

if TYPE_CHECKING:
    import pandas as pd

Codes = NDArray[np.int64]
FEW_ITEMS = 50
TOO_FEW = f"Intervals from fewer than {FEW_ITEMS} items, or clusters of items, are too narrow"


def clusters_in(rows: pd.DataFrame) -> pd.Series[int] | None:
    """The number of each item's cluster, by item id, in results of one benchmark; None where every item stands alone.

    Languages, models and seeds know clusters each by itself (two sentences that are alike in English may be translated
    differently): items are together when any of them says so, directly or through others.
    """
    import pandas as pd

    known: list[pd.Series[int]] = []
    for series in rows[CLUSTERS]:
        if series is not None and not any(_same(series, other) for other in known):
            known.append(series)
    if not any(series.duplicated().any() for series in known):
        return None
    items = pd.concat([series.index.to_series() for series in known])
    firsts = pd.concat([series.index.to_series().iloc[series.to_numpy()] for series in known])
    codes, ids = pd.factorize(pd.concat([items, firsts]))
    roots = _connected(codes[: len(items)], codes[len(items) :], len(ids))
    return pd.Series(roots, index=pd.Index(ids, dtype="string"))


def _same(one: pd.Series[int], other: pd.Series[int]) -> bool:
    return one is other or (bool(np.array_equal(one.to_numpy(), other.to_numpy())) and one.index.equals(other.index))


def _connected(one: NDArray[np.intp], other: NDArray[np.intp], nodes: int) -> Codes:
    """The smallest node that each is connected with, by the edges between `one` and `other`."""
    roots = np.arange(nodes)
    while True:
        low = np.minimum(roots[one], roots[other])
        found = roots.copy()
        np.minimum.at(found, one, low)
        np.minimum.at(found, other, low)
        found = found[found]
        if np.array_equal(found, roots):
            return roots.astype(np.int64)
        roots = found


def codes_for(clusters: pd.Series[int] | None, ids: pd.Index[str]) -> Codes | None:
    """The cluster of each of `ids`, an item that no cluster is known of by itself; None where all items are."""
    import pandas as pd

    if clusters is None:
        return None
    places = pd.Index(clusters.index).get_indexer(ids)
    codes: Codes = np.where(places < 0, -1 - np.arange(len(ids)), clusters.to_numpy()[places])
    return codes


def count(codes: Codes | None, items: int) -> int:
    """How many clusters `items` items are of."""
    return items if codes is None else int(np.unique(codes).size)


def independent(frame: pd.DataFrame) -> list[int]:
    """How many clusters each row's items are of; all items it has where they stand alone, or nobody knows."""
    counts = zip(frame[CLUSTERS], frame["n"], strict=True)
    return [int(n) if series is None else int(series.nunique()) for series, n in counts]


def too_few(frame: pd.DataFrame, advice: str = "") -> list[str]:
    """A sentence, where intervals mean little because a result has few items; empty if none."""
    return [f"{TOO_FEW}{advice}."] if not frame.empty and min(independent(frame)) < FEW_ITEMS else []


def unclustered(frame: pd.DataFrame) -> list[str]:
    """A sentence, where results of benchmarks whose items share something do not say which items do; empty if none."""
    lacking = frame[frame[ITEMS].notna() & frame[CLUSTERS].isna()]
    found: Sequence[str] = sorted({get_benchmark(str(key)).title for key in lacking["benchmark"] if _shares(str(key))})
    if not found:
        return []
    return [
        f"{', '.join(found)}: some results are of a version that did not record which items share a premise, passage "
        "or article; where no other result says it, their items count as independent, and their intervals are too "
        "wide or too narrow. Measure again to know."
    ]


def _shares(key: str) -> bool:
    benchmark = get_benchmark(key)
    return bool(benchmark.clusters or benchmark.cluster_sizes)
