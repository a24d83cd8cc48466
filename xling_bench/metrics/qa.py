"""Question-answering scores after the official programs.

A rule turns a text into tokens; `exact` compares token lists' texts, `f1` their bags; each takes the best gold.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

Rule = Callable[[str], list[str]]

ASCII_PUNCTUATION = frozenset(string.punctuation)
ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")

# Articles MLQA's official program removes, by the context's language; hi and zh have none.
MLQA_ARTICLES = {
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "ar": re.compile(r"\sال^|ال"),
}
CHINESE = re.compile(r"[\u4e00-\u9fa5]")


def normalize_squad(text: str) -> list[str]:
    """SQuAD v1.1: lower case, ASCII punctuation and English articles removed, split at whitespace.

    XQuAD's convention for every language (google-deepmind/xquad README).
    """
    bare = "".join(c for c in text.lower() if c not in ASCII_PUNCTUATION)
    return ENGLISH_ARTICLES.sub(" ", bare).split()


def normalize_mlqa(language: str) -> Rule:
    """MLQA's official rule for answers in `language` (the context's language).

    Lower case; punctuation (Unicode P* and ASCII) and articles removed; Chinese characters are tokens of their own,
    everything else splits at whitespace. The official Arabic expression deletes every `ال`, even inside words, and
    is kept as it is. Raises KeyError for a language MLQA does not have.
    """
    if language not in (*MLQA_ARTICLES, "hi", "zh"):
        raise KeyError(f"MLQA has no rule for {language!r}")

    def rule(text: str) -> list[str]:
        bare = "".join(c for c in text.lower() if not _is_punctuation(c))
        if language in MLQA_ARTICLES:
            bare = MLQA_ARTICLES[language].sub(" ", bare)
        if language == "zh":
            bare = CHINESE.sub(lambda match: f" {match[0]} ", bare)
        return bare.split()

    return rule


def _is_punctuation(character: str) -> bool:
    return character in ASCII_PUNCTUATION or unicodedata.category(character).startswith("P")


def exact(prediction: str, golds: Sequence[str], rule: Rule) -> float:
    """1.0 if the prediction equals a gold after `rule`, else 0.0. No gold (unanswerable) equals an empty prediction."""
    tokens = rule(prediction)
    return float(any(tokens == rule(gold) for gold in golds or ("",)))


def f1(prediction: str, golds: Sequence[str], rule: Rule, *, empty_matches: bool = False) -> float:
    """Best token F1 over the golds, in [0, 1]; 0 when nothing overlaps.

    Empty against empty is 0 under SQuAD v1.1 and MLQA, and 1 under SQuAD v2 (`empty_matches`), as IndicQA needs.
    """
    return max(_f1(rule(prediction), rule(gold), empty_matches) for gold in golds or ("",))


def _f1(prediction: list[str], gold: list[str], empty_matches: bool) -> float:
    if empty_matches and not (prediction and gold):
        return float(prediction == gold)
    common = sum((Counter(prediction) & Counter(gold)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(prediction), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def contains(prediction: str, golds: Sequence[str]) -> float:
    """1.0 if the first gold occurs in the prediction, letter case apart: x-LLM's "exact-matching accuracy".

    Without a gold (unanswerable) only an empty prediction is right.
    """
    return float(golds[0].lower() in prediction.lower() if golds else not prediction)


def abstains(prediction: str, answers: Sequence[str]) -> bool:
    """Whether the prediction is one of the abstain `answers`, letter case and outer punctuation and space apart."""
    return _bare(prediction) in {_bare(answer) for answer in answers}


def _bare(text: str) -> str:
    start, end = 0, len(text)
    while start < end and (text[start].isspace() or _is_punctuation(text[start])):
        start += 1
    while end > start and (text[end - 1].isspace() or _is_punctuation(text[end - 1])):
        end -= 1
    return text[start:end].casefold()
