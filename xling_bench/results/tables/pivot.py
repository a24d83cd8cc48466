"""Models side by side: one line per benchmark, shots and language, one column per model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xling_bench.core.languages import PIVOT
from xling_bench.metrics.registry import digits_of, scale_of
from xling_bench.results.marks import CONTAMINATED, MARK, cells_of
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


def printable(table: pd.DataFrame, frame: pd.DataFrame, *, numbers: bool = False) -> pd.DataFrame:
    """`side_by_side` of `frame` with its index as columns, contaminated numbers marked: with the sign, or, where they
    are to stay `numbers`, by a column that names their models."""
    import pandas as pd

    flat = table.reset_index()
    flat.columns.name = None
    if not (cells := cells_of(frame)):
        return flat
    heads = list(zip(flat["benchmark"], flat["language"], strict=True))
    wrong = {model: [(model, *head) in cells for head in heads] for model in table.columns}
    if numbers:
        told = ["; ".join(model for model in wrong if wrong[model][row]) for row in range(len(flat))]
        return flat.assign(**{CONTAMINATED: told})
    for model, flags in wrong.items():
        shown = [
            f"{value:.{digits}f}{MARK}" if flag and value == value else value  # NaN: not with so many demonstrations
            for value, flag, digits in zip(flat[model], flags, flat["metric"].map(digits_of), strict=True)
        ]
        flat[model] = pd.Series(shown, dtype=object) if any(flags) else flat[model]
    return flat
