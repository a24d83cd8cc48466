"""What is drawn of one layer that was chosen: how far languages are from each other, and maps of all sentences.

The layer is the one where translations are the nearest neighbours of each other most often (`best_layer`), or the
reader's choice. It is chosen on the sentences that are drawn: good for looking, not for comparing models by a number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.errors import UsageError, did_you_mean
from xling_bench.core.files import write_text
from xling_bench.core.progress import progress
from xling_bench.core.unit import Unit
from xling_bench.represent import tsne
from xling_bench.represent.corpus import Corpus, language_of
from xling_bench.represent.measurer import SEED, Measured, with_intervals
from xling_bench.represent.spaces import distances

Vectors = NDArray[np.float32]
BEST = "best"


@dataclass(frozen=True)
class Own:
    """A model's own states: `load(side, layer)` (N, D) of a corpus' sides, at `layers`; `key` stands for all that
    decides them; `width` is D; `best` of its layers (`best_layer`)."""

    name: str
    key: str
    layers: tuple[int, ...]
    depth: int
    width: int
    best: int
    load: Callable[[str, int], Vectors]


def best_layer(found: Iterable[Measured]) -> int:
    """The layer of the largest MEXA, the mean over pairs, of most sentences; the lowest of several."""
    by_layer: dict[int, list[float]] = {}
    numbers = [each for each in found if each.measure == "mexa" and each.layer is not None and each.value is not None]
    most = max(each.n for each in numbers)
    for each in numbers:
        if each.n == most and each.layer is not None and each.value is not None:
            by_layer.setdefault(each.layer, []).append(each.value)
    return min(by_layer, key=lambda layer: (-sum(by_layer[layer]), layer))


def language_distances(corpus: Corpus, model: Own) -> list[Measured]:
    """`distance` of each two languages at the best layer, intervals over sentences; none where the languages do not
    have the same sentences."""
    if not corpus.shared:
        return []
    found = distances({side: model.load(side, model.best) for side in corpus.sides})
    return with_intervals({(Unit.of(*pair), "distance"): each for pair, each in found.items()}, model.best)


def check_maps(words: Sequence[str], corpus: Corpus, models: int) -> None:
    """Raise where maps are asked for that could not be drawn: before anything is computed."""
    for word in words:
        if word not in (BEST, "mid", "last") and not word.isdecimal():
            meant = did_you_mean(word, (BEST, "mid", "last"))
            raise UsageError(f"--map {word}:{meant} Expected numbers of layers, mid, last, or best.")
    if words:
        tsne.check_points(models * sum(map(len, corpus.sides.values())))


def map_layers(words: Sequence[str], layers: Sequence[int], depth: int, best: int) -> list[int]:
    """The layers that `words` name: numbers, `mid`, `last` (`depth`), or `best`. Raises UsageError for one that is not
    among the measured `layers`."""
    named, found = {"mid": depth // 2, "last": depth, BEST: best}, []
    for word in words:
        layer = named.get(word, int(word) if word.isdecimal() else -1)
        if layer not in layers:
            measured = ", ".join(map(str, layers))
            raise UsageError(f"--map {word}: expected layers that are measured ({measured}), mid, last, or best.")
        found.append(layer)
    return list(dict.fromkeys(found))


def draw_maps(corpus: Corpus, models: Sequence[Own], words: Sequence[str], folder: Path, facts: Mapping[str, Any],
              signed: Callable[[dict[str, Any]], str]) -> list[str]:  # fmt: skip
    """Place the sentences of `models`, those of one shape on one shared map, at each layer; returns the files' names.

    A map that is there, under the hash of all that decides it (`signed` of its facts), is not computed again.
    """
    written = []
    for group in _alike(models):
        best = [model.best for model in group]
        for layer in map_layers(words, group[0].layers, group[0].depth, max(best, key=best.count)):
            called = [model.name for model in group]
            count = len(group) * sum(map(len, corpus.sides.values()))
            known = {**facts, "method": tsne.method(count), "states": [model.key for model in group],
                     "layer": layer, "seed": SEED}  # fmt: skip
            path = folder / f"{signed(known)}.json"
            written.append(path.name)
            if path.is_file():
                continue
            parts = [(model, side, model.load(side, layer)) for model in group for side in corpus.sides]
            with progress(tsne.ROUNDS, f"map of layer {layer} of {', '.join(called)}", unit="round") as bar:
                placed = tsne.place(np.concatenate([part for *_, part in parts]), seed=SEED, tick=bar.update)
            ends = np.cumsum([len(part) for *_, part in parts])[:-1]
            clouds = [
                {"model": model.name, "language": language_of(side), "points": np.round(points, 3).tolist()}
                for (model, side, _), points in zip(parts, np.split(placed.points, ends), strict=True)
            ]
            about = {"layer": layer, "perplexity": placed.perplexity, "models": called}
            write_text(path, json.dumps({**about, "facts": known, "clouds": clouds}, ensure_ascii=False) + "\n")
    return written


def _alike(models: Sequence[Own]) -> list[list[Own]]:
    """Models whose states can stand on one map: of as many layers and dimensions, in the order given."""
    groups: dict[tuple[int, int, tuple[int, ...]], list[Own]] = {}
    for model in models:
        groups.setdefault((model.depth, model.width, model.layers), []).append(model)
    return list(groups.values())
