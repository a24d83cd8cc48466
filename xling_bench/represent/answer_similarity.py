"""Does a model answer the same in two languages? How near its answers to one instruction are, beside those to others.

After Extrapolating's Table 4, which shows two pairs of answers. An answer's state is of its text alone, read as any
sentence is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.text import number_of
from xling_bench.core.unit import Unit
from xling_bench.metrics.language import right_language
from xling_bench.represent import retrieval
from xling_bench.represent.answers import Answers
from xling_bench.represent.measurer import Load, Measured, with_intervals, without

Matrix = NDArray[np.float64]


def similarities(pair: Unit, ours: Matrix, theirs: Matrix) -> dict[tuple[Unit | None, str], Matrix]:
    """Of N answers' states and those of the same instructions' answers in another language, (N, D), of length 1: the
    cosine of each two, the mean cosine with the other N - 1 instructions' (both ways), and whether the same
    instruction's is the nearest."""
    there, back = retrieval.neighbours(ours, theirs), retrieval.neighbours(theirs, ours)
    others = [(queries @ candidates.sum(0) - there.own) / (len(ours) - 1)
              for queries, candidates in ((ours, theirs), (theirs, ours))]  # fmt: skip
    return {
        (pair, "answers_cosine"): there.own,
        (pair, "answers_cosine_other"): (others[0] + others[1]) / 2,
        (pair, "answers_retrieval_weak"): retrieval.weak(there),
        (Unit.of(pair.target, pair.source), "answers_retrieval_weak"): retrieval.weak(back),
    }


@dataclass(frozen=True)
class Compared:
    """One model's answers, none of them missing."""

    answers: Answers

    @property
    def pivot(self) -> str:
        """The language that the others are paired with."""
        return self.answers.asking.prompts.pivot

    @property
    def others(self) -> list[str]:
        """Those with 2 answers or more to instructions that are answered in the pivot, too."""
        return [key for key in self.answers.rows if key != self.pivot and len(self.shared(key)) > 1]

    def shared(self, other: str) -> list[str]:
        """Ids of the instructions that have an answer in the pivot and in another language, in the pivot's order."""
        there = set(self.answers.said[other])
        return [number for number in self.answers.said[self.pivot] if number in there]

    def by_layer(self, load: Load, layers: Sequence[int], tick: Callable[[int], object]) -> Iterator[Measured]:
        """`similarities` of the pivot and every other language. `load` gives states of `answers.sides`; `tick` hears
        of each layer and pair."""
        said = self.answers.said
        for layer in layers:
            for other in self.others:
                shared, states = self.shared(other), []
                for key in (self.pivot, other):
                    places = {number: place for place, number in enumerate(said[key])}
                    states.append(retrieval.unit(load(key, layer)[[places[number] for number in shared]]))
                yield from with_intervals(similarities(Unit.of(self.pivot, other), states[0], states[1]), layer)
                tick(1)

    def languages(self) -> Iterator[Measured]:
        """`answers_own_language` of each language: of its answers whose language can be told, the share in it."""
        for language in self.answers.said:
            known = np.array([float(right) for right in self._right(language) if right is not None])
            if known.size:
                yield from with_intervals({(Unit(language), "answers_own_language"): known}, None)
            else:
                yield without(Unit(language), None, "answers_own_language", math.nan, 0)

    def notes(self) -> Iterator[str]:
        """What is left out, and what cannot be told."""
        for language, rows in self.answers.rows.items():
            if empty := len(rows) - len(self.answers.said[language]):
                yield f"{empty} of {number_of(len(rows), 'answer')} in {language} are empty, and in no pair"
            if language != self.pivot and language not in self.others:
                yield f"answers in {language}: fewer than 2 pairs are left, so their states are not compared"
            right = self._right(language)
            if undecided := sum(each is None for each in right):
                yield (f"of {number_of(len(right), 'answer')} in {language} {undecided} are in no language that can be "
                       "told, and count neither way in answers_own_language")  # fmt: skip

    def _right(self, language: str) -> list[bool | None]:
        """Whether each answer is in its language; words of its instruction are allowed."""
        prompts, rows = self.answers.asking.prompts.sides[language], self.answers.rows[language]
        return [right_language(rows[number], language, prompts[number]) for number in self.answers.said[language]]
