"""Question-answering scores after the official programs.

A rule turns a text into tokens; `exact` compares token lists' texts, `f1` their bags; each takes the best gold.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

import regex

from xling_bench.core.errors import DeclarationError
from xling_bench.metrics.metric import Answer, Expected, Metric, OfficialRule, Rule
from xling_bench.metrics.right_language import in_right_language

ASCII_PUNCTUATION = frozenset(string.punctuation)

# Articles MLQA's official program removes, by the context's language; hi and zh have none, ar has an expression.
ARTICLES = {
    "en": ["a", "an", "the"],
    "es": ["un", "una", "unos", "unas", "el", "la", "los", "las"],
    "vi": ["của", "là", "cái", "chiếc", "những"],
    "de": ["ein", "eine", "einen", "einem", "eines", "einer", "der", "die", "das", "den", "dem", "des"],
}
MLQA_ARTICLES = {language: re.compile(rf"\b({'|'.join(words)})\b") for language, words in ARTICLES.items()}
MLQA_ARTICLES["ar"] = re.compile(r"\sال^|ال")
CHINESE = re.compile(r"[\u4e00-\u9fa5]")

# ال with any short vowels (U+064B-U+0652) on it, at the start of a word, before at least two letters of the same word.
ARABIC_ARTICLE = regex.compile(r"(?<!\S)ا[\u064b-\u0652]*ل[\u064b-\u0652]*(?=\p{L}\p{M}*\p{L})")


def normalize_squad(text: str) -> list[str]:
    """SQuAD v1.1: lower case, ASCII punctuation and English articles removed, split at whitespace.

    XQuAD's convention for every language (google-deepmind/xquad README).
    """
    bare = "".join(c for c in text.lower() if c not in ASCII_PUNCTUATION)
    return MLQA_ARTICLES["en"].sub(" ", bare).split()


def normalize_mlqa(language: str) -> Rule:
    """MLQA's official rule for answers in `language` (the context's language).

    Lower case; punctuation (Unicode P* and ASCII) and articles removed; Chinese characters are tokens of their own,
    everything else splits at whitespace. The official Arabic expression deletes every `ال`, even inside words, and
    is kept as it is. Raises KeyError for a language MLQA does not have.
    """
    if language not in (*MLQA_ARTICLES, "hi", "zh"):
        raise KeyError(f"MLQA has no rule for {language!r}")

    def rule(text: str) -> list[str]:
        bare = _without_punctuation(text.lower())
        if language in MLQA_ARTICLES:
            bare = MLQA_ARTICLES[language].sub(" ", bare)
        if language == "zh":
            bare = CHINESE.sub(lambda match: f" {match[0]} ", bare)
        return bare.split()

    return rule


def normalize_mlqa_corrected(language: str) -> Rule:
    """MLQA's rule with the Arabic article removed as a prefix only; every other language's official rule unchanged.

    Arabic: after lower-casing and punctuation removal, `ال` (short vowels on its letters allowed) is removed once
    from the start of a whitespace-separated word when at least two letters follow in that word: الكتاب becomes كتاب,
    while سالم, الف and والكتاب (the article behind و) stay. Raises KeyError for a language MLQA does not have.
    """
    official = normalize_mlqa(language)
    if language != "ar":
        return official
    return lambda text: ARABIC_ARTICLE.sub("", _without_punctuation(text.lower())).split()


def _without_punctuation(text: str) -> str:
    return "".join(c for c in text if not _is_punctuation(c))


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


def indicqa_parts(
    prediction: str, golds: Sequence[str], *, abstained: bool, rule: Rule = normalize_squad
) -> dict[str, float]:
    """IndicQA's scores of one item, each 0..1; a score that does not apply to the item is absent.

    Always `f1` and `exact` by SQuAD v2: an abstention counts as the empty answer, golds that `rule` empties are left
    out, and empty against empty is 1. With a gold also `f1_hasans` and `exact_hasans`, the same values; without one
    (unanswerable) `acc_noans`, 1 if the model abstained or what it said is nothing after `rule`. Averages over items
    of the keys present are SQuAD v2's overall, HasAns and NoAns scores, as fractions.
    """
    answer = "" if abstained else prediction
    kept = [gold for gold in golds if rule(gold)]
    scores = {"f1": f1(answer, kept, rule, empty_matches=True), "exact": exact(answer, kept, rule)}
    if any(golds):
        return scores | {"f1_hasans": scores["f1"], "exact_hasans": scores["exact"]}
    return scores | {"acc_noans": scores["exact"]}


def contains(prediction: str, golds: Sequence[str]) -> float:
    """1.0 if the first gold occurs in the prediction, letter case apart: x-LLM's "exact-matching accuracy".

    Without a gold (unanswerable) only an empty prediction is right.
    """
    return float(golds[0].lower() in prediction.lower() if golds else not prediction)


def abstains(prediction: str, answers: Sequence[str]) -> bool:
    """Whether the prediction is one of the abstain `answers`, letter case, outer punctuation and space apart.

    Canonically equal text is equal, invisible characters (joiners) and doubled spaces do not count.
    """
    return _bare(prediction) in {_bare(answer) for answer in answers}


def _bare(text: str) -> str:
    text = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) != "Cf")
    text = " ".join(text.split())
    start, end = 0, len(text)
    while start < end and (text[start].isspace() or _is_punctuation(text[start])):
        start += 1
    while end > start and (text[end - 1].isspace() or _is_punctuation(text[end - 1])):
        end -= 1
    return text[start:end].casefold()


SQUAD_1 = OfficialRule(lambda _: "squad-v1.1", lambda _: normalize_squad)
SQUAD_2 = OfficialRule(lambda _: "squad-v2", lambda _: normalize_squad, unanswerable=True)
MLQA = OfficialRule(lambda language: f"mlqa-{language}", normalize_mlqa)


def official(expected: Expected) -> OfficialRule:
    """The benchmark's rule. Raises DeclarationError where it has none: its answers are no short ones."""
    if expected.official is None:
        raise DeclarationError("the benchmark declares no official rule for short answers (`answer_rule`)")
    return expected.official


