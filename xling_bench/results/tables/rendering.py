"""Tables as text: Markdown aligned for the eye, CSV in full, LaTeX for a paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xling_bench.core import text
from xling_bench.metrics.registry import digits_of
from xling_bench.results.marks import title_of

if TYPE_CHECKING:
    import pandas as pd

P_VALUES = ("p", "p_holm")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows (the first is the header) as Markdown, columns aligned so that it reads well in a terminal too."""
    rows = [[text.markdown(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines) + "\n"


def latex(rows: Sequence[Sequence[str]], title: str = "") -> str:
    """Rows as a LaTeX tabular with booktabs rules; `title` as a comment before it."""
    body = [" & ".join(map(text.latex, row)) + r" \\" for row in rows]
    spec = "".join("r" if _numeric(column) else "l" for column in zip(*rows[1:], strict=True)) or "l" * len(rows[0])
    lines = [rf"\begin{{tabular}}{{{spec}}}", r"\toprule", body[0], r"\midrule", *body[1:], r"\bottomrule"]
    head = f"% {text.flat(title)}\n" if title else ""
    return head + "\n".join([*lines, r"\end{tabular}"]) + "\n"


def _numeric(column: Sequence[str]) -> bool:
    """Whether every cell is a number, a number with a note, or missing."""
    return all(cell == "-" or cell[:1] in "<-+.0123456789" for cell in column)


def to_csv(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as CSV, every line ended by a line feed; nothing in it is a spreadsheet's formula."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([text.spreadsheet(cell) for cell in row] for row in rows)
    return out.getvalue()


def frame_csv(table: pd.DataFrame) -> str:
    """A table as CSV: numbers in full, what is missing empty; nothing in it is a spreadsheet's formula."""
    shown = table.map(text.spreadsheet).rename(columns=text.spreadsheet)
    return str(shown.to_csv(index=False, lineterminator="\n"))


def render_frame(table: pd.DataFrame, form: str = "md") -> str:
    """A table as `md`, `csv` or `latex`.

    Markdown and LaTeX round to one decimal (p-values to three, a metric's row to its `digits`), call benchmarks by
    their titles and write `-` where a value is missing; CSV keeps numbers in full, benchmarks' keys, and leaves missing
    ones empty.
    """
    if form == "csv":
        return frame_csv(table)
    names = [str(name) for name in table.columns]
    digits = [digits_of(str(name)) for name in table["metric"]] if "metric" in names else [1] * len(table)
    lines = zip(table.itertuples(index=False), digits, strict=True)
    rows = [names, *([cell(n, v, d) for n, v in zip(names, values, strict=True)] for values, d in lines)]
    return latex(rows) if form == "latex" else aligned(rows)


def cell(name: str, value: Any, digits: int) -> str:
    """A value of the column `name` as Markdown and LaTeX show it."""
    import pandas as pd

    if value is None or value is pd.NA or value != value or value == "":
        return "-"
    if value is True or value is False:
        return "yes" if value else "no"
    if not isinstance(value, float):
        return title_of(value) if name == "benchmark" else str(value)
    if name in P_VALUES:
        return "<0.001" if value < 0.001 else f"{value:.3f}"
    return f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0: no minus before zero
