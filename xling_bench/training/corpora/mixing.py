"""Code-mixing: words of a training text replaced by their translations (COMMIT, Lee et al. 2024, Eq. 2 to 4).

    x_i ~ B(rate);  c_i = a translation of w_i if x_i = 1 and w_i is in the dictionary, else w_i

Words are what white space parts, without the punctuation around them, looked up as they are written; which of several
translations is drawn, each alike. All else stays: white space, punctuation, words without an entry, case.

What is drawn is a function of the seed and of the draw's number: each epoch is mixed anew, and a run that was killed
goes on as it would have gone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from string import punctuation
from typing import TYPE_CHECKING

from xling_bench.dictionaries import Dictionary
from xling_bench.training.corpora.order import chosen, key_of, mixed, uniform
from xling_bench.training.corpora.texts import Draft, Instruction, Task

if TYPE_CHECKING:
    from xling_bench.metrics.segment import Split
    from xling_bench.training.corpora.mix_config import MixConfig

_CHUNK = re.compile(r"\S+")


@dataclass
class Counts:
    """Words seen, of these in the dictionary, of these replaced, of these by another word (a name may be its own
    translation)."""

    words: int = 0
    known: int = 0
    replaced: int = 0
    changed: int = 0


@dataclass(frozen=True)
class Words:
    """A language's dictionary in the direction that is needed, and what parts its texts into words: None for white
    space."""

    dictionary: Dictionary
    split: Split | None = None


@dataclass
class _Draw:
    """The random numbers of one text's words, one after the other."""

    key: int
    place: int = 0

    def word(self, options: tuple[str, ...], rate: float) -> str | None:
        """One of the translations, or None where the word stays. Every word takes its place, known or not."""
        self.place += 1
        if not options or uniform(self.key, 2 * self.place) >= rate:
            return None
        return options[mixed(self.key, 2 * self.place + 1) % len(options)]


def mix(text: str, words: Words, rate: float, key: int, counts: Counts | None = None) -> str:
    """`text` with each word that has an entry replaced with probability `rate`; `key` names the random numbers.

    `counts` is added to. Where a word is put between letters, as in languages without spaces, spaces part it from them.
    """
    draw, tally = _Draw(key), Counts() if counts is None else counts
    return _CHUNK.sub(lambda found: _chunk(found.group(), words, rate, draw, tally), text)


def _chunk(chunk: str, words: Words, rate: float, draw: _Draw, counts: Counts) -> str:
    """What stands between white space, mixed."""
    done, before = "", False
    for part, is_word in _parts(chunk, words.split):
        put = None
        if is_word:
            options = words.dictionary.get(part, ())
            put = draw.word(options, rate)
            counts.words += 1
            counts.known += bool(options)
            counts.replaced += put is not None
            counts.changed += put is not None and put != part
        new = part if put is None else put
        if done and (before or put is not None) and _letter(done[-1]) and _letter(new[0]):
            done += " "
        done, before = done + new, put is not None
    return done


def _parts(chunk: str, split: Split | None) -> Iterator[tuple[str, bool]]:
    """(part, whether it is a word): the parts together are the chunk."""
    if split is None:
        start, end = 0, len(chunk)
        while start < end and _edge(chunk[start]):
            start += 1
        while end > start and _edge(chunk[end - 1]):
            end -= 1
        yield from ((part, word) for part, word in (
            (chunk[:start], False), (chunk[start:end], True), (chunk[end:], False),
        ) if part)  # fmt: skip
        return
    place = 0
    for token in split(chunk):
        at = chunk.find(token, place) if token else -1
        if at < 0:
            continue  # a segmenter that writes a word otherwise: its characters stay as they are, below
        if at > place:
            yield chunk[place:at], False
        yield token, not all(map(_edge, token))
        place = at + len(token)
    if place < len(chunk):
        yield chunk[place:], False


@cache
def _edge(character: str) -> bool:
    """Punctuation: Unicode's P, or ASCII's, which has some symbols."""
    return character in punctuation or unicodedata.category(character)[0] == "P"


@cache
def _letter(character: str) -> bool:
    """A letter, one of its marks, or a digit."""
    return unicodedata.category(character)[0] in "LMN"


@dataclass(frozen=True)
class Mixer:
    """Mixes what a configuration says. `words`: by language; `weights`: how often it is drawn to be mixed with."""

    config: MixConfig
    pivot: str
    words: Mapping[str, Words]
    weights: Mapping[str, float]
    seed: int

    def instruction(self, draft: Draft, i: int, counts: dict[str, Counts] | None = None) -> Instruction:
        """The i-th draw, mixed and filled in its template; or, where the template is mixed too, filled and mixed.

        `counts` gets, by the language mixed with, what became of the words.
        """
        if draft.kind not in self.config.uses or (other := self._other(draft, i)) is None:
            return draft.filled()
        tally = Counts() if counts is None else counts.setdefault(other, Counts())

        def mixed_in(text: str, language: str, part: str) -> str:
            if language != (self.pivot if self.config.direction == "from-pivot" else other) or not text:
                return text
            return mix(text, self.words[other], self.config.rate, key_of(self.seed, "mix", part, i), tally)

        if self.config.template:
            text = draft.filled()
            prompt = mixed_in(text.prompt, draft.instruction_language, "prompt")
            return replace(text, prompt=prompt, response=mixed_in(text.response, draft.response_language, "output"))
        task = Task(
            mixed_in(draft.task.instruction, draft.instruction_language, "instruction"),
            mixed_in(draft.task.input, draft.language, "input"),
            mixed_in(draft.task.output, draft.response_language, "output"),
        )
        return replace(draft, task=task).filled()

    def _other(self, draft: Draft, i: int) -> str | None:
        """The language mixed with: the row's own, if it has one but the pivot; of a row in the pivot one is drawn."""
        own = next((key for key in (draft.response_language, draft.language) if key != self.pivot), None)
        if own is not None:
            return own if own in self.words else None
        if self.config.direction == "to-pivot":
            return None
        keys = list(self.words)
        return keys[chosen([self.weights[key] for key in keys], uniform(key_of(self.seed, "mix", "language"), i))]
