"""The project's own rule for short answers (`exact_unicode`, `f1_unicode`, `contains_unicode`), for every language.

The official programs take away what they do not know: a decimal point ("1.5" is "15"), a sign, nothing of Hindi's. This
rule takes equal writings of one answer to one text, and leaves apart what differs: see `normalize_unicode`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import regex

from xling_bench.core import languages
from xling_bench.metrics.metric import Answer, Expected, Metric, Rule
from xling_bench.metrics.qa import ARABIC_ARTICLE, ARTICLES, said, scores

UNSPACED_SCRIPTS = frozenset(["Hans", "Hant", "Jpan", "Thai", "Laoo", "Khmr", "Mymr"])
# The long-vowel marks ー and ｰ belong to no script in Unicode.
UNSPACED_LETTERS = r"\p{Han}\p{Hiragana}\p{Katakana}ーｰ\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
UNSPACED = regex.compile(f"[{UNSPACED_LETTERS}]")
TURKISH_CAPITAL = str.maketrans("I", "ı")  # İ is i in every language: see _folded
# The zero-width space and the byte order mark part words. Voiced marks of kana that stand alone join their letter.
# The letter apostrophe (U+02BC: Ukrainian, Swahili, Hausa) is written as an apostrophe as often.
BEFORE = str.maketrans({0x200B: " ", 0xFEFF: " ", 0x309B: "\u3099", 0x309C: "\u309a", 0x2BC: "'"})
# Accents that stand alone (´ as an apostrophe, ¨): NFKC would make a blank and a mark of each.
LONE_ACCENT = regex.compile(r"[\p{Sk}\u037a\u2017\u203e]")
POWER = regex.compile(r"(?<=\p{Nd})(?=[\p{No}⁺⁻])")  # 10² is not 102, nor 1½ 11⁄2
# Joiners, direction marks, variation selectors, soft hyphens; Arabic's tatweel, short vowels and short alif.
IGNORED = regex.compile(r"[\p{Default_Ignorable_Code_Point}\u0640\u064b-\u0652\u0670]")
SPLIT_AM = regex.compile(r"([\u0e4d\u0ecd])([\u0e48-\u0e4b\u0ec8-\u0ecb]?)([\u0e32\u0eb2])")  # Thai and Lao am in parts
DIGIT = regex.compile(r"\p{Nd}")
PUNCTUATION = r"[\p{P}$+<=>^`|~\u2044\u2212]"
MINUS = r"[-\u2010\u2012\u2013\u2212]"
MARKS = regex.compile(
    rf"""(?V1)
      (?P<point> (?<=[0-9]) [.,] (?=[0-9]) | (?<![\p{{L}}\p{{M}}\p{{N}}.,]) \. (?=[0-9]) )
    | (?P<sign>  (?<! [[\p{{L}}\p{{M}}\p{{N}}]--[{UNSPACED_LETTERS}]] ) {MINUS} (?=\p{{Sc}}?\.?[0-9]) )
    | (?P<exponent> (?<=[0-9]e) {MINUS} (?=[0-9]) )
    | (?P<gap>   (?<=[0-9]) {PUNCTUATION}+ (?=[0-9]) )
    | {PUNCTUATION}
    """,
    regex.VERBOSE,
)
NUMBER_GOES_ON = "-.,0-9"  # of what is left of a text, these may stand inside a number


@cache
def normalize_unicode(language: str) -> Rule:
    """The rule for answers in `language` (any code of the registry).

    1. Forms: NFKC (Ａ is A, ﬁ is fi, ｶﾞ is ガ, ² is 2, but 10² is not 102), Unicode's full case folding (ß is ss; İ is
       i; in Turkish and Azerbaijani I is ı). Joiners, direction marks, variation selectors go, as do Arabic's tatweel
       and short vowels; zero-width spaces part words.
    2. Numbers: digits of every script are their values (१९४३ is 1943). A point or comma between digits (Arabic's ٫ and
       ٬ are they), a point before them and a minus before a number belong to it: 15 is neither 1.5 nor -15, 3,5 not 35;
       − (U+2212), – and ‐ before a number or in an exponent (1e-5) are -. 1,000 and 1000 stay different, for 1,000 may
       also be 1.
    3. Other punctuation goes (P* and ASCII's); between digits it parts them: 1939-1945 is two numbers, 1/2 is not 12.
    4. Split at white space. Where the language's script is written without spaces (Chinese, Japanese; Thai, Lao, Khmer,
       Burmese), each extended grapheme cluster (UAX 29, `\\X`) of such a script is a token, and what lies between
       stays whole. A mark that `\\X` leaves alone (Burmese ာ) stays with the cluster before it.
    5. Articles of the language removed where MLQA defines them: whole tokens for en es vi de (MLQA's own `\\b` would
       cut a letter from its combining mark), the prefix of `normalize_mlqa_corrected` for ar.

    Raises UsageError for a language the registry lacks.
    """
    known = languages.get(language)
    articles = frozenset(ARTICLES.get(known.key, ()))

    def rule(text: str) -> list[str]:
        text = MARKS.sub(_mark, _numbered(_folded(text, turkish=known.key in ("tr", "az"))))
        if known.key == "ar":
            text = ARABIC_ARTICLE.sub("", text)
        words = text.split()
        if known.script in UNSPACED_SCRIPTS:
            words = [token for word in words for token in _segmented(word)]
        return [word for word in words if word not in articles]

    return rule


def contains_unicode(prediction: str, golds: Sequence[str], rule: Rule) -> float:
    """1.0 if a gold occurs in the prediction after `rule`, else 0.0.

    A part of a word may be the gold (Turkish and German add to words), a part of a number or of a letter with its marks
    may not: 5 does not occur in 15, 1.5, -5 or 1e5; the numbers of a fraction or a power count each (1/5, 5²). A gold
    that the rule empties, or none (unanswerable), occurs in an empty prediction only.
    """
    said = " ".join(rule(prediction))
    return float(any(_within(" ".join(rule(gold)), said) for gold in golds or ("",)))


def _within(gold: str, said: str) -> bool:
    if not gold:
        return not said
    before = f"(?<![{NUMBER_GOES_ON}])(?<![0-9]e)" if gold[0] in "-.0123456789" else ""
    after = "(?![.,0-9])" if gold[-1].isdigit() else ""
    return regex.search(before + regex.escape(gold) + after + r"(?!\p{M})", said) is not None


def _folded(text: str, *, turkish: bool) -> str:
    """One text for all writings of it, letter case apart."""
    text = LONE_ACCENT.sub("", unicodedata.normalize("NFC", text.translate(BEFORE)))
    text = unicodedata.normalize("NFKC", POWER.sub(" ", text))
    text = (text.translate(TURKISH_CAPITAL) if turkish else text).casefold()
    text = IGNORED.sub("", text).replace("i\u0307", "i")
    return SPLIT_AM.sub(_joined_am, unicodedata.normalize("NFKC", text))


def _joined_am(match: regex.Match[str]) -> str:
    return match[2] + ("\u0e33" if match[3] == "\u0e32" else "\u0eb3")


def _numbered(text: str) -> str:
    """ASCII digits, and ASCII's separators between them."""
    text = DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text)
    return regex.sub(r"(?<=[0-9])[٫٬](?=[0-9])", lambda match: "." if match[0] == "٫" else ",", text)


