"""Training texts that are evaluation texts: as a whole, or in a piece of 13 words.

Texts are compared in NFKC, folded case, without punctuation and invisible characters. 13 words without punctuation is
the convention of GPT-3 (Brown et al. 2020, appendix C: "N" between 8 and 13 by data set), which lm-evaluation-harness
simplified to 13 for all (`docs/decontamination.md`).

Scripts without spaces have no such convention that we found, so theirs is measured: in FLORES-200 devtest an English
word stands against 1.7 Chinese characters, 2.4 Japanese, 4.9 Tibetan, 5.5 Thai, 5.6 Lao, 6.2 Khmer, 6.7 Burmese ones.
We take 2 characters for a word in Han and kana, and 6 in the others: 13 words are 26 and 78 characters. The script
decides, not the language a file claims, so English inside a Chinese response is found, too. A piece is the shortest run
from a word or character on that is 13 words long.

An evaluation text shorter than that is found as a whole training text only, not inside a longer one. Single sentences
of a context count as texts from five words on: shorter ones are exclamations, numbers and what rough splitting leaves.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate

import regex

from xling_bench.training.corpora.data_report import By

SENTENCE = 5  # words
WORD = 6  # what a word weighs; all weights are whole numbers
_SCRIPTS = {r"\p{Han}\p{Hiragana}\p{Katakana}": WORD // 2, r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}": WORD // 6}
_UNSPACED = "".join(_SCRIPTS)
_TOKEN = regex.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_LIGHT = [(regex.compile(f"[{script}]"), weight) for script, weight in _SCRIPTS.items()]
_HAS_UNSPACED = regex.compile(f"[{_UNSPACED}]")
_INVISIBLE = regex.compile(r"\p{Cf}+")
_PUNCTUATION = regex.compile(r"\p{P}+")
_SENTENCE_END = regex.compile(r"(?<=[.!?…؟۔।])\s+|(?<=[。！？])\s*|\n+")


def tokens(text: str) -> list[str]:
    """Words, and single characters in scripts without spaces, of the normalised text."""
    plain = _PUNCTUATION.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text).casefold()))
    return _TOKEN.findall(plain) if _HAS_UNSPACED.search(plain) else plain.split()


@cache
def _weight(character: str) -> int:
    return next((weight for script, weight in _LIGHT if script.match(character)), WORD)


def pieces(found: list[str], words: int) -> list[str]:
    """Every run of tokens that is `words` words long."""
    weights = [_weight(token[0]) for token in found]
    if min(weights, default=WORD) == WORD:
        return [" ".join(found[start : start + words]) for start in range(len(found) - words + 1)]
    text = " ".join(found)  # sliced, since joining 78 characters for every run is slow
    places = list(accumulate((len(token) + 1 for token in found), initial=0))
    runs = []
    end, weight = 0, 0
    for start, first in enumerate(weights):
        while end < len(found) and weight < words * WORD:
            weight += weights[end]
            end += 1
        if weight < words * WORD:
            break
        runs.append(text[places[start] : places[end] - 1])
        weight -= first
    return runs


def sentences(text: str) -> list[str]:
    """A context's sentences, roughly: the text is cut after . ! ? and their like, and at line ends."""
    return [part for part in _SENTENCE_END.split(text) if part and part.strip()]


@dataclass(frozen=True, slots=True)
class Place:
    """An evaluation text: benchmark, split, language, item."""

    benchmark: str
    split: str
    language: str
    item: str


@dataclass
class Index:
    """One benchmark's texts in one language and split, to look training texts up in: a text that several splits hold is
    found in each. Memory and time are linear in the texts.

    Of runs only Python's 64-bit hashes are kept: a million runs against a million have a false hit with p < 1e-7.
    """

    words: int
    whole: dict[str, Place] = field(default_factory=dict)
    runs: dict[int, Place] = field(default_factory=dict)
    _added: set[str] = field(default_factory=set)

    def add(self, text: str, place: Place, *, context: bool = False) -> None:
        """Add an item's text; a context also counts as its sentences. The first item with a text keeps it."""
        if text in self._added:  # several questions have one context, several hypotheses one premise
            return
        self._added.add(text)
        found = tokens(text)
        if found:
            self.whole.setdefault(" ".join(found), place)
        for sentence in sentences(text) if context else ():
            part = tokens(sentence)
            if sum(_weight(token[0]) for token in part) >= SENTENCE * WORD:
                self.whole.setdefault(" ".join(part), place)
        for run in pieces(found, self.words):
            self.runs.setdefault(hash(run), place)


@dataclass(frozen=True, slots=True)
class Hit:
    """An overlap: `kind` is exact or ngram."""

    kind: By
    place: Place


class Checker:
    """Looks texts up in several indices."""

    def __init__(self, indices: Iterable[Index], words: int) -> None:
        self.indices = list(indices)
        self.words = words
        self._known: dict[str, tuple[Hit, ...]] = {}

    def hits(self, text: str) -> tuple[Hit, ...]:
        """At most one overlap with each index: an exact one, else the first piece's."""
        if text not in self._known:  # an English sentence is looked up once, however many languages it is paired with
            self._known[text] = tuple(self._look_up(text))
        return self._known[text]

    def _look_up(self, text: str) -> Iterator[Hit]:
        found = tokens(text)
        if not found:
            return
        whole = " ".join(found)
        runs = [hash(run) for run in pieces(found, self.words)]
        for index in self.indices:
            if place := index.whole.get(whole):
                yield Hit("exact", place)
            elif not index.runs.keys().isdisjoint(runs):
                yield Hit("ngram", index.runs[next(run for run in runs if run in index.runs)])
