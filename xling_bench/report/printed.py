"""Tables as the page prints them: cells as text, with what they sort by, and what several sections do to tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xling_bench.catalog import get_benchmark
from xling_bench.core.text import visible
from xling_bench.metrics.registry import digits_of
from xling_bench.report.labels import number
from xling_bench.report.missing import missing
from xling_bench.report.setting import Setting
from xling_bench.results.tables.rendering import P_VALUES

if TYPE_CHECKING:
    import pandas as pd

HEAD = {"model": "Model", "benchmark": "Benchmark", "setting": "Setting", "metric": "Metric"}
PROMPTS = {"family": "Prompts"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A printed table cell; `order` is what a numeric column sorts by, None in a column of text."""

    text: str
    order: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A printed column."""

    title: str
    number: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table as `plain_table` of macros.html.j2 prints it; `marked` rows are greyed."""

    columns: list[Column]
    rows: list[list[Cell]]
    marked: frozenset[int] = frozenset()


def printed(table: pd.DataFrame, titles: dict[str, str] | None = None) -> Table:
    """A table's cells as text: numbers rounded to one decimal or their metric's (p to three), `–` where missing, names
    made visible.

    `titles` picks, orders and names the columns; all of them without it.
    """
    chosen = titles or {str(name): str(name).replace("_", " ") for name in table.columns}
    digits = [digits_of(str(name)) for name in table["metric"]] if "metric" in table.columns else [1] * len(table)
    columns, cells = [], []
    for name, title in chosen.items():
        values = list(table[name])
        numeric = any(_is_number(value) for value in values)
        columns.append(Column(title, numeric))
        cells.append([_cell(v, numeric, d, small=name in P_VALUES) for v, d in zip(values, digits, strict=True)])
    return Table(columns, [list(row) for row in zip(*cells, strict=True)])


def printed_or_none(table: pd.DataFrame | None) -> Table | None:
    """`printed` where there is anything to print."""
    return None if table is None or table.empty else printed(table)


def with_interval(table: pd.DataFrame, low: str, high: str) -> pd.DataFrame:
    """With the column `interval`: `[-0.1, 2.0]`, empty where a bound is missing."""
    bounds = zip(table[low], table[high], strict=True)
    return table.assign(interval=["" if missing(a) or missing(b) else f"[{short(a)}, {short(b)}]" for a, b in bounds])


def short(value: float) -> str:
    """One decimal, and no minus before zero."""
    return f"{round(value, 1) + 0.0:.1f}"


def titled(table: pd.DataFrame) -> pd.DataFrame:
    """With the benchmarks' titles for their keys, and the setting in words where it is in two columns."""
    table = table.assign(benchmark=[_title(str(key)) for key in table["benchmark"]])
    if "demos" in table.columns:
        pairs = zip(table["shots"], table["demos"], strict=True)
        table = table.assign(setting=[Setting(int(shots), str(demos)).label for shots, demos in pairs])
    return table


def in_order(table: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """Models in the order they were given, the rest as it is."""
    place = {name: i for i, name in enumerate(models)}
    order = [place[str(name)] for name in table["model"]]
    return table.iloc[sorted(range(len(order)), key=lambda i: order[i])].reset_index(drop=True)


def _title(key: str) -> str:
    return key if key.startswith("(") else get_benchmark(key).title


def _is_number(value: Any) -> bool:
    return not missing(value) and not isinstance(value, str | bool) and hasattr(value, "__float__")


def _cell(value: Any, numeric: bool, digits: int, *, small: bool) -> Cell:
    if missing(value):
        return Cell("–", -1e9 if numeric else None)
    if isinstance(value, bool) or not _is_number(value):
        text = {"True": "yes", "False": "no"}.get(str(value), str(value))
        return Cell(visible(text, 2000), -1e9 if numeric else None)
    amount = float(value)
    if small:
        return Cell("<0.001" if amount < 0.001 else f"{amount:.3f}", amount)
    whole = type(value).__name__.startswith(("int", "Int", "uint"))
    return Cell(str(int(amount)) if whole else number(amount, digits=digits), amount)
