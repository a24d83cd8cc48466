"""Curves by layer, side by side: a panel a model, a line a language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from xling_bench.report.figures.bars import COLOURS as BARS
from xling_bench.report.figures.drawing import SMALL, TEXT, Figure, Sheet, style, title_width, width_of
from xling_bench.report.figures.svg import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE, HIGH = 2.75, 1.7  # inches of a panel
LEFT, HEAD, GAP = 0.55, 0.35, 0.42  # beside the panels, above all, below each
ACROSS = 2
DASHES = ("-", "--", ":", "-.")
COLOURS = BARS[:-1]  # the last is the baselines' grey
MOST = len(COLOURS) * len(DASHES)
BANDS = 4  # lines up to which their intervals are drawn: more hide each other
REFERENCE = "#8a8a8a"


@dataclass(frozen=True, slots=True)
class Line:
    """Values over layers; `low` and `high` where it has intervals. A `reference` is grey: a baseline."""

    label: str
    x: list[float]
    y: list[float]
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over one another."""

    title: str
    lines: list[Line]


def curves(
    name: str,
    title: str,
    caption: str,
    panels: Sequence[Panel],
    labels: tuple[str, str] = ("layer", ""),
    ticks: Sequence[tuple[float, str]] = (),
) -> Figure:
    """Panels with one scale of values; `labels` are those of x and y. A label looks the same in every panel. `ticks`:
    (place, text) on x; without, whole numbers.

    At most `MOST` labels, references apart: more look alike. Bands are the lines' intervals, drawn in panels of at most
    `BANDS` lines.
    """
    looks = looks_of([line.label for panel in panels for line in panel.lines if not line.reference])
    greys = list(dict.fromkeys(line.label for panel in panels for line in panel.lines if line.reference))
    looks |= {label: (REFERENCE, DASHES[(i + 1) % len(DASHES)]) for i, label in enumerate(greys)}
    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    with style():
        pitch = WIDE + LEFT
        width = max(across * pitch + 0.1, title_width(title))
        columns = max(1, int((width - 0.2) // (max(width_of(label, SMALL) for label in looks) + 0.55)))
        rows = -(-len(looks) // columns)
        sheet = Sheet(width, HEAD + down * (HIGH + GAP + 0.12) + 0.17 * rows + 0.1)
        sheet.text(0.1, 0.14, title, weight="bold", size=TEXT + 1)
        limits = limits_of(panels)
        for at, panel in enumerate(panels):
            left, top = LEFT + at % across * pitch, HEAD + at // across * (HIGH + GAP + 0.12)
            sheet.text(left, top + 0.02, panel.title, weight="bold")
            axes = sheet.axes(left, top + 0.14, WIDE, HIGH)
            axes.set_ylim(*limits)
            _lines(axes, panel, looks)
            _frame(axes, labels[0], labels[1] if at % across == 0 else "", ticks)
        _legend(sheet, looks, HEAD + down * (HIGH + GAP + 0.12), columns)
        return sheet.finish(name, title, caption)


def looks_of(labels: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A colour and a dash for each label, in their order."""
    return {
        label: (COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)])
        for i, label in enumerate(dict.fromkeys(labels))
    }


def limits_of(panels: Sequence[Panel]) -> tuple[float, float]:
    """The ends of the axis of values. Values that are all the same stand in the middle of a tenth either way."""
    ends = [value for panel in panels for line in panel.lines for value in (*line.y, *line.low, *line.high)]
    span = max(ends) - min(ends)
    level = span <= 1e-9 * max(map(abs, ends))  # nothing moves: an axis of its last digits would say that it does
    room = (0.1 * abs(max(ends)) or 1.0) if level else 0.04 * span
    return min(ends) - room, max(ends) + room


def _lines(axes: Axes, panel: Panel, looks: dict[str, tuple[str, str]]) -> None:
    banded = sum(not line.reference for line in panel.lines) <= BANDS
    for line in panel.lines:
        colour, dash = looks[line.label]
        whole = all(b - a == 1 for a, b in pairwise(line.x))  # else a line runs over what nobody measured
        marker = None if (whole and len(line.x) > 1) or line.reference else "o"
        width = 0.9 if line.reference else 1.2
        axes.plot(line.x, line.y, color=colour, linestyle=dash, linewidth=width, marker=marker, markersize=3)
        if banded and line.low and not line.reference:
            axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.15, linewidth=0)


def _frame(axes: Axes, x: str, y: str, ticks: Sequence[tuple[float, str]]) -> None:
    axes.set_xlabel(x, size=SMALL)
    axes.set_ylabel(y, size=SMALL)
    if ticks:
        axes.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
    else:
        axes.locator_params(axis="x", integer=True, nbins=8)
    axes.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
    axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.5)
    axes.set_axisbelow(True)


def _legend(sheet: Sheet, looks: dict[str, tuple[str, str]], top: float, columns: int) -> None:
    axes = sheet.axes(0, top, sheet.width, sheet.height - top, bare=True)
    pitch = max(width_of(label, SMALL) for label in looks) + 0.55
    for i, (label, (colour, dash)) in enumerate(looks.items()):
        x, y = 0.15 + i % columns * pitch, 0.08 + i // columns * 0.17
        axes.plot([x, x + 0.3], [y, y], color=colour, linestyle=dash, linewidth=1.2)
        axes.text(x + 0.37, y, label, va="center_baseline", size=SMALL)
