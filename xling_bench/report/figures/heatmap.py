"""One model's scores as a map: languages by benchmarks, one panel per setting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import TYPE_CHECKING

from xling_bench.core.unit import Unit, is_pair
from xling_bench.metrics.registry import digits_of, sign_of
from xling_bench.report.figures.cells import Cell, by_setting, learnt_note, read_cells
from xling_bench.report.figures.drawing import SMALL, TEXT, Figure, Sheet, style, width_of
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

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

WIDE, HIGH = 0.42, 0.19  # a cell, inches
SPACE = 0.02  # between cells
TITLE = 0.3  # above the panels
PAGE = 7.2  # inches across, unless one panel needs more
LIGHT, DARK = "#ffffff", "#101010"  # a cell's ink: it stands on the cell's colour, not on the page's
COLOURS = "cividis"
SCALE = (1.4, 0.1, 28)  # the colour scale: width, height, steps
SIGNS = ("not measured", "at chance")


@dataclass(frozen=True, slots=True)
class _Spot:
    """What a cell shows: a score, and where it lies between chance (or 0) and 100."""

    value: float
    metric: str
    share: float
    at_chance: bool
    contaminated: bool


Panel = dict[tuple[str, str], _Spot]  # by language and benchmark


def heat_map(cells: pd.DataFrame, model: str) -> Figure | None:
    """One model's scores, rows languages (English first), columns benchmarks, one panel per setting; None without any.

    The colour is (value - chance) / (100 - chance) where the benchmark has a chance level, else value / 100, from 0
    on, and the other way round where lower is better; the number printed is the score itself. What was not measured is
    hatched. A benchmark measured on pairs only (FLORES) is drawn by target language, each the mean over its sources;
    pairs beside plain languages (MLQA) are left out. A panel leaves out benchmarks and the map languages without any
    score there.
    """
    own = [cell for cell in read_cells(cells) if cell.model == model]
    if not own:
        return None
    by_target, without_pairs = _pair_benchmarks(own)
    panels = {setting: _panel(part, by_target) for setting, part in by_setting(own).items()}
    name = labels(str(m) for m in cells["model"])[model]
    with style():
        sheet = _drawn(name, panels)
        caption = _caption(name, own, panels, by_target, without_pairs)
        return sheet.finish(f"heatmap-{slug(model)}", f"{name}: scores by language and benchmark", caption)


def _pair_benchmarks(cells: list[Cell]) -> tuple[set[str], set[str]]:
    """Benchmarks with pairs only, and those with pairs beside languages."""
    pairs = {cell.benchmark for cell in cells if is_pair(cell.language)}
    plain = {cell.benchmark for cell in cells if not is_pair(cell.language)}
    return pairs - plain, pairs & plain


def _panel(cells: list[Cell], by_target: set[str]) -> Panel:
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if not is_pair(cell.language) or cell.benchmark in by_target:
            found.setdefault((Unit(cell.language).target, cell.benchmark), []).append(cell)
    return {place: _spot(parts) for place, parts in found.items()}


def _spot(cells: list[Cell]) -> _Spot:
    value = fmean(cell.value for cell in cells)
    floor = chance_of(cells[0].benchmark, cells[0].metric) or 0.0
    share = (value - floor) / (100 - floor)
    share = 1 - share if sign_of(cells[0].metric) < 0 else share
    learnt = any(cell.contaminated for cell in cells)
    return _Spot(value, cells[0].metric, min(max(share, 0.0), 1.0), all(cell.at_chance for cell in cells), learnt)


def _drawn(name: str, panels: dict[Setting, Panel]) -> Sheet:
    """Panels from left to right as many as fit the page, then below; under them what the colours mean."""
    languages = english_first(language for panel in panels.values() for language, _ in panel)
    heads = {setting: sorted({benchmark for _, benchmark in panel}) for setting, panel in panels.items()}
    longest = max(width_of(benchmark_label(key), SMALL) for keys in heads.values() for key in keys)
    left = 0.15 + max(width_of(language, SMALL) for language in languages)
    rise = 0.15 + 0.71 * longest  # of the columns' slanted names
    columns = max(len(keys) for keys in heads.values())
    needed = max(columns * WIDE + rise, *(width_of(setting.label) + 0.3 for setting in panels))
    across = min(len(panels), max(1, int((PAGE - left) // needed)))
    down = -(-len(panels) // across)
    tall = 0.3 + rise + len(languages) * HIGH + 0.12
    key = _key_width()
    sheet = Sheet(left + max(across * needed, key, 1.2 * width_of(name)) + 0.1, TITLE + down * tall + 0.45)
    sheet.text(left, 0.17, name, weight="bold", size=TEXT + 1)
    for at, (setting, panel) in enumerate(panels.items()):
        x, y = left + at % across * needed, TITLE + at // across * tall
        sheet.text(x, y + 0.13, setting.label, weight="bold")
        axes = sheet.axes(x, y + 0.3 + rise, len(heads[setting]) * WIDE, len(languages) * HIGH, bare=True)
        _paint(axes, panel, languages, heads[setting], rows_named=at % across == 0)
    _key(sheet, TITLE + down * tall + 0.08, left)
    return sheet


def _paint(axes: Axes, panel: Panel, languages: list[str], heads: list[str], *, rows_named: bool) -> None:
    for column, benchmark in enumerate(heads):
        words = {"rotation": 45, "rotation_mode": "anchor", "ha": "left", "va": "bottom"}
        axes.text((column + 0.5) * WIDE, -0.06, benchmark_label(benchmark), size=SMALL, **words)  # type: ignore[arg-type]
    for row, language in enumerate(languages):
        if rows_named:
            axes.text(-0.06, (row + 0.5) * HIGH, language, ha="right", va="center_baseline", size=SMALL)
        for column, benchmark in enumerate(heads):
            if (language, benchmark) in panel:
                _cell(axes, column * WIDE, row * HIGH, panel[language, benchmark])
    for column, benchmark in enumerate(heads):
        missing = [(language, benchmark) not in panel for language in languages]
        for first, length in _runs(missing):  # one patch for neighbours: hatching each takes half of the drawing time
            _hatched(axes, column * WIDE, first * HIGH, length)


def _runs(flags: list[bool]) -> Iterator[tuple[int, int]]:
    """(start, length) of every run of True."""
    at = 0
    for flag, group in groupby(flags):
        length = len(list(group))
        if flag:
            yield at, length
        at += length


def _cell(axes: Axes, x: float, y: float, spot: _Spot) -> None:
    fill, ink = shade(spot.share)
    _box(axes, x, y, fill)
    words = marked(number(spot.value, digits=digits_of(spot.metric)), contaminated=spot.contaminated)
    axes.text(x + WIDE / 2, y + HIGH / 2, words, ha="center", va="center_baseline", size=SMALL, color=ink)
    if spot.at_chance:
        _mark(axes, x, y, ink)


def _box(axes: Axes, x: float, y: float, fill: str) -> None:
    from matplotlib.patches import Rectangle

    box = Rectangle((x, y), WIDE - SPACE, HIGH - SPACE, facecolor=fill, linewidth=0, clip_on=False)
    axes.add_patch(box)


def _hatched(axes: Axes, x: float, y: float, rows: int = 1) -> None:
    from matplotlib.patches import Rectangle

    box = Rectangle((x, y), WIDE - SPACE, rows * HIGH - SPACE, fill=False, edgecolor=INK, linewidth=0, clip_on=False)
    box.set(hatch="/////", alpha=0.4)
    axes.add_patch(box)


def _mark(axes: Axes, x: float, y: float, ink: str) -> None:
    """A triangle in the upper right corner."""
    from matplotlib.patches import Polygon

    right, top, size = x + WIDE - SPACE - 0.015, y + 0.015, 0.055
    corner = [(right - size, top), (right, top), (right, top + size)]
    axes.add_patch(Polygon(corner, facecolor=ink, linewidth=0, clip_on=False))


def shade(share: float) -> tuple[str, str]:
    """The colour of a share, 0 to 1, and white or dark for what stands on it, whichever has more contrast (WCAG 2)."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    red, green, blue, _ = colormaps[COLOURS](share)
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return to_hex((red, green, blue)), DARK if (luminance + 0.05) ** 2 > 1.05 * 0.05 else LIGHT


