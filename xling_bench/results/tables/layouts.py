"""Our numbers in the papers' tables: which cells a published column stands for, and their mean or spread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from xling_bench.catalog import benchmarks, get_benchmark
from xling_bench.core.errors import DeclarationError, UsageError
from xling_bench.core.unit import Unit, is_pair
from xling_bench.metrics.comet import RANDOM, is_random
from xling_bench.metrics.registry import scale_of
from xling_bench.results.marks import cells_of as contaminated_cells
from xling_bench.results.marks import marked
from xling_bench.results.tables.reference import SPREAD, Column, Layout, columns, layouts, notes, published
from xling_bench.results.tables.rendering import aligned, latex, to_csv
from xling_bench.stats import population_std

if TYPE_CHECKING:
    import pandas as pd

Key = tuple[str, str, int, str]  # benchmark, language, shots, metric
Cells = Mapping[Key, float]


@dataclass(frozen=True, slots=True)
class Value:
    """A column's value, and how many of the cells it stands for were measured. None when none was."""

    value: float | None
    measured: int
    needed: int

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        return f"{self.value:.1f}" + ("" if self.measured == self.needed else f" ({self.measured}/{self.needed})")


def cells_of(frame: pd.DataFrame, model: str, family: str = "") -> dict[Key, float]:
    """One model's numbers, averaged over seeds as the papers do, in percent (chrF++ and BLEU in points).

    Only `family` (else each benchmark's default) and demonstrations in the task's own language count: other prompts
    make other numbers, and a mean over both would be neither.
    """
    default = frame["benchmark"].map(lambda key: family or get_benchmark(key).family)
    kept = (frame["model"] == model) & (frame["family"] == default) & frame["demos"].isin(["none", "same"])
    found: dict[Key, list[float]] = {}
    columns_read = ("benchmark", "language", "shots", "metric", "value")
    for benchmark, language, shots, metric, value in zip(*(frame.loc[kept, c] for c in columns_read), strict=True):
        key = (str(benchmark), str(language), int(shots), str(metric))
        found.setdefault(key, []).append(scale_of(key[-1]) * float(value))
    return {key: fmean(values) for key, values in found.items()}


def column_value(column: Column, layout: Layout, cells: Cells) -> Value:
    """The mean over the cells a column stands for, or their population standard deviation for a `std` column."""
    if column.statistic in layout.undefined:
        return Value(None, 0, 0)
    keys = column_keys(column, layout)
    found = [cells[key] for key in keys if key in cells]
    if not found:
        return Value(None, 0, len(keys))
    value = population_std(found) if column.statistic == "std" else fmean(found)
    return Value(value, len(found), len(keys))


def column_keys(column: Column, layout: Layout) -> list[Key]:
    """Every cell a column stands for.

    A column without benchmark, language or number of shots of its own (`all`, `avg`, empty) takes the layout's; where
    the layout has none, those of the table's other columns; languages, at last, those of another layout's columns.
    """
    others = [c for c in columns(layout) if c.benchmark != "all"]
    named = [c for c in others if _concrete(c.language)]
    benchmarks = (
        [column.benchmark] if column.benchmark != "all" else layout.benchmarks or _unique(c.benchmark for c in others)
    )
    keys = []
    for benchmark in benchmarks:
        shots = [int(column.shots)] if column.shots else layout.shots or _shots(others, benchmark)
        for language in _languages(column, layout, named, benchmark):
            keys += [(benchmark, language, n, _metric(column, layout, benchmark)) for n in shots]
    return keys


def _languages(column: Column, layout: Layout, named: Sequence[Column], benchmark: str) -> list[str]:
    side, _, key = column.language.partition(":")
    if key:  # AFP Table 4: `from:en` is every pair out of English
        pairs = [(a, b) for a in layout.languages for b in layout.languages if a != b]
        return [Unit.of(a, b) for a, b in pairs if key == "avg" or key == (a if side == "from" else b)]
    if _concrete(column.language):
        return [_from_pivot(benchmark, column.language)]
    here = _unique(c.language for c in named if c.benchmark == benchmark)
    listed = list(layout.languages) or here or _of_other_layout(layout, benchmark)
    if _pivot(benchmark) and not any(map(is_pair, listed)):
        return [_from_pivot(benchmark, language) for language in listed]  # the Extrapolating paper's columns
    return [language for language in listed if language in get_benchmark(benchmark).languages or is_pair(language)]


def _pivot(benchmark: str) -> str:
    """The language that all translations of a benchmark are from or into (FLORES' English); empty for other ones."""
    known = benchmarks().get(benchmark)
    return known.pairs.pivot if known is not None and known.pairs is not None else ""


def _from_pivot(benchmark: str, language: str) -> str:
    """A unit by its language alone: of a translation benchmark, the pair out of the pivot."""
    pivot = _pivot(benchmark)
    return Unit.of(pivot, language) if pivot and not is_pair(language) else language


