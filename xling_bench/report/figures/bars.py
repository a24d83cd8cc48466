"""Gaps to English as bars: benchmarks as groups, models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xling_bench.metrics.registry import sign_of
from xling_bench.report.figures.cells import Gap, by_setting, learnt_note, read_gaps
from xling_bench.report.figures.drawing import SMALL, TEXT, Figure, Sheet, style, width_of
from xling_bench.report.figures.svg import INK
from xling_bench.report.labels import benchmark_label, labels, listed, metric_label
from xling_bench.report.setting import Setting
from xling_bench.results.marks import MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

# Okabe and Ito's colours that show on white and on dark pages: without yellow and black. Hatches tell them apart in
# grey; 7 colours and 8 hatches pair up anew for 56 models.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#8a8a8a")
HATCHES = ("", "/////", "-----", "\\\\\\\\\\", "xxxx", "|||||", "++++", "//")
PAGE = 7.0  # inches of bars across, at most
HIGH = 1.5  # inches of a row of bars
HOLLOW = "hollow: English at chance, the gap means nothing"
ARROW = "arrow: at least, for languages at chance cannot fall below it"


def gap_bars(spread: pd.DataFrame, *, most: int = 12) -> list[Figure]:
    """Gaps to English, one figure per setting: benchmarks as groups, models as bars, whiskers the 95 % interval.

    A gap whose English is at chance is hollow; one whose English is above chance, and some of whose other languages are
    not, has an arrow. Every model keeps its place in each group and its colour and hatch in every figure. Of more than
    `most` models the first are drawn, in the table's order. Benchmarks without a gap (no English, pairs only) are left
    out; [] where there is no gap at all.
    """
    gaps = read_gaps(spread)
    models = list(dict.fromkeys(gap.model for gap in gaps))
    names = labels(models)
    looks = {model: (COLOURS[i % len(COLOURS)], HATCHES[i % len(HATCHES)]) for i, model in enumerate(models)}
    figures = []
    for setting, part in by_setting(gaps).items():
        here = list(dict.fromkeys(gap.model for gap in part))
        shown = sorted(here, key=models.index)[:most]
        drawn = [gap for gap in part if gap.model in shown]
        if not drawn:
            continue
        without = _without_gap(spread, setting)
        with style():
            sheet = _drawn(drawn, setting, {model: (names[model], *looks[model]) for model in shown})
            title = f"Gap to English, {setting.label}"
            caption = _caption(drawn, setting, len(here) - len(shown), without)
            figures.append(sheet.finish(f"gaps-{setting.key}", title, caption))
    return figures


def _without_gap(spread: pd.DataFrame, setting: Setting) -> list[str]:
    """Benchmarks measured in a setting of which no model has a gap."""
    here = setting.rows(spread)
    have = here.loc[here["gap"].notna(), "benchmark"]
    return [benchmark_label(key) for key in sorted({str(key) for key in here["benchmark"]} - {str(k) for k in have})]


def _drawn(gaps: list[Gap], setting: Setting, looks: dict[str, tuple[str, str, str]]) -> Sheet:
    """Groups in as many rows as the page's width asks for, all rows with one scale, the models' names below."""
    groups = sorted({gap.benchmark for gap in gaps})
    bar = 0.22 if len(looks) <= 3 else 0.16 if len(looks) <= 6 else 0.11
    group = max(len(looks) * bar + 0.3, max(width_of(benchmark_label(key)) for key in groups) + 0.15)
    down = -(-len(groups) // max(1, int(PAGE // group)))
    across = -(-len(groups) // down)
    signs = [HOLLOW] * any(gap.idle for gap in gaps) + [ARROW] * any(gap.bounded for gap in gaps)
    left, head, row = 0.6, 0.35, HIGH + 0.32
    entries = list(looks.values())
    words = [*signs, *(name for name, _, _ in entries)]
    wide = max(across * group, 3.2, max(width_of(word, SMALL) for word in words) + 0.5 - left)
    columns = max(1, int((left + wide) // (max(width_of(name, SMALL) for name, _, _ in entries) + 0.5)))
    lines = -(-len(entries) // columns) + len(signs)
    sheet = Sheet(left + wide + 0.1, head + down * row + 0.17 * lines + 0.1)
    sheet.text(left, 0.15, f"Gap to English, {setting.label}", weight="bold")
    low, high = _limits(gaps)
    for at in range(down):
        part = groups[at * across : (at + 1) * across]
        axes = sheet.axes(left, head + at * row, len(part) * group, HIGH)
        axes.set(xlim=(0, len(part) * group), ylim=(low, high))
        _frame(axes, part, group)
        for gap in gaps:
            if gap.benchmark in part:
                place = list(looks).index(gap.model) - (len(looks) - 1) / 2
                _bar(axes, (part.index(gap.benchmark) + 0.5) * group + place * bar, bar, gap, looks[gap.model][1:])
    _legend(sheet, entries, head + down * row, columns, signs)
    return sheet


def _limits(gaps: list[Gap]) -> tuple[float, float]:
    """The whiskers' range with zero in it and a little room, at least two points."""
    ends = [0.0, *(end for gap in gaps for end in (gap.gap, gap.low, gap.high) if end == end)]
    room = 0.05 * max(max(ends) - min(ends), 2.0)
    return min(ends) - room, max(*ends, min(ends) + 2.0) + room


