"""A unit's item scores as the results table keeps them: a Series each of scores, choices and clusters, by item id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xling_bench.metrics.registry import METRICS
from xling_bench.results.schema import CHOICES, CLUSTERS, ITEMS

if TYPE_CHECKING:
    import pandas as pd

NOTHING = {ITEMS: None, CHOICES: None, CLUSTERS: None}


def series_of(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """{metric: its `items`, `choices` and `clusters`}, items in the order scored."""
    found = {}
    for metric, part in frame.groupby("metric", observed=True, sort=False):
        by_id = part.set_index(part["item"].astype("string"))
        found[str(metric)] = {
            ITEMS: by_id["score"].astype("float64"),
            CHOICES: by_id["choice"].astype("int64"),
            CLUSTERS: _clusters(by_id["cluster"]),
        }
    return found


def counted(metric: str, scores: Mapping[str, Any], items: int) -> int:
    """Items a value is made of: all that were scored, or those the metric exists for."""
    return len(scores[metric][ITEMS]) if METRICS[metric].partial and metric in scores else items


def _clusters(names: pd.Series[str]) -> pd.Series[int] | None:
    """Of each item, the position of the first one of its cluster."""
    import pandas as pd

    if names.isna().any():
        return None
    codes, _ = pd.factorize(names)
    firsts = (~pd.Series(codes).duplicated()).to_numpy().nonzero()[0]
    return pd.Series(firsts[codes], index=names.index, dtype="int64", name="cluster")