def _of_other_layout(layout: Layout, benchmark: str) -> list[str]:
    """The languages that a benchmark has in the table which this one averages."""
    known, name = layouts(), layout.languages_of.get(benchmark, "")
    if name not in known:
        raise DeclarationError(
            f"layouts.toml: {layout.title}: nothing says which languages of {benchmark} it is over. Name `languages`, "
            "or in `languages_of` a layout whose columns do."
        )
    found = _unique(c.language for c in columns(known[name]) if c.benchmark == benchmark and _concrete(c.language))
    if not found:
        raise DeclarationError(f"layouts.toml: {layout.title}: `languages_of`: {name} has no column of {benchmark}.")
    return found


def _concrete(language: str) -> bool:
    return bool(language) and language != "avg" and ":" not in language


def _shots(others: Sequence[Column], benchmark: str) -> list[int]:
    return [int(n) for n in _unique(c.shots for c in others if c.benchmark == benchmark and c.shots)] or [0]


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _metric(column: Column, layout: Layout, benchmark: str) -> str:
    statistic = layout.rename.get(column.statistic, column.statistic)
    if statistic not in {"score", *SPREAD}:
        return statistic
    declared = get_benchmark(benchmark)
    return layout.metric or declared.metrics[declared.kind][0]


def rows_of(layout: Layout, frame: pd.DataFrame, *, reference: bool) -> list[tuple[str, list[str]]]:
    """(row name, printed values) of every model, after the published rows when `reference` is set."""
    heads = columns(layout)
    rows: list[tuple[str, list[str]]] = []
    if reference and not layout.reference:
        raise UsageError(
            f"--reference: the published numbers of {layout.title} are not among ours (reports/README.md)."
        )
    if reference:
        groups: dict[str, dict[Column, str]] = {}
        for number in published(layout.reference):
            method = "" if number.method in ("", "base") else f" {number.method}"
            groups.setdefault(f"{number.model}{method} (published)", {})[number.column] = number.printed
        rows += [(name, [have.get(c, "-") for c in heads]) for name, have in groups.items()]
    keys = [column_keys(column, layout) for column in heads]
    for model in sorted(frame["model"].unique()):
        wrong = {cell[1:] for cell in contaminated_cells(frame) if cell[0] == str(model)}
        for suffix, family in {"": layout.family, **layout.also}.items():
            cells = cells_of(frame, str(model), family)
            if suffix and not any(key in cells for of_column in keys for key in of_column):
                continue
            name = f"{model}{suffix}{_stamp(heads, frame, str(model))}"
            values = [str(column_value(c, layout, cells)) for c in heads]
            marks = [any(key in cells and key[:2] in wrong for key in of_column) for of_column in keys]
            rows.append((name, [marked(v, contaminated=x) for v, x in zip(values, marks, strict=True)]))
    return rows


def _stamp(heads: Sequence[Column], frame: pd.DataFrame, model: str) -> str:
    """What stands behind a model's name where COMET columns are of a checkpoint that was never trained."""
    if not any(column.statistic == "comet" for column in heads):
        return ""
    rules = frame.loc[(frame["model"] == model) & (frame["metric"] == "comet"), "signature"]
    return f" ({RANDOM})" if any(is_random(str(rule)) for rule in rules) else ""


def head(column: Column) -> str:
    """A column's printed head: `xnli en 0`, `flores from en`, `all avg std`."""
    parts = (column.benchmark, column.language.replace(":", " "), column.shots)
    statistic = "" if column.statistic == "score" else column.statistic
    return " ".join(part for part in (*parts, statistic) if part)


def render(layout: Layout, frame: pd.DataFrame, form: str, *, reference: bool) -> str:
    """The table as `md`, `csv` or `latex` text."""
    lines = [["model", *(head(c) for c in columns(layout))]]
    lines += [[name, *values] for name, values in rows_of(layout, frame, reference=reference)]
    if form == "csv":
        return to_csv(lines)
    said = reference_notes(layout, frame) if reference else []
    if form == "latex":
        return latex(lines, "\n% ".join([layout.title, *said]))
    return "\n\n".join([layout.title, aligned(lines).rstrip("\n"), *said]) + "\n"


def reference_notes(layout: Layout, frame: pd.DataFrame) -> list[str]:
    """What must be known of the layout's published rows beside our numbers in `frame`; Markdown and LaTeX say it."""
    keys = {key[0] for column in columns(layout) for key in column_keys(column, layout)}
    models = dict.fromkeys(number.model for number in published(layout.reference))
    signatures = {key: [str(s) for s in frame.loc[frame["benchmark"] == key, "signature"]] for key in keys}
    return notes([layout.reference], [(model, key) for model in models for key in keys], signatures)
