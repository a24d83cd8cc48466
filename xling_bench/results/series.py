"""A unit's item scores as the results table keeps them: a Series each of scores, choices and clusters, by item id."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from xling_bench.metrics.registry import METRICS
from xling_bench.results.schema import CHOICES, CLUSTERS, ITEMS

if TYPE_CHECKING:
    import pandas as pd


class ItemSeries(TypedDict):
    """What is known of the items of one number, each in the order scored: see `results.schema`."""

    items: pd.Series[float]
    choices: pd.Series[int]
    clusters: pd.Series[int] | None


Scores = dict[str, ItemSeries]  # by metric
NOTHING = {ITEMS: None, CHOICES: None, CLUSTERS: None}


def series_of(frame: pd.DataFrame) -> Scores:
    """{metric: its `items`, `choices` and `clusters`}, items in the order scored."""
    found: Scores = {}
    for metric, part in frame.groupby("metric", observed=True, sort=False):
        by_id = part.set_index(part["item"].astype("string"))
        found[str(metric)] = {
            "items": by_id["score"].astype("float64"),
            "choices": by_id["choice"].astype("int64"),
            "clusters": _clusters(by_id["cluster"]),
        }
    return found


def counted(metric: str, scores: Scores, items: int) -> int:
    """Items a value is made of: all that were scored, or those the metric exists for."""
    return len(scores[metric]["items"]) if METRICS[metric].partial and metric in scores else items


def _clusters(names: pd.Series[str]) -> pd.Series[int] | None:
    """Of each item, the position of the first one of its cluster."""
    import pandas as pd

    if names.isna().any():
        return None
    codes, _ = pd.factorize(names)
    firsts = (~pd.Series(codes).duplicated()).to_numpy().nonzero()[0]
    return pd.Series(firsts[codes], index=names.index, dtype="int64", name="cluster")
