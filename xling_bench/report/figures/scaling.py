"""Scores and allocations over numbers of translation pairs: the two halves of Extrapolating's Figures 2 and 5."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.core.text import number_of
from xling_bench.report.figures.bars import COLOURS
from xling_bench.report.figures.drawing import SMALL, Figure, Sheet, style, width_of
from xling_bench.report.figures.svg import INK
from xling_bench.report.labels import benchmark_label, listed, metric_label
from xling_bench.results.tables.by_size import Mean
from xling_bench.scale.allocation import Problem, water_filling
from xling_bench.scale.fitted import Fitted
from xling_bench.scale.law import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # 7 colours and 8 markers pair up anew for 56 lines
DASHDOT = (0, (5, 1.5, 1, 1.5))  # the paper's line for a law
WIDE, HIGH = 3.4, 2.3  # inches of a panel
LEFT, HEAD, FOOT, GAP = 0.62, 0.36, 0.5, 0.75  # inches beside, above, below and between panels
BUDGETS = 120  # at which allocations are drawn
SIZES = 60  # at which a law is drawn


@dataclass(frozen=True)
class Curve:
    """One line of a figure: `name` in the legend; points, whose `low` and `high` (NaN for none) are whiskers; a `line`,
    and a `band`, its interval (x, low, high)."""

    name: str
    x: Array
    y: Array
    line: tuple[Array, Array] | None = None
    low: Array | None = None
    high: Array | None = None
    band: tuple[Array, Array, Array] | None = None


def allocation_curves(problem: Problem, allocated: Mapping[str, int], name: str = "allocation") -> Figure:
    """Figure 5: the best allocation of every budget up to all there is, and what one more pair brings each language.

    Left: a line a language, which runs level once its pairs are used up; the upright line is the budget asked for.
    Right: the slope of each language's law, points a thousand pairs, up to its cap; a marker at what it gets. Markers
    stand at one height, but those of languages at their cap, which stand higher.
    """
    languages = problem.languages
    most = sum(problem.caps.values())
    budgets = np.unique([*np.linspace(len(languages), most, BUDGETS, dtype=int), problem.budget])
    filled = np.array([water_filling(replace(problem, budget=int(each))) for each in budgets])
    got = np.array([allocated[key] for key in languages], dtype=np.float64)
    spread, slopes = [], []
    for place, key in enumerate(languages):
        own = got[place : place + 1]
        sizes = np.geomspace(max(1.0, problem.caps[key] / 100), problem.caps[key], SIZES)
        spread.append(Curve(key, np.array([float(problem.budget)]), own, (budgets.astype(float), filled[:, place])))
        gain = problem.laws[key].gain
        slopes.append(Curve(key, own, 1000 * gain(own), (sizes, 1000 * gain(sizes))))
    title = f"Allocation of {problem.budget:,} pairs"
    with style():
        sheet, (left, right) = _panels(title, [curve.name for curve in spread], 2)
        _draw(left, spread, "budget, pairs", "pairs of the language")
        left.axvline(problem.budget, color=INK, linewidth=0.7, dashes=(4, 3), zorder=1)
        _draw(right, slopes, "pairs of the language", "points a thousand pairs")
        right.set(xscale="log", yscale="log")
        _ticks(left, short, short)
        _ticks(right, short, "{:.2g}".format)
        capped = [key for key in languages if allocated[key] == problem.caps[key]]
        at_cap = f"; at the cap: {', '.join(capped)}" if capped else ""
        caption = (f"Left: the best allocation of every budget over {number_of(len(languages), 'language')}; dashed, "
                   f"{problem.budget:,} pairs{at_cap}. Right: what more pairs bring by each language's law, with a "
                   "marker at its allocation.")  # fmt: skip
        return sheet.finish(name, title, caption)


def law_curves(found: Fitted, name: str = "laws") -> Figure:
    """Figure 2, left: a language's points, and its law dash-dotted from its smallest size to its largest, in a band
    that is the law's 95 % interval."""
    curves = []
    for key, own in found.fits.items():
        points, law, gamma = found.of(key), found.law(key), found.gamma(key)
        x, y = (np.array(column, dtype=np.float64) for column in ([p.pairs for p in points], [p.score for p in points]))
        sizes = np.geomspace(x.min(), x.max(), SIZES)
        ends = [own.score_interval(gamma * size) or (np.nan, np.nan) for size in sizes]
        band = (sizes, *np.array(ends).T)
        words = f"{key}: 100 \N{MINUS SIGN} {law.alpha:.3g} ({gamma:.2g} X)^\N{MINUS SIGN}{law.beta:.2g}"
        curves.append(Curve(words, x, y, (sizes, law.score(sizes)), band=band))
    title = f"{metric_label(found.metric)} over translation pairs"
    how = "alpha and beta shared" if found.shared else "each language by itself"
    with style():
        sheet, (axes,) = _panels(title, [curve.name for curve in curves], 1)
        _draw(axes, curves, "translation pairs", metric_label(found.metric), dashes=DASHDOT)
        _fit_in(axes, curves)
        caption = (f"Points are measured, dash-dotted lines fitted laws ({how}); "
                   "bands are 95 % intervals of the laws, cut at the frame.")  # fmt: skip
        return sheet.finish(name, title, caption)


