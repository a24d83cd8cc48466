"""Multilingual ROUGE as XL-Sum reports it (Lin 2004; Hasan et al. 2021): F1 per item, by the `rouge-score` package.

That package's own tokenizer keeps a-z and 0-9 only, so equal Chinese, Hindi or Arabic strings score 0; it is given
ours, see `xling_bench.metrics.segment`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from xling_bench.metrics.packages import Requirement, require
from xling_bench.metrics.segment import language_key, requirements, segmenter_name, stemmer_name, tokens

TYPES = ("rouge1", "rouge2", "rougeL")
SCORER: Requirement = ("rouge_score", "rouge-score")


def rouge(hypothesis: str, reference: str, language: str) -> dict[str, float]:
    """F1 in [0, 1] of one item: `rouge1` (tokens), `rouge2` (pairs), `rougeL` (longest common subsequence).

    0 where either side has no token (for `rouge2`: fewer than two). The corpus score is the mean over items, printed
    times 100. `language` is the summary's. Raises as `require_rouge`.
    """
    scores = _scorer(language).score(reference, hypothesis)
    return {name: float(scores[name].fmeasure) for name in TYPES}


def rouge_requirements(language: str) -> tuple[Requirement, ...]:
    """(module, distribution) of each optional package a language needs; nothing is imported.

    Raises UsageError for an unknown language, or one without spaces that has no segmenter.
    """
    return (SCORER, *requirements(language_key(language)))


def require_rouge(language: str) -> None:
    """Check early that scores can be made; imports nothing. Raises MissingPackageError, or as `rouge_requirements`."""
    require(rouge_requirements(language), "rouge", f"ROUGE in {language_key(language)}")


def rouge_signature(language: str) -> str:
    """What the numbers depend on: `rouge1+2+L,seg=jieba-0.42.1,stem=none,scorer=rouge-score-0.1.2`.

    Scores with different signatures are not comparable. Raises as `require_rouge`.
    """
    require_rouge(language)
    key = language_key(language)
    return f"rouge1+2+L,seg={segmenter_name(key)},stem={stemmer_name(key)},scorer={SCORER[1]}-{version(SCORER[1])}"


class _Tokenizer:
    """What rouge-score asks of a tokenizer."""

    def __init__(self, key: str) -> None:
        self._key = key

    def tokenize(self, text: str) -> list[str]:
        return tokens(text, self._key)


@cache
def _scorer(language: str) -> Any:
    require_rouge(language)
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(TYPES), tokenizer=_Tokenizer(language_key(language)))
