"""How far languages are from each other: a map of all pairs, languages that are near side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xling_bench.report.figures.drawing import SMALL, TEXT, Figure, Sheet, style, title_width, width_of
from xling_bench.report.figures.heatmap import COLOURS, shade
from xling_bench.report.figures.svg import INK
from xling_bench.report.labels import labels
from xling_bench.results.represented import Number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Matrix = NDArray[np.float64]
CELL, TREE = 0.3, 0.8  # inches of a cell and of the tree above
NUMBERED = 20  # languages up to which distances are printed into their cells
DENSE = 0.14


def distance_map(numbers: list[Number], name: str, model: str) -> Figure | None:
    """A model's `distance` numbers, of all pairs of languages at one layer; None for fewer than three languages.

    Rows and columns are in the order of the tree above them: average linkage (UPGMA) of the distances.
    """
    languages = list(dict.fromkeys(key for each in numbers if each.pair for key in each.pair.languages))
    if len(languages) < 3:
        return None
    table = np.zeros((len(languages), len(languages)))
    for each in numbers:
        if each.pair is not None and each.value is not None:
            at, to = (languages.index(key) for key in each.pair.languages)
            table[at, to] = table[to, at] = each.value
    order, tree = _clustered(table)
    called = labels([model])[model]
    layer = numbers[0].layer
    title = f"{called}: distances of languages, layer {layer}"
    cell = CELL if len(languages) <= NUMBERED else DENSE
    left = 0.2 + max(width_of(key, SMALL) for key in languages)
    side = cell * len(languages)
    with style():
        sheet = Sheet(max(left + side + 0.8, title_width(title)), 0.35 + TREE + side + 0.35)
        sheet.text(0.1, 0.14, title, weight="bold", size=TEXT + 1)
        top = 0.35 + TREE
        _tree(sheet.axes(left, 0.3, side, TREE), tree, len(languages))
        _cells(sheet.axes(left, top, side, side), table[np.ix_(order, order)], [languages[i] for i in order])
        _key(sheet.axes(left + side + 0.15, top, 0.12, min(side, 1.5)), table)
        caption = (
            f"Distances of {len(languages)} languages in {called} at layer {layer}, where translations are nearest to "
            f"each other: 1 minus the mean cosine of {numbers[0].n} sentences' translations, the mean of all states "
            "taken off (0: the same point, 1: nothing in common). Tree and order: average linkage of these distances."
        )
        return sheet.finish(name, title, caption)


def _clustered(table: Matrix) -> tuple[list[int], dict[str, list[list[float]]]]:
    """The order of the languages, and the tree's lines as scipy has them."""
    from scipy.cluster.hierarchy import dendrogram, linkage
    from scipy.spatial.distance import squareform

    drawn = dendrogram(linkage(squareform(table, checks=False), method="average"), no_plot=True)
    return [int(leaf) for leaf in drawn["leaves"]], {"x": drawn["icoord"], "y": drawn["dcoord"]}


def _tree(axes: Axes, tree: dict[str, list[list[float]]], count: int) -> None:
    for x, y in zip(tree["x"], tree["y"], strict=True):
        axes.plot(x, y, color=INK, linewidth=0.7)
    axes.set(xlim=(0, 10 * count), xticks=[])  # scipy's leaves stand at 5, 15, 25, ...
    axes.set_ylim(bottom=0)
    axes.spines[["bottom"]].set_visible(False)
    axes.locator_params(axis="y", nbins=3)


def _cells(axes: Axes, table: Matrix, languages: list[str]) -> None:
    from matplotlib import colormaps

    shades, top = colormaps[COLOURS].reversed(), float(table.max()) or 1.0
    axes.pcolormesh(table, cmap=shades, vmin=0.0, vmax=top, rasterized=True)
    axes.set(ylim=(len(languages), 0))
    places = [i + 0.5 for i in range(len(languages))]
    axes.set_yticks(places, languages)
    axes.set_xticks(places, languages, rotation=90 if len(languages) > NUMBERED else 0)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(languages) <= NUMBERED:
        for row, column in np.ndindex(table.shape):
            _, ink = shade(1 - float(table[row, column]) / top)
            words = f"{table[row, column]:.2f}".removeprefix("0") if row != column else ""
            axes.text(column + 0.5, row + 0.5, words, size=SMALL - 1, ha="center", va="center", color=ink)


def _key(axes: Axes, table: Matrix) -> None:
    from matplotlib import colormaps

    top = float(table.max()) or 1.0
    steps = np.linspace(0, top, 29)
    axes.pcolormesh([0, 1], steps, steps[:-1, None], cmap=colormaps[COLOURS].reversed(), vmin=0, vmax=top)
    axes.set(xticks=[])
    axes.yaxis.tick_right()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.locator_params(axis="y", nbins=4)
