"""All measures of one model's states, layer by layer, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.unit import Unit
from xling_bench.represent import retrieval, spaces
from xling_bench.represent.corpus import Corpus, language_of
from xling_bench.represent.probe import SENTENCES, language_probe
from xling_bench.represent.retrieval import Neighbours, neighbours
from xling_bench.stats.bootstrap import bootstrap_means
from xling_bench.stats.cluster_sums import Codes

Matrix = NDArray[np.float64]
Vectors = NDArray[np.float32]
Load = Callable[[str, int], Vectors]
DRAWS, SEED, LEVEL = 2000, 0, 0.95
MEXA_SENTENCES = 100  # of its program; the score falls with their number


@dataclass(frozen=True)
class Measured:
    """One number. `pair` is ordered, queries first, or a single language; None of all languages together. `layer` None:
    over all layers measured. `low` and `high` are None where no interval has been shown to cover. A value that there
    cannot be is None.
    """

    pair: Unit | None
    layer: int | None
    measure: str
    value: float | None
    low: float | None
    high: float | None
    n: int


def with_intervals(outcomes: Mapping[tuple[Unit | None, str], Matrix], layer: int | None,
                   clusters: Codes | None = None) -> list[Measured]:  # fmt: skip
    """Means of outcomes, (N,) each, of the same sentences, with percentile intervals of resampled sentences.

    NaN marks a sentence that an outcome lacks; `clusters` (N,) are drawn together, None for each by itself.
    """
    table = np.stack(list(outcomes.values()), axis=1)  # (N, measures)
    there = (~np.isnan(table)).sum(0)
    means = np.nansum(table, axis=0) / there
    drawn = bootstrap_means(table, DRAWS, SEED, clusters)  # (draws, measures)
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.nanpercentile(drawn, [tail, 100.0 - tail], axis=0)
    return [
        Measured(pair, layer, name, float(means[at]), float(low[at]), float(high[at]), int(there[at]))
        for at, (pair, name) in enumerate(outcomes)
    ]


def without(pair: Unit | None, layer: int | None, measure: str, value: float, n: int) -> Measured:
    """A number that has no interval."""
    return Measured(pair, layer, measure, value if math.isfinite(value) else None, None, None, n)


class Measurer:
    """Measures a corpus' states, `load(side, layer)` (N, D), at `layers` of a model whose last is `depth`.

    `axes` are filled by `run`: each layer's `spaces.axis_sensitivity`, (D,).
    """

    def __init__(self, corpus: Corpus, load: Load, layers: Sequence[int], depth: int, *, gamma: bool) -> None:
        self.corpus, self.load, self.layers, self.depth, self.gamma = corpus, load, layers, depth, gamma
        self.axes: dict[int, Matrix] = {}
        self._mexa: dict[tuple[Unit, int], list[Matrix]] = {}

    def run(self, tick: Callable[[int], object] = lambda _: None) -> list[Measured]:
        """All numbers: pairs by layer, all languages by layer, MEXA over layers. `tick` hears of each pair and layer.

        `gamma` asks for the scaling law's similarity, too, which is of mean-pooled states of the last layer.
        """
        found: list[Measured] = []
        for layer in self.layers:
            states = {side: self.load(side, layer) for side in self.corpus.sides}
            units = {side: retrieval.unit(vectors) for side, vectors in states.items()}
            within = {side: retrieval.nearest_within(vectors) for side, vectors in units.items()}
            for pair, sides in self.corpus.pairs.items():
                found += self._pair(pair, layer, [(states[side], units[side], within[side]) for side in sides])
                tick(1)
            if self.corpus.shared:
                found += self._languages(layer, states)
        for (pair, n), columns in self._mexa.items():
            table = np.stack(columns, axis=1)  # (n, layers)
            found += with_intervals({(pair, "mexa_mean"): table.mean(1)}, None)
            found.append(without(pair, None, "mexa_max", float(table.mean(0).max()), n))
        return found

    def _pair(self, pair: Unit, layer: int, sides: Sequence[tuple[Vectors, Matrix, Matrix]]) -> list[Measured]:
        (raw, ours, within), (raw_back, theirs, within_back) = sides
        there, back = neighbours(ours, theirs), neighbours(theirs, ours)
        turned = Unit.of(pair.target, pair.source)
        both = np.concatenate([ours, theirs])
        space = spaces.space_cosine(both)
        outcomes: dict[tuple[Unit | None, str], Matrix] = {
            (pair, "alignment"): spaces.squared_distances(ours, theirs),
            (pair, "cosine"): there.own,
            (pair, "mexa"): retrieval.mexa(there, back),
        }
        normalised = spaces.normalised_cosine(there.own, space)
        if normalised is not None:
            outcomes[pair, "cosine_normalised"] = normalised
        for way, near, inside in ((pair, there, within), (turned, back, within_back)):
            outcomes |= directed(way, near)
            outcomes[way, "retrieval_strong"] = retrieval.strong(near, inside)
            outcomes[way, "retrieval_pooled"] = retrieval.pooled(near, inside)
        outcomes[pair, "retrieval_csls"] = retrieval.csls(ours, theirs, there.near, back.near)
        outcomes[turned, "retrieval_csls"] = retrieval.csls(theirs, ours, back.near, there.near)
        if self.gamma and layer == self.depth:
            outcomes[pair, "gamma"] = outcomes[pair, "mrr"]
        n = len(ours)
        found = with_intervals(outcomes, layer)
        found += [
            without(pair, layer, "uniformity", spaces.uniformity(both), n),
            without(pair, layer, "cosine_space", space, n),
            without(pair, layer, "cka", spaces.cka(raw, raw_back), n),
        ]
        if normalised is None:
            found.append(without(pair, layer, "cosine_normalised", math.nan, n))
        self._mexa.setdefault((pair, n), []).append(outcomes[pair, "mexa"])
        if n > MEXA_SENTENCES:
            first = first_mexa(ours, theirs)
            found += with_intervals({(pair, "mexa"): first}, layer)
            self._mexa.setdefault((pair, MEXA_SENTENCES), []).append(first)
        return found

    def _languages(self, layer: int, states: Mapping[str, Vectors]) -> list[Measured]:
        right = language_probe(list(states.values()))
        axes = self.axes[layer] = spaces.axis_sensitivity(states)
        known = axes[np.isfinite(axes)]
        n = len(next(iter(states.values())))
        mean, most = (float(known.mean()), float(known.max())) if known.size else (math.nan, math.nan)
        return [
            *with_intervals({(None, "language_probe"): right}, layer),
            without(None, layer, "axis_sensitivity_mean", mean, n),
            without(None, layer, "axis_sensitivity_max", most, n),
        ]


def directed(way: Unit, near: Neighbours) -> dict[tuple[Unit | None, str], Matrix]:
    """What queries see among the other language's sentences alone."""
    return {(way, "retrieval_weak"): retrieval.weak(near), (way, "mrr"): retrieval.reciprocal_rank(near)}


