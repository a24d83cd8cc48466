"""Multilingual ROUGE (Lin 2004; Hasan et al. 2021): F1 per item, by the `rouge-score` package.

That package's own tokenizer keeps a-z and 0-9 only, so equal Chinese, Hindi or Arabic strings score 0; it is given one
of ours: `xlsum`, the official program's words, or `segmented`, better ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from xling_bench.metrics import segment
from xling_bench.metrics import xlsum_words as xlsum
from xling_bench.metrics.metric import Answer, Metric
from xling_bench.metrics.packages import Requirement, require
from xling_bench.metrics.right_language import in_right_language

TYPES = ("rouge1", "rouge2", "rougeL")
SCORER: Requirement = ("rouge_score", "rouge-score")


@dataclass(frozen=True, slots=True)
class Words:
    """A rule for what ROUGE compares: tokens of (text, language), the packages it needs, its part of a signature."""

    tokens: Callable[[str, str], list[str]]
    requirements: Callable[[str], tuple[Requirement, ...]]
    description: Callable[[str], str]


OFFICIAL = Words(xlsum.tokens, xlsum.requirements, xlsum.description)
SEGMENTED = Words(segment.tokens, segment.requirements, segment.description)


def rouge(hypothesis: str, reference: str, language: str, words: Words = OFFICIAL) -> dict[str, float]:
    """F1 in [0, 1] of one item: `rouge1` (tokens), `rouge2` (pairs), `rougeL` (longest common subsequence).

    0 where either side has no token (for `rouge2`: fewer than two). The corpus score is the mean over items, printed
    times 100. `language` is the summary's. Raises as `require_rouge`.
    """
    scores = _scorer(language, words).score(reference, hypothesis)
    return {name: float(scores[name].fmeasure) for name in TYPES}


def rouge_requirements(language: str, words: Words = OFFICIAL) -> tuple[Requirement, ...]:
    """(module, distribution) of each optional package a language needs; nothing is imported.

    Raises UsageError for an unknown language, or one without spaces that has no segmenter.
    """
    return (SCORER, *words.requirements(segment.language_key(language)))


def require_rouge(language: str, words: Words = OFFICIAL) -> None:
    """Check early that scores can be made; imports nothing. Raises MissingPackageError, or as `rouge_requirements`."""
    require(rouge_requirements(language, words), "rouge", f"ROUGE in {segment.language_key(language)}")


def rouge_signature(language: str, words: Words = OFFICIAL) -> str:
    """What the numbers depend on: `rouge1+2+L,words=xlsum,seg=jieba-0.42.1,stem=none,scorer=rouge-score-0.1.2`.

    `unlike-xlsum=` in it says what differs from the official program in this language. Scores with different signatures
    are not comparable. Raises as `require_rouge`.
    """
    require_rouge(language, words)
    described = words.description(segment.language_key(language))
    return f"rouge1+2+L,{described},scorer={SCORER[1]}-{version(SCORER[1])}"


class _Tokenizer:
    """What rouge-score asks of a tokenizer."""

    def __init__(self, key: str, words: Words) -> None:
        self._key, self._words = key, words

    def tokenize(self, text: str) -> list[str]:
        return self._words.tokens(text, self._key)


@cache
def _scorer(language: str, words: Words) -> Any:
    require_rouge(language, words)
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(TYPES), tokenizer=_Tokenizer(segment.language_key(language), words))


def _metric(kind: str, words: Words, variant: str, meaning: str, label: str = "") -> Metric:
    def statistics(answer: Answer) -> float:
        def compute() -> dict[str, float]:
            return rouge(answer.text, answer.golds[0], answer.language, words)

        return answer.once(f"rouge{variant}", compute)[kind]

    return Metric(f"{kind}{variant}", meaning, lambda expected: rouge_signature(expected.language, words),
                  statistics=statistics, label=label)  # fmt: skip


_OFFICIALLY = "words as XL-Sum's program has them"
_BETTER = "words segmented and stemmed better than XL-Sum's program does"
ROUGE_L = _metric("rougeL", OFFICIAL, "", f"F1 of the longest common subsequence, {_OFFICIALLY}", "ROUGE-L")
METRICS = (
    _metric("rouge1", OFFICIAL, "", f"F1 of unigrams, {_OFFICIALLY}"),
    _metric("rouge2", OFFICIAL, "", f"F1 of bigrams, {_OFFICIALLY}"),
    ROUGE_L,
    _metric("rouge1", SEGMENTED, "_segmented", f"F1 of unigrams, {_BETTER}"),
    _metric("rouge2", SEGMENTED, "_segmented", f"F1 of bigrams, {_BETTER}"),
    _metric("rougeL", SEGMENTED, "_segmented", "F1 of the longest common subsequence, words segmented and stemmed "
            "better", "ROUGE-L, segmented"),
    in_right_language(ROUGE_L),
)  # fmt: skip
