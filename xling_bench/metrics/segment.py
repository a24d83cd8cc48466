"""Words of every language for ROUGE: text -> lower case -> no punctuation -> tokens -> stems (`rougeL_segmented`).

The rule is made after that of XL-Sum (see `metrics.xlsum_words`), and better where that one counts what is no
word: blanks that segmenters return are dropped, a control character that is white space parts words, Burmese syllables
keep the consonants stacked under them, Hindi has Snowball's stemmer, and stop words are stemmed like other words.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import regex

from xling_bench.core import languages
from xling_bench.core.errors import UsageError
from xling_bench.metrics.packages import Requirement

Split = Callable[[str], list[str]]
Stem = Callable[[str], str]

STEM_LONGER_THAN = 3  # characters
NLTK = {
    "ar": "arabic", "da": "danish", "nl": "dutch", "en": "english", "fi": "finnish", "fr": "french", "de": "german",
    "hu": "hungarian", "it": "italian", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "es": "spanish", "sv": "swedish",
}  # fmt: skip
SNOWBALL = {"tr": "turkish", "hi": "hindi"}
SEGMENTERS: dict[str, tuple[Requirement, ...]] = {
    "zh": (("jieba", "jieba"),),
    "zh_hant": (("jieba", "jieba"),),
    "ja": (("fugashi", "fugashi"), ("unidic_lite", "unidic-lite")),
    "th": (("pythainlp", "pythainlp"),),
    "my": (),
}
# A Chinese character, a run of letters with their marks, a run of digits, or any other visible character alone.
# Apart from Chinese characters, this is what OpenNMT's "aggressive" tokenizer (XL-Sum's) does.
WORD = regex.compile(r"(?V1)\p{Han}|[[\p{L}\p{M}]--\p{Han}]+|\p{N}+|\S")
# A Burmese syllable starts at a consonant, independent vowel, digit or symbol, unless that letter is stacked under the
# one before it (after virama U+1039) or closes the syllable (before asat U+103A or virama, perhaps after a dot U+1037).
SYLLABLE_START = regex.compile(
    r"(?<!\u1039)(?=[\u1000-\u102A\u103F-\u1049\u104C-\u1055](?!\u1037?[\u1039\u103A]))", regex.V1
)


def language_key(language: str) -> str:
    """The registry's key. Raises UsageError for an unknown language, or one that needs a segmenter we do not have."""
    found = languages.get(language)
    if not found.spaces and found.key not in SEGMENTERS:
        raise UsageError(
            f"no ROUGE for {found.name}: its words are not separated by spaces and there is no segmenter for it "
            f"(there is for {', '.join(SEGMENTERS)}). Use chrF++."
        )
    return found.key


def requirements(key: str) -> tuple[Requirement, ...]:
    """(module, distribution) of the packages that segment and stem a language."""
    stems: tuple[Requirement, ...] = (("nltk", "nltk"),) if key in NLTK else ()
    if key in SNOWBALL:
        stems = (("snowballstemmer", "snowballstemmer"),)
    return SEGMENTERS.get(key, ()) + stems


def segmenter_name(key: str) -> str:
    """The segmenter of a language with its version: `syllables` for Burmese, `words` where spaces separate them."""
    names = [f"{distribution}-{version(distribution)}" for _, distribution in SEGMENTERS.get(key, ())]
    return "+".join(names) or ("syllables" if key in SEGMENTERS else "words")


def stemmer_name(key: str) -> str:
    """The stemmer of a language with its version, or `none`."""
    if key in NLTK:
        return f"snowball-{NLTK[key]}-nltk-{version('nltk')}"
    return f"snowball-{SNOWBALL[key]}-{version('snowballstemmer')}" if key in SNOWBALL else "none"


def description(key: str) -> str:
    """The rule's part of a signature: `words=segmented,seg=jieba-0.42.1,stem=none`."""
    return f"words=segmented,seg={segmenter_name(key)},stem={stemmer_name(key)}"


