"""XL-Sum's words, as its official program has them: what `rouge1`, `rouge2` and `rougeL` compare.

Hasan et al. (2021), the authors' fork of `rouge_score` with its stemmer on; written anew, and equal to what that
program gave (`tests/golden/test_rouge_official.py`). Its oddities are kept: blanks that jieba and newmm return are
tokens; control characters are deleted and so glue words; stop words are not stemmed; asat goes before the Burmese
dot, and a consonant with another stacked under it begins a syllable. What could not be made equal is named in UNLIKE.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.metadata import version

import regex

from xling_bench.metrics.packages import Requirement
from xling_bench.metrics.segment import (
    NLTK,
    STEM_LONGER_THAN,
    Stem,
    dictionary_segmenter,
    segmenter_name,
    stemmer,
    stemmer_name,
)
from xling_bench.metrics.segment import requirements as segmented_requirements
from xling_bench.metrics.stopwords import STOP_WORDS

# What the official program has and we have not, by language: its Bengali stemmer is in no package index; Japanese has
# the small UniDic (none of 120 pairs of sentences differ); the stop words of the others are stemmed (Arabic: none of
# 120 do), and NLTK's one stemmer for all Arabic words, whose stems depend on their order, is one for each word.
UNLIKE = {"bn": "stemmer", "ja": "dictionary"} | {key: "stop-words" for key in NLTK if key not in STOP_WORDS}
# A run of letters or of digits with their marks, or any other visible character: OpenNMT's "aggressive" tokenizer.
AGGRESSIVE = regex.compile(r"\p{L}[\p{L}\p{M}]*|\p{N}[\p{N}\p{M}]*|\S")
# The blocks of Chinese characters, as BERT has them; 々 is none.
CHINESE = regex.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f]"
)
ASAT, DOT, STACK = "\u103a", "\u1037", "\u1039"
BURMESE_DEPENDENT = frozenset(map(chr, (*range(0x102B, 0x1033), 0x1036, 0x1037, 0x1038, *range(0x103A, 0x103F))))
ASAT_UNIT = 3  # characters at most of a consonant that closes the syllable before it; longer ones hold the vowel au
# Ramanathan and Rao (2003), "A Lightweight Stemmer for Hindi": the first that fits goes, longest first.
HINDI_SUFFIXES = """
    ाएंगी ाएंगे ाऊंगी ाऊंगा ाइयाँ ाइयों ाइयां
    ाएगी ाएगा ाओगी ाओगे एंगी ेंगी एंगे ेंगे ूंगी ूंगा ातीं नाओं नाएं ताओं ताएं ियाँ ियों ियां
    ाकर ाइए ाईं ाया ेगी ेगा ोगी ोगे ाने ाना ाते ाती ाता तीं ाओं ाएं ुओं ुएं ुआं
    कर ाओ िए ाई ाए ने नी ना ते ीं ती ता ाँ ां ों ें
    ो े ू ु ी ि ा
"""


def requirements(key: str) -> tuple[Requirement, ...]:
    """(module, distribution) of the packages that segment and stem a language."""
    own: dict[str, tuple[Requirement, ...]] = {"hi": (), "tr": (("TurkishStemmer", "TurkishStemmer"),)}
    return own[key] if key in own else segmented_requirements(key)


def description(key: str) -> str:
    """The rule's part of a signature: `words=xlsum,seg=words,stem=none,unlike-xlsum=stemmer`."""
    stems = "suffixes-hindi" if key == "hi" else stemmer_name(key)
    if key == "tr":
        stems = f"TurkishStemmer-{version('TurkishStemmer')}"
    if key in STOP_WORDS:
        stems += "-but-stop-words"
    unlike = f",unlike-xlsum={UNLIKE[key]}" if key in UNLIKE else ""
    return f"words=xlsum,seg={segmenter_name(key)},stem={stems}{unlike}"


def tokens(text: str, key: str) -> list[str]:
    """The tokens ROUGE compares. Lower case is Unicode's, the same in every language (Turkish I becomes i)."""
    stem = _stemmer(key)
    found = _segmented(clean(text), key)
    stems = (stem(token) if stem and len(token) > STEM_LONGER_THAN else token for token in found)
    return [token for token in stems if token]


@cache
def _replacement(character: str) -> str:
    category = unicodedata.category(character)
    if character in " \t\n\r" or category == "Zs":
        return " "
    if category[0] == "C" or character == "\ufffd":
        return ""
    return " " if category[0] == "P" or (category[0] == "S" and character.isascii()) else character


def clean(text: str) -> str:
    """Lower case; punctuation (P*, and ASCII symbols) and blanks become one space; control characters are deleted."""
    return " ".join("".join(map(_replacement, text.lower())).split())


def _segmented(text: str, key: str) -> list[str]:
    if key == "my":
        return burmese_syllables(text)
    split = dictionary_segmenter(key)
    return split(text) if split else CHINESE.sub(r" \g<0> ", " ".join(AGGRESSIVE.findall(text))).split()


def burmese_syllables(text: str) -> list[str]:
    """Syllables after Ding et al. (2019): what depends on a character stays with it, a consonant with asat joins what
    is before it, unless that did so itself, and a stacked pair is one. Every other character stands alone, letters of
    other scripts too; blanks are lost."""
    units: list[str] = []
    for character in "".join(text.split()).replace(DOT + ASAT, ASAT + DOT):
        if units and character in BURMESE_DEPENDENT:
            units[-1] += character
        else:
            units.append(character)
    joined: list[str] = []
    closed = True  # whether nothing may be joined to the last unit
    for unit in units:
        closes = ASAT in unit and len(unit) <= ASAT_UNIT
        if closes and not closed:
            joined[-1] += unit
            closed = True
        else:
            joined.append(unit)
            closed = closes and len(joined) > 1
    return " ".join(joined).replace(f" {STACK} ", STACK).split()


def hindi_stem(token: str) -> str:
    """The token without its longest known suffix, where at least two characters are left."""
    fits = (suffix for suffix in HINDI_SUFFIXES.split() if token.endswith(suffix) and len(token) > len(suffix) + 1)
    return token[: -len(suffix)] if (suffix := next(fits, "")) else token


@cache
def _stemmer(key: str) -> Stem | None:
    if key == "hi":
        return hindi_stem
    if key == "tr":
        import TurkishStemmer

        word: Stem = TurkishStemmer.TurkishStemmer().stem
        return word
    stem, stop_words = stemmer(key), STOP_WORDS.get(key, frozenset())
    if stem is None or not stop_words:
        return stem
    return lambda token: token if token in stop_words else stem(token)
