"""Bilingual dictionaries from English: who translates what, read from a file of word pairs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from xling_bench.benchmarks.textfiles import locate_any, read_lines
from xling_bench.catalog.declarations import in_script
from xling_bench.core import languages
from xling_bench.core.errors import DataError, MissingDataError, UsageError

Dictionary = Mapping[str, tuple[str, ...]]  # an English word's translations, both in the file's order
PLACE = "{lang}"  # in the name of a FILE: one file a language
FOLDERS = ("dictionaries/cosda_ml/", "dictionaries/mrasp_example/", "dictionaries/", "")
WORDS = 2000  # pairs a language that a rotation is fitted on, three times the dimensions of a small model
SWEDISH = "sw2.txt"  # what CoSDA-ML calls its Swedish file: no Swahili


def read_dictionary(root: Path | None, language: str, pattern: str | None = None) -> Dictionary:
    """The dictionary from English to `language`, a key: MUSE's form, `en-de.txt`, or CoSDA-ML's copies, `de2.txt`, of
    `FOLDERS` below `root`, plain or .gz; or the file that `pattern` names, `{lang}` being the key.

    Words come in the file's order, which is MUSE's of frequency, each with its translations, once each. Names that are
    the same in both languages stay. Raises MissingDataError where there is no file, DataError for a line that is no
    pair, UsageError for English or where neither a folder nor a pattern is given.
    """
    if language == "en":
        raise UsageError("a dictionary from English to English: name another language.")
    found: dict[str, dict[str, None]] = {}
    for word, translation in read_pairs(_path(root, language, pattern)):
        found.setdefault(word, {})[translation] = None
    return {word: tuple(translations) for word, translations in found.items()}


def _path(root: Path | None, language: str, pattern: str | None) -> Path:
    if pattern is not None:
        if PLACE not in pattern:
            raise UsageError(f"--dictionary {pattern}: expected a name with {PLACE}, which is a language's key.")
        path = Path(pattern.replace(PLACE, language))
        if not path.is_file():
            raise MissingDataError(f"--dictionary {pattern}: there is no file {path}; expected a line a pair of an "
                                   f"English word and one in {language}.")  # fmt: skip
        return path
    if root is None:
        raise UsageError("dictionaries are read from files: set XLING_DATA_DIR (or --data-dir) to their folder, or "
                         "give --dictionary FILE.")  # fmt: skip
    codes = dict.fromkeys([language, *languages.get(language).aliases])
    names = [name for code in codes for name in (f"{code}2.txt", f"en-{code}.txt") if name != SWEDISH]
    path_ = locate_any(root, [folder + name for folder in FOLDERS for name in names])
    if path_ is None:
        raise MissingDataError(f"no dictionary from English to {language}: no file {' or '.join(names[:2])} (plain or "
                               f".gz) in {' or '.join(filter(None, FOLDERS))} below {root}; give --dictionary "
                               "FILE for one of your own.")  # fmt: skip
    return path_


def read_pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The file's pairs of an English word and a translation, line by line. A TAB parts the two; where a line has none
    it is the only space. Raises DataError for another line."""
    for number, line in enumerate(read_lines(path), 1):
        cells = [cell.strip() for cell in line.split("\t" if "\t" in line else " ")]
        if len(cells) != 2 or not all(cells):
            raise DataError(f"{path}, line {number}: expected a word and its translation, parted by a TAB or by one "
                            f"space, got {line!r:.60}")  # fmt: skip
        yield cells[0], cells[1]


def is_word(text: str, language: str) -> bool:
    """Whether it is one word in the language's own script: letters and their marks, without spaces, digits, hyphens."""
    letters = bool(text) and all(unicodedata.category(character)[0] in "LM" for character in text)
    return letters and in_script(text, languages.get(language).script)


def word_pairs(dictionary: Dictionary, language: str, most: int = WORDS) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The first `most` English words and, for each, its first translation that is a word (`is_word`) and not the
    English one, which a name would be. Raises DataError where there are fewer than 2."""
    english: list[str] = []
    own: list[str] = []
    for word, translations in dictionary.items():
        known = next((each for each in translations if is_word(each, language) and each != word), None)
        if known is not None and is_word(word, "en") and len(own) < most:
            english.append(word)
            own.append(known)
    if len(own) < 2:
        raise DataError(f"the dictionary of {language} has {len(own)} words in its script; expected 2 or more.")
    return tuple(english), tuple(own)
