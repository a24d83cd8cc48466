"""Corpus scores for generated text, by sacreBLEU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any


@cache
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF(word_order=2)


def chrf_statistics(hypothesis: str, reference: str) -> list[int]:
    """Sufficient statistics of one item for chrF++: n-gram counts that simply add up over items."""
    metric = _chrf()
    statistics = metric._extract_corpus_statistics([hypothesis], [[reference]])
    return [int(x) for x in statistics[0]]


def chrf(statistics: Sequence[Sequence[int]]) -> float:
    """Corpus chrF++ in [0, 100] from the items' statistics."""
    totals = [sum(column) for column in zip(*statistics, strict=True)]
    return float(_chrf()._compute_score_from_stats(totals).score)


def chrf_signature() -> str:
    """sacreBLEU's signature of the score, without importing it: the facts CHRF(word_order=2) prints."""
    return f"chrF2++,nrefs=1,case=mixed,eff=yes,nc=6,nw=2,space=no,version={version('sacrebleu')}"
