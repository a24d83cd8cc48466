"""t-SNE maps: a point a sentence, a colour a language, a panel a model."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from xling_bench.report.figures.bars import COLOURS
from xling_bench.report.figures.drawing import SMALL, TEXT, Figure, Sheet, style, title_width, width_of
from xling_bench.report.figures.heatmap import DARK, LIGHT
from xling_bench.report.labels import labels
from xling_bench.results.represented import Cloud, Map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE, HEAD, GAP = 3.1, 0.35, 0.15  # inches: a panel's side, above all, between panels
MARKERS = ("o", "s", "^", "v", "D", "P", "X", "*")
ACROSS = 2


def map_of(place: Map, name: str) -> Figure:
    """One map. Languages have a colour and a shape each, and their code where the middle of their points is. Points are
    one picture inside the SVG: thousands of them would weigh megabytes."""
    names = labels(place.models)
    languages = list(dict.fromkeys(cloud.language for cloud in place.clouds))
    looks = {key: (COLOURS[i % len(COLOURS)], MARKERS[i // len(COLOURS) % len(MARKERS)])
             for i, key in enumerate(languages)}  # fmt: skip
    across = min(ACROSS, len(place.models))
    down = -(-len(place.models) // across)
    sentences = len(place.clouds[0].points)
    with style():
        title = f"Sentences on the plane, layer {place.layer}"
        heading = f"{title}: a picture, no measurement"
        width = max(across * (SIDE + GAP) + 0.25, title_width(heading))
        columns = max(1, int((width - 0.2) // (max(width_of(key, SMALL) for key in languages) + 0.3)))
        rows = -(-len(languages) // columns)
        sheet = Sheet(width, HEAD + down * (SIDE + 0.3) + 0.17 * rows + 0.1)
        sheet.text(0.1, 0.14, heading, weight="bold", size=TEXT + 1)
        ends = [1.05 * value for cloud in place.clouds for point in cloud.points for value in point]
        for at, model in enumerate(place.models):
            left, top = 0.15 + at % across * (SIDE + GAP), HEAD + at // across * (SIDE + 0.3)
            sheet.text(left, top + 0.03, names[model], weight="bold")
            axes = sheet.axes(left, top + 0.15, SIDE, SIDE)
            axes.set(xlim=(min(ends), max(ends)), ylim=(min(ends), max(ends)), xticks=[], yticks=[])
            axes.spines[["right", "top"]].set_visible(True)
            own = [cloud for cloud in place.clouds if cloud.model == model]
            _points(axes, own, looks)
        legend(sheet, looks, HEAD + down * (SIDE + 0.3), columns)
        caption = (
            f"{place.method} (perplexity {place.perplexity:g}, seed 0) of the states of {sentences} sentences in each "
            f"of {len(languages)} languages at layer {place.layer}"
            + (", all models on one shared map" if len(place.models) > 1 else "")
            + ". A picture, not a measurement: distances and sizes of groups on it mean nothing, and another seed "
            "draws another one. Codes stand at the median of a language's points."
        )
        return sheet.finish(name, title, caption)


def _points(axes: Axes, clouds: list[Cloud], looks: dict[str, tuple[str, str]]) -> None:
    count = sum(len(cloud.points) for cloud in clouds)
    size = max(1.0, min(12.0, 9000 / count))
    for cloud in clouds:
        colour, marker = looks[cloud.language]
        x, y = zip(*cloud.points, strict=True)
        axes.scatter(x, y, s=size, color=colour, marker=marker, alpha=0.6, linewidths=0, rasterized=True)
    for cloud in clouds:
        x, y = zip(*cloud.points, strict=True)
        axes.text(median(x), median(y), cloud.language, size=SMALL, weight="bold", ha="center", va="center", color=DARK,
                  bbox={"boxstyle": "round,pad=0.15", "facecolor": LIGHT, "alpha": 0.75, "linewidth": 0})  # fmt: skip


def legend(sheet: Sheet, looks: dict[str, tuple[str, str]], top: float, columns: int) -> None:
    """Colours and shapes (`looks`) with their names, in columns, from `top` down."""
    axes = sheet.axes(0, top, sheet.width, sheet.height - top, bare=True)
    pitch = max(width_of(key, SMALL) for key in looks) + 0.3
    for i, (key, (colour, marker)) in enumerate(looks.items()):
        x, y = 0.15 + i % columns * pitch, 0.08 + i // columns * 0.17
        axes.plot([x], [y], marker=marker, markersize=4, color=colour, linestyle="none")
        axes.text(x + 0.1, y, key, va="center_baseline", size=SMALL)
