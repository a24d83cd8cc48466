"""Points of two numbers each: alignment against accuracy, and alignment against uniformity over training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xling_bench.report.figures.clouds import MARKERS, legend
from xling_bench.report.figures.curves import GAP, HEAD, HIGH, LEFT, WIDE, looks_of
from xling_bench.report.figures.drawing import SMALL, TEXT, Figure, Sheet, style, title_width, width_of
from xling_bench.report.figures.svg import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 2


@dataclass(frozen=True, slots=True)
class Dot:
    """A point, what stands beside it, and what it belongs to."""

    group: str
    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Plane:
    """A panel of points."""

    title: str
    dots: list[Dot]


def scatter(
    name: str, title: str, caption: str, planes: Sequence[Plane], labels: tuple[str, str], *, joined: bool = False
) -> Figure:
    """Panels of points, a colour and a shape a group; `labels` are those of x and y. `joined` draws a group's points as
    a path with arrows, in the order given. Each panel has its own scales."""
    colours = looks_of([dot.group for plane in planes for dot in plane.dots])
    looks = {group: (colour, MARKERS[i % len(MARKERS)]) for i, (group, (colour, _)) in enumerate(colours.items())}
    across = min(ACROSS, len(planes))
    down = -(-len(planes) // across)
    tall = HIGH * 1.35
    with style():
        pitch = WIDE + LEFT
        longest = max(width_of(group, SMALL) for group in looks)
        width = max(across * pitch + 0.15, title_width(title), longest + 0.6)
        columns = max(1, int((width - 0.2) // (longest + 0.4)))
        rows = -(-len(looks) // columns)
        sheet = Sheet(width, HEAD + down * (tall + GAP + 0.12) + 0.17 * rows + 0.1)
        sheet.text(0.1, 0.14, title, weight="bold", size=TEXT + 1)
        for at, plane in enumerate(planes):
            left, top = LEFT + at % across * pitch, HEAD + at // across * (tall + GAP + 0.12)
            sheet.text(left, top + 0.02, plane.title, weight="bold")
            axes = sheet.axes(left, top + 0.14, WIDE - 0.1, tall)
            _dots(axes, plane, looks, joined=joined)
            axes.set_xlabel(labels[0], size=SMALL)
            axes.set_ylabel(labels[1] if at % across == 0 else "", size=SMALL)
            axes.locator_params(nbins=6, steps=[1, 2, 5, 10])
            axes.margins(0.08)
        legend(sheet, looks, HEAD + down * (tall + GAP + 0.12), columns)
        return sheet.finish(name, title, caption)


def _dots(axes: Axes, plane: Plane, looks: dict[str, tuple[str, str]], *, joined: bool) -> None:
    for group, (colour, marker) in looks.items():
        own = [dot for dot in plane.dots if dot.group == group]
        if not own:
            continue
        axes.plot([dot.x for dot in own], [dot.y for dot in own], marker=marker, markersize=3.5, color=colour,
                  linestyle="-" if joined else "none", linewidth=0.8)  # fmt: skip
        if joined and len(own) > 1:
            axes.annotate("", (own[-1].x, own[-1].y), (own[-2].x, own[-2].y),
                          arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 1.2})  # fmt: skip
    for dot in plane.dots:
        axes.annotate(dot.label, (dot.x, dot.y), (3, 2), textcoords="offset points", size=SMALL - 1, color=INK)
