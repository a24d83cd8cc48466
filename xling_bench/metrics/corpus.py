"""Scores of a whole task from its items' statistics, one function per metric: what compiled YAML calls to aggregate.

An item's statistics are a list: counts that add up (chrF++, BLEU), or [relation, right or wrong] (mLAMA).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xling_bench.metrics import bleu as bleus
from xling_bench.metrics.knowledge import macro_by_relation
from xling_bench.metrics.text import chrf as corpus_chrf

Items = Sequence[Sequence[Any]]


def chrf(items: Items) -> float:
    """Corpus chrF++ in [0, 100]."""
    return corpus_chrf(items)


def chrf_right(items: Items) -> float:
    """Corpus chrF++ in [0, 100] over the outputs in the right language."""
    return corpus_chrf(items)


def bleu(items: Items) -> float:
    """Corpus BLEU in [0, 100]."""
    return bleus.bleu(items)


def spbleu(items: Items) -> float:
    """Corpus spBLEU in [0, 100] on FLORES-200's pieces."""
    return bleus.bleu(items)


def spbleu101(items: Items) -> float:
    """Corpus spBLEU in [0, 100] on FLORES-101's pieces."""
    return bleus.bleu(items)


def p1(items: Items) -> float:
    """Share of right items in [0, 1], averaged over relations: ranked by mean log-probability per token."""
    return macro_by_relation([(str(relation), float(hit)) for relation, hit in items])


def p1_sum(items: Items) -> float:
    """Share of right items in [0, 1], averaged over relations: ranked by sum of log-probabilities."""
    return p1(items)


CORPUS: dict[str, Callable[[Items], float]] = {
    function.__name__: function for function in (chrf, chrf_right, bleu, spbleu, spbleu101, p1, p1_sum)
}


def item_score(metric: str, value: Any) -> float:
    """One item's own score: the value itself, or of statistics the score of a corpus of this item alone."""
    return CORPUS[metric]([value]) if metric in CORPUS else float(value)