def scores(answer: Answer, name: str, normalize: Rule) -> Mapping[str, float]:
    """{exact, f1, with unanswerable questions also f1_hasans, ...} by `normalize`, which `name` stands for."""

    def compute() -> Mapping[str, float]:
        if official(answer.expected).unanswerable:
            return indicqa_parts(answer.text, answer.golds, abstained=answer.abstained, rule=normalize)
        return {"exact": exact(said(answer), answer.golds, normalize), "f1": f1(said(answer), answer.golds, normalize)}

    return answer.once(name, compute)


def said(answer: Answer) -> str:
    """The answer's text; nothing where it says that there is no answer."""
    return "" if answer.abstained else answer.text


def _metric(name: str, meaning: str, *, partial: bool = False, label: str = "") -> Metric:
    """One of the benchmark's official program."""

    def rule(expected: Expected) -> str:
        return official(expected).signature(expected.language)

    def statistics(answer: Answer) -> float | None:
        normalize = official(answer.expected).normalize(answer.language)
        return scores(answer, "official", normalize).get(name)

    return Metric(name, meaning, rule, statistics=statistics, partial=partial, label=label)


def _corrected(name: str) -> Metric:
    def statistics(answer: Answer) -> float | None:
        return scores(answer, "corrected", normalize_mlqa_corrected(answer.language)).get(name)

    return Metric(f"{name}_corrected", "MLQA's rule with the Arabic article removed from the start of words only",
                  lambda expected: f"mlqa-{expected.language}-corrected", statistics=statistics)  # fmt: skip


F1 = _metric("f1", "token overlap with the best gold, by the benchmark's official rule", label="F1")
METRICS = (
    F1,
    _metric("exact", "equal to a gold after the benchmark's official normalisation", label="exact match"),
    Metric("contains", "the gold occurs in the answer, letter case apart (x-LLM's exact match)", "substring,lower",
           statistics=lambda answer: contains(said(answer), answer.golds), label="gold in the answer"),
    _corrected("f1"),
    _corrected("exact"),
    _metric("f1_hasans", "f1 of the answerable questions", partial=True),
    _metric("exact_hasans", "exact of the answerable questions", partial=True),
    _metric("acc_noans", "share of the unanswerable questions not answered", partial=True),
    in_right_language(F1),
)  # fmt: skip
