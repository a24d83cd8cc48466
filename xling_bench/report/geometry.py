"""What the page says of representations: figures and tables from the folders of `represent` and of trainings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from xling_bench.core.text import line, number_of
from xling_bench.core.unit import Unit
from xling_bench.report.figures.clouds import map_of
from xling_bench.report.figures.curves import MOST, Line, Panel, curves
from xling_bench.report.figures.distances import distance_map
from xling_bench.report.figures.scatter import Dot, Plane, scatter
from xling_bench.report.labels import labels, listed, slug
from xling_bench.results.represented import (
    NUMBERS,
    STEPS,
    Number,
    Representation,
    Trajectory,
    read_representation,
    read_trajectory,
)

if TYPE_CHECKING:
    from xling_bench.report.figures import Figure

# What is drawn over layers: the measure, its heading, what the axis says.
CURVES = (
    ("mexa", "MEXA", "share of sentences"),
    ("retrieval_weak", "Weak retrieval, asked with the pivot", "share of sentences"),
    ("cka", "CKA with the pivot", "CKA"),
    ("language_probe", "Language probe", "accuracy"),
)
LATENT = {"latent_english": "English", "latent_target": "target language", "latent_source": "source language"}
RANDOM, STRINGS = "random weights, mean", "string overlap, mean"
TRANSFER = "transfer_"
EVERY = "all languages"
Key = tuple[str, str | None]  # of a panel: model, intervention


def figures_of(found: Representation, suffix: str = "") -> list[Figure]:
    """All figures of a folder; their names end in `suffix`."""
    drawn: list[Figure | None] = [layer_figure(found, *each, suffix) for each in CURVES]
    names = dict.fromkeys(each.measure for each in found.numbers)
    transfers = [name for name in names if name.startswith(TRANSFER) and not name.startswith(f"{TRANSFER}gap")]
    for measure in transfers:
        title = f"Transfer probe, {measure.removeprefix(TRANSFER)}"
        drawn.append(layer_figure(found, measure, title, "accuracy", suffix))
    drawn.append(latent_figure(found, suffix))
    for model in found.models:
        own = [each for each in found.of("distance") if each.model == model]
        drawn.append(distance_map(own, f"distances-{slug(model)}{suffix}", model))
    drawn += [map_of(place, f"map-{at}{suffix}") for at, place in enumerate(found.maps, 1)]
    return [figure for figure in drawn if figure is not None]


def layer_figure(found: Representation, measure: str, title: str, unit: str, suffix: str) -> Figure | None:
    """A measure over layers: a panel for each model and intervention, a line a language, baselines in grey."""
    own = by_panel(found.of(measure), found)
    if not own:
        return None
    names = labels(found.models)
    languages = list(dict.fromkeys(label_of(each) for numbers in own.values() for each in numbers))
    shown = languages[:MOST]
    random = by_panel(found.of(measure, weights="random"), found)
    forward = {each.pair for each in found.of("alignment")}
    strings = [each.value or 0.0 for each in found.of(measure, weights="strings") if each.pair in forward]
    panels = []
    for (model, change), numbers in own.items():
        lines = [Line(RANDOM, *mean_by_layer(random[f"{model} (random)", None]), reference=True)
                 ] if (f"{model} (random)", None) in random else []  # fmt: skip
        if strings:
            ends = [float(min(x for x, _ in layers(numbers))), float(max(x for x, _ in layers(numbers)))]
            lines.append(Line(STRINGS, ends, [fmean(strings)] * 2, reference=True))
        if measure == "language_probe":
            ends = [float(x) for x, _ in layers(numbers)]
            lines.append(Line("chance", ends, [1 / (len(forward) + 1)] * len(ends), reference=True))
        lines += [one_line(name, [each for each in numbers if label_of(each) == name]) for name in shown]
        panels.append(Panel(names[model] + (f", {change}" if change else ""), [each for each in lines if each.x]))
    caption = (
        f"{title} by layer (0: the embedding's output; the last: after the final norm), of "
        f"{EVERY if languages == [EVERY] else number_of(len(languages), 'language')}. Bands, in panels of at most four "
        "lines, are 95 % intervals over sentences; grey are baselines, the mean over languages."
    )
    if len(languages) > MOST:
        caption += f" Left out: {listed(languages[MOST:])}."
    return curves(f"layers-{slug(measure.replace('_', '-'))}{suffix}", title, caption, panels, ("layer", unit))


def by_panel(numbers: Iterable[Number], found: Representation) -> dict[Key, list[Number]]:
    """Numbers of a layer each, by model and intervention; of pairs asked both ways the one asked with the pivot."""
    forward = {each.pair for each in found.of("alignment")}
    kept: dict[Key, list[Number]] = {}
    for each in numbers:
        backward = each.pair is not None and Unit.of(each.pair.target, each.pair.source) in forward
        if each.layer is not None and not (backward and each.pair not in forward):
            kept.setdefault((each.model, each.intervention), []).append(each)
    return kept


def label_of(each: Number) -> str:
    """What a line is called: the language beside the pivot."""
    return EVERY if each.pair is None else each.pair.target


def layers(numbers: Iterable[Number]) -> list[tuple[int, Number]]:
    """By layer."""
    placed = [(each.layer, each) for each in numbers if each.layer is not None]
    return sorted(placed, key=lambda pair: pair[0])


def one_line(label: str, numbers: Sequence[Number]) -> Line:
    """One language over layers, with its intervals where all have one."""
    ordered = [each for _, each in layers(numbers)]
    bounded = all(each.low is not None for each in ordered)
    return Line(
        label,
        [float(x) for x, _ in layers(numbers)],
        [each.value or 0.0 for each in ordered],
        [each.low or 0.0 for each in ordered] if bounded else [],
        [each.high or 0.0 for each in ordered] if bounded else [],
    )


def mean_by_layer(numbers: Iterable[Number]) -> tuple[list[float], list[float]]:
    """Layers, and the mean over languages at each."""
    table: dict[int, list[float]] = {}
    for layer, each in layers(numbers):
        table.setdefault(layer, []).append(each.value or 0.0)
    return [float(layer) for layer in table], [fmean(values) for values in table.values()]


def latent_figure(found: Representation, suffix: str) -> Figure | None:
    """Probability of English and of the target language over layers: a panel for each model and pair."""
    table: dict[tuple[str, Unit], dict[str, list[Number]]] = {}
    for measure in LATENT:
        for each in found.of(measure):
            if each.pair is not None and each.layer is not None:
                table.setdefault((each.model, each.pair), {}).setdefault(measure, []).append(each)
    if not table:
        return None
    names = labels(found.models)
    panels = [
        Panel(f"{names[model]}, {pair}", [one_line(LATENT[measure], numbers) for measure, numbers in lines.items()])
        for (model, pair), lines in table.items()
    ]
    title = "Latent language"
    caption = (
        "What the model would say at each layer when it is asked to translate a word: the probability of its first "
        "tokens in English, in the target and in the source language (logit lens; Wendler et al. 2024). Bands are 95 % "
        "intervals over words."
    )
    return curves(f"latent{suffix}", title, caption, panels, ("layer", "probability"))


def trajectory_figure(found: Sequence[Trajectory]) -> Figure | None:
    """Alignment against uniformity over training (AFP, Figure 4): a panel a layer, a path a training and pair."""
    panels = trajectory_planes(found)
    if not panels:
        return None
    caption = (
        "Alignment (mean squared distance of translations) against uniformity of held-out pairs during training, both "
        "on states of length 1 and both better when lower (AFP, Eq. 5, 6 and Figure 4). Numbers are updates; the "
        "arrow points to the last."
    )
    return scatter("trajectory", "Alignment and uniformity over training", caption, panels,
                   ("uniformity", "alignment"), joined=True)  # fmt: skip


def trajectory_planes(found: Sequence[Trajectory]) -> list[Plane]:
    """A plane a layer: uniformity to the right, alignment up, a dot a step."""
    names = labels(each.name for each in found)
    planes: dict[int, list[Dot]] = {}
    for each in found:
        ways = list(dict.fromkeys(way for _, way, _ in each.steps))
        for step, way, numbers in each.steps:
            part = f", part {ways.index(way) + 1}" if len(ways) > 1 else ""  # other sentences: another path
            paired: dict[tuple[Unit | None, int], dict[str, float]] = {}
            for number in numbers:
                if number.layer is not None and number.value is not None:
                    paired.setdefault((number.pair, number.layer), {})[number.measure] = number.value
            for (pair, layer), values in paired.items():
                if {"alignment", "uniformity"} <= values.keys():
                    called = f"{names[each.name]}, {pair}{part}"
                    dot = Dot(called, str(step), values["uniformity"], values["alignment"])
                    planes.setdefault(layer, []).append(dot)
    return [Plane(f"layer {layer}", dots) for layer, dots in sorted(planes.items())]


def named(found: Sequence[Representation]) -> Mapping[str, Representation]:
    """Folders by what their figures' names end in: nothing for the only one, else `-1`, `-2`."""
    return {"": found[0]} if len(found) == 1 else {f"-{at}": each for at, each in enumerate(found, 1)}


def notes_of_folders(found: Sequence[Representation]) -> list[str]:
    """What the folders say is odd, each once."""
    return list(dict.fromkeys(line(note, 300) for each in found for note in each.notes))


@dataclass(frozen=True, slots=True)
class Geometry:
    """What is shown of representations: the folders, and their figures by folder; `path` is the trainings'."""

    folders: Sequence[Representation] = ()
    drawn: Sequence[list[Figure]] = ()
    path: Figure | None = None

    @property
    def figures(self) -> list[Figure]:
        """All figures."""
        return [*(figure for own in self.drawn for figure in own), *([] if self.path is None else [self.path])]


def geometry_of(folders: Sequence[Path]) -> Geometry:
    """Read and draw folders of `represent`, and of trainings with alignment.jsonl. Raises DataError for others."""
    found, trainings = [], []
    for folder in folders:
        if (folder / STEPS).is_file() and not (folder / NUMBERS).is_file():
            trainings.append(read_trajectory(folder))
        else:
            found.append(read_representation(folder))
    drawn = [figures_of(each, suffix) for suffix, each in named(found).items()] if found else []
    return Geometry(found, drawn, trajectory_figure(trainings) if trainings else None)
