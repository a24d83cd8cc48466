"""Which words of a pair translate each other: looked up in a dictionary, where there is only one way to read it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xling_bench.benchmarks.rows import rows_hash
from xling_bench.core import languages
from xling_bench.core.errors import DataError
from xling_bench.dictionaries import Dictionary, inverted, read_file
from xling_bench.training.corpora.data_config import DataConfig
from xling_bench.training.corpora.data_report import Links
from xling_bench.training.corpora.instructions import shown
from xling_bench.training.corpora.mix_report import dictionary_files

if TYPE_CHECKING:
    from xling_bench.training.corpora.streams import PairStream
    from xling_bench.training.corpora.texts import Pair

_WORD = re.compile(r"\w+")
DRAWS = 1000  # pairs that the report looks at
Span = tuple[int, int]  # characters of a text, the end beyond the last
Entries = Mapping[str, frozenset[str]]  # a word of the pivot, and its translations, case folded


@dataclass(frozen=True)
class Linker:
    """Links words of a pair of the pivot and a language of `entries`; other pairs have none."""

    pivot: str
    entries: Mapping[str, Entries]

    def links(self, pair: Pair) -> list[tuple[Span, Span]]:
        """(span in the source, span in the target) of each link, by their places in the pivot's side.

        Of words that occur once: one of the pivot is linked where exactly one place of the other side has one of its
        translations, to which no other word is linked. Case does not count. Words are runs of letters and digits;
        in languages without spaces, a translation is found wherever its characters stand.
        """
        if pair.source_language == self.pivot and pair.target_language in self.entries:
            return self._of(pair.source, pair.target, pair.target_language)
        if pair.target_language == self.pivot and pair.source_language in self.entries:
            return [(other, own) for own, other in self._of(pair.target, pair.source, pair.source_language)]
        return []

    def _of(self, text: str, other: str, language: str) -> list[tuple[Span, Span]]:
        entries = self.entries[language]
        spaced = languages.get(language).spaces
        theirs = {} if not spaced else _places(other)
        found: list[tuple[Span, Span]] = []
        for word, places in _places(text).items():
            if len(places) > 1 or word not in entries:
                continue
            at = (
                [span for translation in entries[word] for span in theirs.get(translation, ())]
                if spaced
                else [match.span() for each in entries[word] for match in re.finditer(re.escape(each), other)]
            )
            if len(at) == 1:
                found.append((places[0], at[0]))
        # In a language without spaces, words may overlap: whatever shares a character with another is left out.
        taken = Counter(place for _, (start, end) in found for place in range(start, end))
        return sorted((own, span) for own, span in found if all(taken[place] == 1 for place in range(*span)))


def linker_of(config: DataConfig, root: Path, pairs: PairStream) -> tuple[Linker, dict[str, Links]]:
    """The linker of a configuration's dictionaries, and what it does to the first pairs, by language.

    Raises MissingDataError for a dictionary that is not there, DataError for a file that is none, or that links no word
    of the first pairs of its language.
    """
    keys = [key for key in config.languages if key != config.pivot]
    entries: dict[str, Entries] = {}
    told: dict[str, Links] = {}
    for key, path in dictionary_files(config, root, keys).items():
        dictionary = read_file(path)
        if key in config.dictionaries and config.dictionaries_from == "others":
            dictionary = inverted(dictionary)
        entries[key] = _folded(dictionary)
        told[key] = {
            "file": shown([path], root)[0],
            "hash": rows_hash({"word": word, "translations": list(each)} for word, each in dictionary.items()),
            "pairs": 0,
            "links": 0,
        }
    linker = Linker(config.pivot, entries)
    for i in range(min(DRAWS, len(pairs))):
        pair = pairs[i]
        key = pair.target_language if pair.source_language == config.pivot else pair.source_language
        if key in told:
            told[key]["pairs"] += 1
            told[key]["links"] += len(linker.links(pair))
    for key, of in told.items():
        if of["pairs"] and not of["links"]:
            raise DataError(
                f"{of['file']}: no word of the first {of['pairs']} pairs of {config.pivot} and {key} is linked by it. "
                f"Is it of these languages? (data.dictionaries_from is {config.dictionaries_from!r})"
            )
    return linker, told


def _places(text: str) -> dict[str, list[Span]]:
    """The places of every word, case folded."""
    found: dict[str, list[Span]] = {}
    for match in _WORD.finditer(text):
        found.setdefault(match.group().casefold(), []).append(match.span())
    return found


def _folded(dictionary: Dictionary) -> Entries:
    found: dict[str, set[str]] = {}
    for word, translations in dictionary.items():
        found.setdefault(word.casefold(), set()).update(each.casefold() for each in translations if each)
    return {word: frozenset(each) for word, each in found.items()}
