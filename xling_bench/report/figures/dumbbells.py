"""Two models, language by language: where each stood and which way it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xling_bench.core.unit import is_pair
from xling_bench.metrics.registry import digits_of, sign_of
from xling_bench.report.figures.cells import Cell, learnt_note, read_cells
from xling_bench.report.figures.drawing import SMALL, Figure, Sheet, style, width_of
from xling_bench.report.figures.svg import INK
from xling_bench.report.labels import (
    benchmark_label,
    chance_of,
    english_first,
    labels,
    listed,
    metric_label,
    number,
    slug,
)
from xling_bench.report.setting import Setting
from xling_bench.results.marks import marked
from xling_bench.results.matrix import of_languages

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BETTER, WORSE, IDLE = "#0072b2", "#d55e00", "#8a8a8a"  # Okabe and Ito's blue and vermillion; grey for guessing
ROW, WIDE, LONG = 0.2, 2.7, 40  # inches of a row and of its scale; rows before a second column begins
HEAD, FOOT = 0.46, 0.95  # inches above and below the rows
RADIUS = 2.75  # points, of a marker

Both = tuple[Cell, Cell]


def before_after(cells: pd.DataFrame, before: str, after: str) -> list[Figure]:
    """Two models' scores as dumbbells, one figure per benchmark and setting, one row per language both have.

    Hollow is before, filled after, thin lines their 95 % intervals, dashed the chance level; a row is grey where both
    are at chance. The difference is printed at the right. Pairs beside plain languages are left out. [] where the
    models have nothing in common.
    """
    names = labels([before, after])
    found: dict[tuple[str, Setting, str], dict[str, dict[str, Cell]]] = {}
    for cell in read_cells(cells):
        if cell.model in names:
            task = found.setdefault((cell.benchmark, cell.setting, cell.metric), {})
            task.setdefault(cell.model, {})[cell.language] = cell
    figures: list[Figure] = []
    for (benchmark, setting, metric), scores in found.items():
        old, new = scores.get(before, {}), scores.get(after, {})
        units = set(of_languages(old.keys() | new.keys()))
        rows = [(old[unit], new[unit]) for unit in english_first(units & old.keys() & new.keys())]
        if rows:
            title = f"{benchmark_label(benchmark)}, {setting.label}: {names[before]} to {names[after]}"
            pairs = len((old.keys() & new.keys()) - units)
            caption = _caption(title, rows, english_first(units & (old.keys() ^ new.keys())), pairs)
            with style():
                sheet = _drawn(rows, names[before], names[after])
                name = f"before-after-{slug(benchmark)}-{setting.key}"
                if name in {figure.name for figure in figures}:
                    name += f"-{slug(metric)}"  # more than headline metrics were handed in
                figures.append(sheet.finish(name, title, caption))
    return figures


def _drawn(rows: list[Both], before: str, after: str) -> Sheet:
    """Rows from top to bottom in as few columns as keep them readable, all with one scale, and the legend below."""
    first = rows[0][0]
    chance = chance_of(first.benchmark, first.metric)
    across = -(-len(rows) // LONG)
    down = -(-len(rows) // across)
    left = 0.2 + max(width_of(old.language, SMALL) for old, _ in rows)
    pitch = left + WIDE + 0.55
    words = [f"before: {before}", f"after: {after}", "grey: both at chance"]
    wide = max(across * pitch, max(width_of(word, SMALL) for word in words) + left + 0.4)
    sheet = Sheet(wide + 0.08, HEAD + down * ROW + FOOT)
    sheet.text(left, 0.13, f"{benchmark_label(first.benchmark)}, {first.setting.label}", weight="bold")
    for at in range(across):
        part = rows[at * down : (at + 1) * down]
        axes = sheet.axes(at * pitch + left, HEAD, WIDE, len(part) * ROW)
        axes.set(xlim=_limits(rows, chance), ylim=(len(part) - 0.5, -0.5))
        _frame(axes, part, chance, metric_label(first.metric, unit=True))
        sheet.text(at * pitch + left + WIDE + 0.5, HEAD - 0.1, "change", size=SMALL, ha="right")
        for y, (old, new) in enumerate(part):
            _row(axes, y, old, new)
            place = HEAD + (y + 0.5) * ROW
            words_at = at * pitch + left + WIDE + 0.5
            change = number(new.value - old.value, sign=True, digits=digits_of(first.metric))
            change = marked(change, contaminated=old.contaminated or new.contaminated)
            sheet.text(words_at, place, change, size=SMALL, ha="right", va="center_baseline")
    _legend(sheet, HEAD + down * ROW + 0.45, left, before, after, grey=any(_idle(*row) for row in rows))
    return sheet


def _idle(old: Cell, new: Cell) -> bool:
    return old.at_chance and new.at_chance


def _limits(rows: list[Both], chance: float | None) -> tuple[float, float]:
    """Everything drawn and a little room, at least ten points."""
    ends = [end for row in rows for cell in row for end in (cell.value, cell.low, cell.high) if end == end]
    ends += [] if chance is None else [chance]
    room = max(0.04 * (max(ends) - min(ends)), (10 - max(ends) + min(ends)) / 2)
    low = min(ends) - room
    return (max(low, -0.2 * room) if min(ends) >= 0 else low), max(ends) + room


def _frame(axes: Axes, rows: list[Both], chance: float | None, words: str) -> None:
    axes.set_yticks(range(len(rows)), [old.language for old, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(words, size=SMALL)
    if chance is not None:
        axes.axvline(chance, color=INK, linewidth=0.8, dashes=(4, 3), zorder=1)
        axes.annotate("chance", (chance, 1), (0, 2), size=SMALL, ha="center", va="bottom",
                      xycoords=("data", "axes fraction"), textcoords="offset points")  # fmt: skip


def _row(axes: Axes, y: int, old: Cell, new: Cell) -> None:
    change = sign_of(new.metric) * (new.value - old.value)
    colour = IDLE if _idle(old, new) else BETTER if change > 0 else WORSE if change < 0 else INK
    for cell, shift in ((old, -0.28), (new, 0.28)):
        if cell.low == cell.low and cell.high == cell.high:  # beside the row, where the two do not hide each other
            axes.hlines(y + shift, cell.low, cell.high, color=colour, linewidth=0.7, alpha=0.7)
    _line(axes, y, old.value, new.value, colour)
    marker: dict[str, Any] = {"marker": "o", "markersize": 2 * RADIUS - 0.9, "color": colour, "markeredgewidth": 0.9}
    axes.plot([old.value], [y], markerfacecolor="none", linestyle="none", zorder=4, **marker)
    axes.plot([new.value], [y], linestyle="none", zorder=3, **marker)


def _line(axes: Axes, y: float, old: float, new: float, colour: str) -> None:
    """From ring to dot; it stops at the ring, which is empty and stands on any ground."""
    low, high = axes.get_xlim()
    ring = RADIUS / 72 / WIDE * (high - low)
    if abs(new - old) > ring:
        start = old + ring if new > old else old - ring
        axes.plot([start, new], [y, y], color=colour, linewidth=1.4, solid_capstyle="butt", zorder=2)


def _legend(sheet: Sheet, top: float, left: float, before: str, after: str, *, grey: bool) -> None:
    axes = sheet.axes(left, top, sheet.width - left, sheet.height - top, bare=True)
    entries = [("none", INK, f"before: {before}"), (INK, INK, f"after: {after}")]
    entries += [(IDLE, IDLE, "grey: both at chance")] if grey else []
    for line, (face, edge, words) in enumerate(entries):
        y = 0.08 + 0.16 * line
        size = 2 * RADIUS - 0.9
        axes.plot([0.06], [y], "o", markersize=size, markerfacecolor=face, markeredgecolor=edge, markeredgewidth=0.9)
        axes.text(0.18, y, words, va="center_baseline", size=SMALL)


def _caption(title: str, rows: list[Both], one_only: list[str], pairs: int) -> str:
    kind = "pair" if is_pair(rows[0][0].language) else "language"
    error = sign_of(rows[0][0].metric) < 0
    colours = "blue down (better) and vermillion up" if error else "blue up and vermillion down"
    notes = [f"{len(rows)} {kind}{'s' * (len(rows) != 1)} both models have, {colours}"]
    if chance_of(rows[0][0].benchmark, rows[0][0].metric) is not None:
        notes.append("dashed is chance")
    idle = sum(_idle(*row) for row in rows)
    if idle:
        notes.append(f"{idle} grey where both models are at chance and the change means nothing")
    if one_only:
        notes.append(f"left out, as only one model has them: {listed(one_only)}")
    if pairs:
        notes.append(f"{pairs} pair{'s' * (pairs != 1)} left out beside the languages")
    intervals = any(cell.low == cell.low for row in rows for cell in row)
    whiskers = "thin lines are 95 % bootstrap intervals over items of each score, not of the change" if intervals else (
        "the scores have no intervals"
    )  # fmt: skip
    return f"{title} (hollow before, filled after; {whiskers}). Rows: {'; '.join(notes)}." + learnt_note(
        [cell for row in rows for cell in row]
    )
