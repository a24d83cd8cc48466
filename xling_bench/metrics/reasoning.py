"""In which language was an answer reasoned out? Shares of its text, decided sentence by sentence (see `language`)."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import regex

from xling_bench.core.languages import PIVOT
from xling_bench.metrics.langid import MIN_LETTERS, identifier, language_requirements, language_signature
from xling_bench.metrics.language import line_pass, weight
from xling_bench.metrics.metric import Answer, Expected, Metric

RULE = 2  # raise with every change to what `reasoning_shares` decides
DECIDED_FROM = 0.5  # of an answer's letters less than this is decided: nothing is said of it
SENTENCE_END = regex.compile(r"(?<=[.!?…።।])\s+|(?<=[。！？])|\n+")
ONE_SCRIPT = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK", "IDEOGRAPHIC": "CJK", "BOPOMOFO": "CJK"}
TARGET, ENGLISH, OTHER, NOT_ENGLISH = "target", "english", "other", "not english"


class Shares(NamedTuple):
    """Shares of the letters of the sentences that could be decided, each 0 to 1; None where that cannot be known.

    Letters count as `language.weight` counts them: one of Chinese, Japanese or Korean for three. `letters` is how many
    were decided, `undecided` how many were not (too short, numbers, too close a call). All shares are None where less
    than DECIDED_FROM of both was decided. Where the target is English, `english` is its share, too. Where the target's
    language is not recognised, sentences are English or not, and `target` and `other` are None.
    """

    target: float | None
    english: float | None
    other: float | None
    letters: int
    undecided: int


def reasoning_shares(text: str, language: str) -> Shares:
    """In which language `text` is, if it should be in `language` (any registered code).

    Sentences too short to be decided are taken with the next of their script. A sentence is in the target language
    where `line_pass` says so, else English where that does, else in another where neither can be; what is left is
    undecided. A sentence that changes its language, or a line of a script without stops (Thai), counts as a whole.
    Raises UsageError for an unregistered language or where the library for it is not installed.
    """
    counts = dict.fromkeys((TARGET, ENGLISH, OTHER, NOT_ENGLISH, None), 0)
    for sentence in sentences(text):
        counts[_language_of(sentence, language)] += weight(sentence)
    undecided = counts.pop(None)
    decided = sum(counts.values())
    if not decided or decided < DECIDED_FROM * (decided + undecided):
        return Shares(None, None, None, decided, undecided)
    own = language == PIVOT
    known = identifier(language) is not None
    return Shares(
        target=counts[TARGET] / decided if known else None,
        english=counts[TARGET if own else ENGLISH] / decided,
        other=counts[OTHER] / decided if known else None,
        letters=decided,
        undecided=undecided,
    )


def sentences(text: str) -> list[str]:
    """Sentences and lines, short ones joined to the next of their script until there are letters enough to decide by.

    What has no letters (a calculation) goes with what stands before it.
    """
    found: list[str] = []
    open_ = ""
    for piece in SENTENCE_END.split(text):
        if None not in (before := _script(open_), now := _script(piece)) and before != now:
            found.append(open_)
            open_ = ""
        open_ = f"{open_} {piece}".strip()
        if weight(open_) >= MIN_LETTERS:
            found.append(open_)
            open_ = ""
    if weight(open_):
        found.append(open_)
    return found


def _script(text: str) -> str | None:
    """The script that most of the letters of `text` are in, weighed; None without letters."""
    weights: Counter[str] = Counter()
    for letter in filter(str.isalpha, text):
        weights[_script_of(letter)] += weight(letter)
    return max(weights, key=weights.__getitem__, default=None)


@lru_cache(maxsize=1 << 14)
def _script_of(letter: str) -> str:
    """The first word of its Unicode name (LATIN, THAI, CJK), one for all of Chinese and Japanese."""
    name = unicodedata.name(unicodedata.normalize("NFKC", letter)[0], "").partition(" ")[0]
    return ONE_SCRIPT.get(name, name)


def _language_of(sentence: str, language: str) -> str | None:
    english = line_pass(sentence, PIVOT)
    if language == PIVOT:
        return None if english is None else TARGET if english else OTHER
    if identifier(language) is None:
        return None if english is None else ENGLISH if english else NOT_ENGLISH
    own = line_pass(sentence, language)
    if own:
        return TARGET
    if english:
        return ENGLISH
    return OTHER if own is False and english is False else None


def shares_of(answer: Answer) -> Shares:
    """`reasoning_shares` of an answer, once for all metrics."""
    return answer.once("reasoning", lambda: reasoning_shares(answer.text, answer.language))


def without_value(names: Iterable[str], language: str) -> str:
    """Why a result in `language` (any registered code) has no value of those of `names` that are of this file, in one
    clause; empty where none of them is. `names` are metrics that none of its answers has a score of."""
    mine = [metric.name for metric in METRICS if metric.name in set(names)]
    if not mine:
        return ""
    unknown = identifier(language) is None and f"reasoning_{ENGLISH}" not in mine
    why = "answers in it are not recognised" if unknown else "all answers are undecidable (numbers, or too short)"
    return f"no {', '.join(mine)}: {why}"


def _rule(expected: Expected) -> str:
    for language in (expected.language, PIVOT):
        language_requirements(language)
    own, english = language_signature(expected.language), language_signature(PIVOT)
    return f"reasoning-sentences,decided={DECIDED_FROM},rule={RULE}+{own}+en:{english}"


def _metric(name: str, meaning: str) -> Metric:
    def statistics(answer: Answer) -> float | None:
        found: float | None = getattr(shares_of(answer), name)
        return found

    return Metric(f"reasoning_{name}", meaning, _rule, statistics=statistics, partial=True,
                  descriptive=True, tasks=("mathematical reasoning",))  # fmt: skip


METRICS = (
    _metric("target", "share of an answer's decidable text that is in the item's language"),
    _metric("english", "share of an answer's decidable text that is in English"),
    _metric("other", "share of an answer's decidable text that is in neither"),
)
