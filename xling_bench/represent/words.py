"""Words out of bilingual dictionaries: which are words of their language, and which pairs a rotation is fitted on."""

from __future__ import annotations

import unicodedata

from xling_bench.catalog.declarations import in_script
from xling_bench.core import languages
from xling_bench.core.errors import DataError
from xling_bench.dictionaries import Dictionary

WORDS = 2000  # pairs a language that a rotation is fitted on, three times the dimensions of a small model


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