def _key_width() -> float:
    words = sum(width_of(words, SMALL) for words in ("chance or 0", "100", *SIGNS))
    return words + SCALE[0] + len(SIGNS) * (WIDE + 0.25) + 0.3


def _key(sheet: Sheet, top: float, left: float) -> None:
    """The colour scale and the two signs, in one line under the panels."""
    from matplotlib.patches import Rectangle

    width, height, steps = SCALE
    axes = sheet.axes(left, top, sheet.width - left, 0.3, bare=True)
    first = width_of("chance or 0", SMALL) + 0.08
    axes.text(0, 0.13, "chance or 0", va="center", size=SMALL)
    for step in range(steps):
        fill = shade(step / (steps - 1))[0]
        place = (first + step * width / steps, 0.13 - height / 2)
        axes.add_patch(Rectangle(place, width / steps + 0.003, height, facecolor=fill, linewidth=0, clip_on=False))
    axes.text(first + width + 0.08, 0.13, "100", va="center", size=SMALL)
    at = first + width + 0.08 + width_of("100", SMALL) + 0.25
    for words in SIGNS:
        if words == SIGNS[0]:
            _hatched(axes, at, 0.13 - HIGH / 2)
        else:
            _box(axes, at, 0.13 - HIGH / 2, shade(0)[0])
            _mark(axes, at, 0.13 - HIGH / 2, LIGHT)
        axes.text(at + WIDE + 0.04, 0.13, words, va="center", size=SMALL)
        at += WIDE + width_of(words, SMALL) + 0.25


def _caption(
    name: str, cells: list[Cell], panels: dict[Setting, Panel], by_target: set[str], without_pairs: set[str]
) -> str:
    languages = {language for panel in panels.values() for language, _ in panel}
    metrics: dict[str, list[str]] = {}
    for benchmark, metric in sorted({(cell.benchmark, cell.metric) for cell in cells}):
        metrics.setdefault(metric_label(metric), []).append(benchmark_label(benchmark))
    scores = "; ".join(f"{metric} of {listed(found, 20)}" for metric, found in metrics.items())
    notes = []
    if any(len(panel) < len(languages) * len({key for _, key in panel}) for panel in panels.values()):
        notes.append("hatched ones were not measured")
    if any(spot.at_chance for panel in panels.values() for spot in panel.values()):
        notes.append("a triangle marks scores that guessing explains")
    if errors := sorted({metric_label(cell.metric) for cell in cells if sign_of(cell.metric) < 0}):
        notes.append(f"lower is better in {listed(errors)}, coloured from 100 to 0")
    if by_target:
        drawn = listed([benchmark_label(key) for key in sorted(by_target)])
        notes.append(f"{drawn}: by target language, mean over the sources measured")
    if without_pairs:
        drawn = listed([benchmark_label(key) for key in sorted(without_pairs)])
        notes.append(f"{drawn}: pairs of two languages are left out")
    return (
        f"Scores of {name} on {len(languages)} language{'s' * (len(languages) != 1)} ({scores}; no intervals drawn), "
        "coloured from chance (0 where there is no chance level) to 100."
        + (f" Of the cells: {'; '.join(notes)}." if notes else "")
        + learnt_note(cells)
    )