def _frame(axes: Axes, benchmarks: list[str], group: float) -> None:
    axes.set_xticks([(i + 0.5) * group for i in range(len(benchmarks))], [benchmark_label(key) for key in benchmarks])
    axes.tick_params(axis="x", length=0, labelsize=TEXT)
    axes.spines["bottom"].set_visible(False)
    axes.set_ylabel("points", size=SMALL)
    axes.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
    axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.axhline(0, color=INK, linewidth=0.8, zorder=3)


def _bar(axes: Axes, x: float, bar: float, gap: Gap, look: tuple[str, str]) -> None:
    colour, hatch = look
    if gap.idle:
        axes.bar(x, gap.gap, bar * 0.75, facecolor="none", edgecolor=colour, linewidth=1.0, clip_on=False)
    else:
        axes.bar(x, gap.gap, bar * 0.85, facecolor=colour, edgecolor="white", linewidth=0, hatch=hatch, clip_on=False)
    if gap.low == gap.low and gap.high == gap.high:
        axes.vlines(x, gap.low, gap.high, color=INK, linewidth=0.8, zorder=4, clip_on=False)
    if gap.bounded:
        top = gap.high if gap.high == gap.high else max(gap.gap, 0.0)
        axes.plot(x, top, marker="^", markersize=4, color=INK, zorder=5, clip_on=False)
    if gap.contaminated:
        place = (x, max(gap.gap, 0.0))
        axes.annotate(MARK, place, (2, 1), textcoords="offset points", size=SMALL, color=INK, annotation_clip=False)



def _legend(sheet: Sheet, entries: list[tuple[str, str, str]], top: float, columns: int, signs: Sequence[str]) -> None:
    """The models' names in columns, read line by line, and what the signs on bars are."""
    from matplotlib.patches import Rectangle

    axes = sheet.axes(0, top, sheet.width, sheet.height - top, bare=True)
    pitch = max(width_of(name, SMALL) for name, _, _ in entries) + 0.5
    lines = -(-len(entries) // columns)
    for i, (name, colour, hatch) in enumerate(entries):
        x, y = 0.15 + i % columns * pitch, 0.08 + i // columns * 0.17
        swatch = Rectangle((x, y - 0.05), 0.2, 0.1, facecolor=colour, edgecolor="white", linewidth=0, hatch=hatch)
        axes.add_patch(swatch)
        axes.text(x + 0.27, y, name, va="center_baseline", size=SMALL)
    for i, sign in enumerate(signs):
        y = 0.08 + (lines + i) * 0.17
        if sign == HOLLOW:
            axes.add_patch(Rectangle((0.15, y - 0.05), 0.2, 0.1, facecolor="none", edgecolor=INK, linewidth=1.0))
        else:
            axes.plot(0.25, y, marker="^", markersize=4, color=INK)
        axes.text(0.42, y, sign, va="center_baseline", size=SMALL)


def _caption(gaps: list[Gap], setting: Setting, left_out: int, without: list[str]) -> str:
    models = len({gap.model for gap in gaps})
    notes = []
    idle, bounded = sum(gap.idle for gap in gaps), sum(gap.bounded for gap in gaps)
    if idle:
        notes.append(
            f"{idle} {'is' if idle == 1 else 'are'} hollow, where English is at chance and a gap means nothing"
        )
    if bounded:
        notes.append(f"{bounded} with an arrow {'is' if bounded == 1 else 'are'} at least what is shown, for languages "
                     "at chance cannot fall below it")  # fmt: skip
    if errors := sorted({metric_label(gap.metric) for gap in gaps if sign_of(gap.metric) < 0}):
        notes.append(f"those of {listed(errors)}, where lower is better, are the mean of the others minus English")
    if left_out:
        notes.append(f"{left_out} more model{'s are' if left_out > 1 else ' is'} left out, later in the table's order")
    if without:
        notes.append(f"{listed(without)} left out, without English beside other languages")
    return (
        f"English minus the mean of the other languages, in points, {setting.label}, of {models} "
        f"model{'s' * (models != 1)}; whiskers are 95 % bootstrap intervals over items."
        + (f" Of the bars: {'; '.join(notes)}." if notes else "")
        + learnt_note(gaps)
    )
