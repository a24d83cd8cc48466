"""Models side by side: one line per benchmark, shots and language, one column per model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xling_bench.core.languages import PIVOT
from xling_bench.metrics.registry import scale_of
from xling_bench.results.mixing import refuse_mixed

if TYPE_CHECKING:
    import pandas as pd

LINE = ["benchmark", "family", "shots", "demos", "metric", "language"]


def side_by_side(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds of every metric, in percent (chrF++ in points), models as columns; NaN where not measured.

    English comes first within its group. Raises DataError when numbers of one cell were not measured alike.
    """
    refuse_mixed(frame)
    scaled = frame.assign(value=frame["metric"].map(scale_of).astype("float64") * frame["value"])
    table = scaled.pivot_table(index=LINE, columns="model", values="value", aggfunc="mean", observed=True)
    order = sorted(table.index, key=lambda key: (*key[:5], key[5] != PIVOT, key[5]))
    return table.loc[order]


def printable(table: pd.DataFrame) -> pd.DataFrame:
    """`side_by_side` with its index as columns."""
    flat = table.reset_index()
    flat.columns.name = None
    return flat