def benchmark_curves(means: Sequence[Mean], name: str = "benchmarks") -> Figure:
    """Figure 2, right: each benchmark's mean score over sizes, whiskers its 95 % interval where it has one. Models
    that were trained on other languages have lines of their own."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[Mean]] = {}
    for mean in means:
        groups.setdefault((mean.benchmark, mean.metric, mean.languages), []).append(mean)
    curves = []
    for (benchmark, metric, languages), own in groups.items():
        x, y, low, high = np.array([(mean.pairs, mean.value, mean.low, mean.high) for mean in own], dtype=np.float64).T
        words = f"{benchmark_label(benchmark)}, {metric_label(metric)} ({listed(languages)})"
        curves.append(Curve(words, x, y, (x, y), low, high))
    title = "Benchmarks over translation pairs"
    with style():
        sheet, (axes,) = _panels(title, [curve.name for curve in curves], 1)
        _draw(axes, curves, "translation pairs, all languages together", "mean score")
        _fit_in(axes, curves)
        caption = ("Means over the languages that a model was trained on; whiskers are 95 % bootstrap intervals over "
                   "items, of metrics that are means of items.")  # fmt: skip
        return sheet.finish(name, title, caption)


def _fit_in(axes: Axes, curves: Sequence[Curve]) -> None:
    """Sizes by their logarithm; scores as far as points and lines go, with a little room."""
    ends = np.concatenate([part for curve in curves for part in (curve.y, curve.line[1] if curve.line else curve.y)])
    room = max(0.15 * (ends.max() - ends.min()), 0.5)
    axes.set(xscale="log", ylim=(ends.min() - room, ends.max() + room))
    _ticks(axes, short, "{:.4g}".format)


def _panels(title: str, names: Sequence[str], many: int) -> tuple[Sheet, list[Axes]]:
    """A sheet with so many panels side by side, a heading, and the names' marks below."""
    width = LEFT + many * WIDE + (many - 1) * GAP + 0.15
    pitch = max(width_of(name, SMALL) for name in names) + 0.5
    columns = max(1, int((width - 0.15) // pitch))
    top = HEAD + HIGH + FOOT
    sheet = Sheet(max(width, pitch + 0.2), top + 0.17 * -(-len(names) // columns) + 0.08)
    sheet.text(LEFT, 0.15, title, weight="bold")
    legend = sheet.axes(0, top, sheet.width, sheet.height - top, bare=True)
    for i, name in enumerate(names):
        x, y = 0.15 + i % columns * pitch, 0.08 + i // columns * 0.17
        colour, marker = _look(i)
        legend.plot([x, x + 0.26], [y, y], color=colour, linewidth=1.1)
        legend.plot(x + 0.13, y, marker=marker, markersize=3.5, color=colour, linewidth=0)
        legend.text(x + 0.33, y, name, va="center_baseline", size=SMALL)
    return sheet, [sheet.axes(LEFT + i * (WIDE + GAP), HEAD, WIDE, HIGH) for i in range(many)]


def _look(place: int) -> tuple[str, str]:
    return COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]


def _draw(axes: Axes, curves: Sequence[Curve], along: str, up: str, *, dashes: Any = "-") -> None:
    axes.grid(color=INK, alpha=0.15, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(along, size=SMALL)
    axes.set_ylabel(up, size=SMALL)
    for place, curve in enumerate(curves):
        colour, marker = _look(place)
        if curve.line is not None:
            axes.plot(*curve.line, color=colour, linewidth=1.1, linestyle=dashes)
        if curve.band is not None:
            axes.fill_between(*curve.band, color=colour, alpha=0.15, linewidth=0)
        if curve.low is not None and curve.high is not None:
            axes.vlines(curve.x, curve.low, curve.high, color=colour, linewidth=0.8)
        axes.plot(curve.x, curve.y, marker=marker, markersize=4, color=colour, linewidth=0, zorder=3)


def _ticks(axes: Axes, along: Callable[[float], str], up: Callable[[float], str]) -> None:
    """What stands at the ticks of both axes."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    for axis, words in ((axes.xaxis, along), (axes.yaxis, up)):
        axis.set_major_formatter(FuncFormatter(lambda value, _, words=words: words(value)))
        axis.set_minor_formatter(NullFormatter())


def short(pairs: float) -> str:
    """`950`, `30k`, `1.2M`: as a budget is written."""
    for unit, sign in ((1e6, "M"), (1e3, "k")):
        if pairs >= unit:
            return f"{pairs / unit:.4g}{sign}"
    return f"{pairs:.4g}"