def first_mexa(ours: Matrix, theirs: Matrix) -> Matrix:
    """`retrieval.mexa` of the first `MEXA_SENTENCES`, as its program has it."""
    ours, theirs = ours[:MEXA_SENTENCES], theirs[:MEXA_SENTENCES]
    return retrieval.mexa(neighbours(ours, theirs), neighbours(theirs, ours))


def token_counts(corpus: Corpus, tokens: Callable[[str], NDArray[np.integer[Any]]]) -> list[Measured]:
    """What the tokenizer makes of each language: `tokens` a sentence, and `tokens_ratio`, all tokens of a language over
    all of the pivot's for the same sentences; `tokens(side)` (N,) of a corpus' side."""
    found = []
    for side in corpus.sides if corpus.shared else [side for _, side in corpus.pairs.values()]:
        counts = tokens(side).astype(np.float64)
        found += with_intervals({(Unit(language_of(side)), "tokens"): counts}, None)
    tail = 50.0 * (1.0 - LEVEL)
    for pair, sides in corpus.pairs.items():
        table = np.stack([tokens(side).astype(np.float64) for side in sides], axis=1)  # (N, 2)
        drawn = bootstrap_means(table, DRAWS, SEED)
        low, high = np.percentile(drawn[:, 1] / drawn[:, 0], [tail, 100.0 - tail])
        value = float(table[:, 1].sum() / table[:, 0].sum())
        found.append(Measured(pair, None, "tokens_ratio", value, float(low), float(high), len(table)))
    return found


def string_overlap(corpus: Corpus) -> list[Measured]:
    """The baseline without a model: what shared strings (names, numbers) alone find."""
    found: list[Measured] = []
    for pair, (one, other) in corpus.pairs.items():
        ours, theirs = retrieval.overlap_vectors(corpus.sides[one], corpus.sides[other])
        there, back = neighbours(ours, theirs), neighbours(theirs, ours)
        outcomes = directed(pair, there) | directed(Unit.of(pair.target, pair.source), back)
        outcomes[pair, "mexa"] = retrieval.mexa(there, back)
        found += with_intervals(outcomes, None)
        if len(ours) > MEXA_SENTENCES:
            found += with_intervals({(pair, "mexa"): first_mexa(ours, theirs)}, None)
    return found


__all__ = ["DRAWS", "LEVEL", "MEXA_SENTENCES", "SEED", "SENTENCES", "Measured", "Measurer", "string_overlap",
           "token_counts"]  # fmt: skip
