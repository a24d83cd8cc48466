"""A dictionary out of a file: found by its language's name, grouped by word, turned round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from xling_bench.benchmarks.textfiles import locate_any
from xling_bench.core import languages
from xling_bench.core.errors import MissingDataError, UsageError
from xling_bench.dictionaries import dsl, muse

Dictionary = Mapping[str, tuple[str, ...]]  # a word's translations, both in the file's order
PLACE = "{lang}"  # in the name of a FILE: one file a language
FOLDERS = ("dictionaries/cosda_ml/", "dictionaries/mrasp_example/", "dictionaries/wiktionary_dsl/", "dictionaries/", "")
SWEDISH = "sw2.txt"  # what CoSDA-ML calls its Swedish file: no Swahili


def read_dictionary(root: Path | None, language: str, pattern: str | None = None) -> Dictionary:
    """The dictionary from English to `language`, a key: the file that `find` finds below `root`, or the one that
    `pattern` names, `{lang}` being the key.

    Raises what `find` and `read_file` raise, and UsageError where neither a folder nor a pattern is given.
    """
    if pattern is None:
        if root is None:
            raise UsageError("dictionaries are read from files: set XLING_DATA_DIR (or --data-dir) to their folder, or "
                             "give --dictionary FILE.")  # fmt: skip
        return read_file(find(root, language))
    if PLACE not in pattern:
        raise UsageError(f"--dictionary {pattern}: expected a name with {PLACE}, which is a language's key.")
    path = Path(pattern.replace(PLACE, language))
    if not path.is_file():
        raise MissingDataError(f"--dictionary {pattern}: there is no file {path}; expected a line a pair of an "
                               f"English word and one in {language}.")  # fmt: skip
    return read_file(path)


def find(root: Path, language: str) -> Path:
    """The file of a dictionary from English: MUSE's name, `en-de.txt`, CoSDA-ML's, `de2.txt`, or Wiktionary's,
    `en-ko-enwiktionary.dsl.dz`, in one of `FOLDERS`, plain or .gz.

    Raises MissingDataError where there is none, UsageError for English.
    """
    if language == "en":
        raise UsageError("a dictionary from English to English: name another language.")
    codes = dict.fromkeys([language, *languages.get(language).aliases])
    names = [name for code in codes for name in (f"{code}2.txt", f"en-{code}.txt", f"en-{code}-enwiktionary.dsl.dz")]
    found = locate_any(root, [folder + name for folder in FOLDERS for name in names if name != SWEDISH])
    if found is None:
        shown = [name for name in names[:2] if name != SWEDISH]
        raise MissingDataError(f"no dictionary from English to {language}: no file {' or '.join(shown)} (plain or "
                               f".gz) in {' or '.join(filter(None, FOLDERS))} below {root}; give a file "
                               "of your own (represent: --dictionary FILE; train: data.dictionaries).")  # fmt: skip
    return found


def read_file(path: Path) -> Dictionary:
    """A file's words in its order, which is MUSE's of frequency, each with its translations, once each. Names that are
    the same in both languages stay.

    DSL by its name (.dsl, .dsl.dz, .dsl.gz), otherwise a pair a line. Raises DataError for a file that is neither.
    """
    return _grouped(pairs(path))


def pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The file's pairs of a word and a translation, in its order."""
    return dsl.pairs(path) if ".dsl" in path.suffixes else muse.pairs(path)


def inverted(dictionary: Dictionary) -> Dictionary:
    """The other way round: each translation with the words that it translates, in the dictionary's order. A word with
    several translations becomes several entries, and words with one in common become one entry with several."""
    return _grouped((translation, word) for word, found in dictionary.items() for translation in found)


def _grouped(found: Iterable[tuple[str, str]]) -> Dictionary:
    grouped: dict[str, dict[str, None]] = {}
    for word, translation in found:
        grouped.setdefault(word, {})[translation] = None
    return {word: tuple(translations) for word, translations in grouped.items()}
