"""Gaps to English and spread over languages: the figures, the largest gap, the table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xling_bench.catalog import get_benchmark
from xling_bench.core.text import line
from xling_bench.metrics.registry import sign_of
from xling_bench.report.measure import Measured
from xling_bench.report.missing import missing
from xling_bench.report.printed import (
    HEAD,
    PROMPTS,
    Table,
    in_order,
    printed,
    printed_or_none,
    short,
    titled,
    with_interval,
)
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.report.setting import Setting
from xling_bench.results.gaps import AT_LEAST, NOTHING
from xling_bench.results.marks import CONTAMINATED

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    HEAD
    | PROMPTS
    | {
        "languages": "Languages",
        "at_chance": "At chance",
        "mean": "Mean",
        "gap": "Gap to en",
        "interval": "95 %",
        "gap_is": "Gap is",
        "relative_gap": "Relative gap %",
        "std": "Std",
        "std_corrected": "Std without noise",
        "worst": "Worst",
        "min": "Minimum",
        "consistency": "Same answer in two languages %",
    }
)


def context(report: Report) -> Context:
    """The figures, the table and the largest gap in words."""
    return {
        "gap_figures": report.gaps,
        "gap_note": _largest_gap(report.measured),
        "spread": _spread(report.measured),
        "errors": ", ".join(sorted({str(m) for m in report.measured.lead["metric"] if sign_of(str(m)) < 0})),
    }


def _spread(measured: Measured) -> Table | None:
    if measured.spread is None or measured.overview is None:
        return printed_or_none(measured.overview)
    keys = ["model", "benchmark", "family", "shots", "demos", "metric"]
    more = measured.overview[[*keys, "worst", "min", "relative_gap"]]
    table = with_interval(measured.spread.merge(more, on=keys, how="left"), "gap_low", "gap_high")
    table = in_order(table, measured.models)
    columns = COLUMNS | ({CONTAMINATED: "Contaminated"} if table[CONTAMINATED].any() else {})
    return replace(printed(titled(table), columns), marked=frozenset(_idle(table)))


def _idle(table: pd.DataFrame) -> list[int]:
    """The rows that mean nothing: English at chance, or without a gap more than half of the languages."""
    rows = zip(table["gap_is"], table["at_chance"], table["languages"], strict=True)
    return [
        i
        for i, (gap, chance, of) in enumerate(rows)
        if gap == NOTHING or (missing(gap) and not missing(chance) and 2 * int(chance) > int(of))
    ]


def _largest_gap(measured: Measured) -> str:
    """The largest gap that means something."""
    if measured.spread is None or measured.spread["gap"].isna().all():
        return ""
    table = measured.spread[measured.spread["gap_is"] != NOTHING].dropna(subset=["gap"])
    if table.empty:
        return "English is at chance wherever there is a gap: the gaps here mean nothing."
    row = table.sort_values("gap", ascending=False, kind="stable").iloc[0]
    setting = Setting(int(row["shots"]), str(row["demos"])).label
    where = f"{line(row['model'])} on {get_benchmark(str(row['benchmark'])).title}, {setting}"
    points = f"{short(row['gap'])} points, [{short(row['gap_low'])}, {short(row['gap_high'])}]"
    if row["gap_is"] != AT_LEAST:
        return f"Largest gap: {where}: {points}."
    others = int(row["languages"]) - 1
    count = f"all {others}" if int(row["at_chance"]) == others else f"{int(row['at_chance'])} of the {others}"
    bound = f"{count} other languages are" if others > 1 else "the other language is"
    return f"Largest gap: {where}: at least {points}: {bound} at chance, and cannot fall below it."


HTML = """
<p>Gap: English minus the mean of the other languages, percentage points; positive is behind English.{% if errors %} Where lower is better ({{ errors }}) it is the mean of the others minus English.{% endif %} A gap is “at least” what stands here where English is above chance and some of the others are not: they cannot fall below it. Where English is at chance, a gap means nothing. The std is the population standard deviation over languages, as papers print it; “without noise” has the sampling error taken out (validated from 100 shared items on). Worst language and minimum are descriptive.</p>
{{ figures(gap_figures) }}
{% if gap_note %}<p><strong>{{ gap_note }}</strong></p>{% endif %}
{% if spread %}<p class="files">Grey rows mean nothing: English at chance, or, without a gap, more than half of the languages.</p>{{ plain_table("spread", spread) }}{% else %}<p>No benchmark with item scores in several languages.</p>{% endif %}
"""

SECTION = Section(
    "gaps", "Gaps and spread", 30, HTML, context=context, heading="Gaps to English and spread over languages"
)