def _mark(match: regex.Match[str]) -> str:
    """What stays of a punctuation mark."""
    return {"point": match[0], "sign": "-", "exponent": "-", "gap": " "}.get(match.lastgroup or "", "")


def _segmented(word: str) -> list[str]:
    """The word's clusters of unspaced scripts as tokens, runs of anything else whole."""
    tokens: list[str] = []
    joins = False  # whether the next cluster of a spaced script continues the last token
    for cluster in regex.findall(r"\X", word):
        unspaced = UNSPACED.match(cluster) is not None
        if tokens and ((joins and not unspaced) or unicodedata.category(cluster[0]).startswith("M")):
            tokens[-1] += cluster
        else:
            tokens.append(cluster)
            joins = not unspaced
    return tokens


def _rule(expected: Expected) -> str:
    return f"unicode-nfkc-{expected.language}"


def _metric(name: str, meaning: str) -> Metric:
    def statistics(answer: Answer) -> float | None:
        return scores(answer, "unicode", normalize_unicode(answer.language)).get(name)

    return Metric(f"{name}_unicode", meaning, _rule, statistics=statistics)


METRICS = (
    _metric("f1", "token overlap after Unicode normalisation, numbers kept, unspaced scripts segmented"),
    _metric("exact", "equal after Unicode normalisation, numbers kept, unspaced scripts segmented"),
    Metric("contains_unicode", "a gold occurs in the answer after Unicode normalisation, numbers kept whole", _rule,
           statistics=lambda a: contains_unicode(said(a), a.golds, normalize_unicode(a.language))),
)  # fmt: skip