def tokens(text: str, key: str) -> list[str]:
    """The tokens ROUGE compares. Lower case is Unicode's, the same in every language (Turkish I becomes i)."""
    stem = stemmer(key)
    found = [token.strip() for token in _segmenter(key)(clean(text))]
    stems = (stem(token) if stem and len(token) > STEM_LONGER_THAN else token for token in found)
    return [token for token in stems if token]


@cache
def _replacement(character: str) -> str:
    category = unicodedata.category(character)
    ascii_symbol = category[0] == "S" and character.isascii()
    if category[0] == "P" or ascii_symbol or category[0] == "Z" or character in "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85":
        return " "
    return "" if category[0] == "C" or character == "\ufffd" else character


def clean(text: str) -> str:
    """Lower case; punctuation (P*, and ASCII symbols, as BERT has it) and white space become a space.

    Invisible characters (C*: joiners, direction marks, zero-width space) go; letters and combining marks stay.
    """
    return "".join(map(_replacement, text.lower()))


@cache
def _segmenter(key: str) -> Split:
    return _burmese() if key == "my" else dictionary_segmenter(key) or _words()


@cache
def dictionary_segmenter(key: str) -> Split | None:
    """The segmenter with a dictionary that a language has, blanks among what it returns; None for others."""
    make = {"zh": _jieba, "zh_hant": _jieba, "ja": _fugashi, "th": _newmm}.get(key)
    return make() if make else None


def _words() -> Split:
    return WORD.findall


def _burmese() -> Split:
    return lambda text: [part for word in WORD.findall(text) for part in SYLLABLE_START.split(word) if part]


def _jieba() -> Split:
    """Its own instance, whose cache lives and dies in a private folder.

    By default jieba logs to stderr and loads, by marshal, whatever /tmp/jieba.cache holds.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources, and escapes in its patterns
        import jieba
    jieba.setLogLevel("ERROR")
    tokenizer = jieba.Tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.tmp_dir = folder
        tokenizer.initialize()
    return lambda text: list(tokenizer.cut(text))


def _fugashi() -> Split:
    """MeCab with unidic-lite by its path: a `unidic` package or a ~/.mecabrc that is there too changes nothing."""
    import fugashi
    import unidic_lite

    folder = Path(unidic_lite.DICDIR)
    tagger = fugashi.GenericTagger(f'-Owakati -r "{folder / "mecabrc"}" -d "{folder}"')
    return lambda text: [part for line in text.splitlines() for part in str(tagger.parse(line)).split()]


def _newmm() -> Split:
    """PyThaiNLP's maximal matching with its own word list, kept from creating ~/pythainlp-data at first use."""
    before = os.environ.get("PYTHAINLP_READ_ONLY")
    os.environ["PYTHAINLP_READ_ONLY"] = "1"
    try:
        from pythainlp.tokenize import word_tokenize

        word_tokenize("ก", engine="newmm")
    finally:
        if before is None:
            del os.environ["PYTHAINLP_READ_ONLY"]
        else:
            os.environ["PYTHAINLP_READ_ONLY"] = before
    return lambda text: list(word_tokenize(text, engine="newmm"))


@cache
def stemmer(key: str) -> Stem | None:
    """The language's stemmer, which takes any word and any number of them in any order; None where it has none."""
    if key in SNOWBALL:
        import snowballstemmer

        word: Stem = snowballstemmer.stemmer(SNOWBALL[key]).stemWord
        return word
    if key not in NLTK:
        return None
    from nltk.stem import snowball

    if key == "ar":  # one stemmer per word: nltk's keeps a flag from word to word, so that the order changes stems
        return lambda token: str(snowball.ArabicStemmer().stem(token))
    found: Any = snowball.SnowballStemmer(NLTK[key])
    return lambda token: str(found.stem(token))
