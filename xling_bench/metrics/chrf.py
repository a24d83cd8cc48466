"""Corpus chrF++ for generated text, by sacreBLEU."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from xling_bench.metrics.metric import Answer, Metric
from xling_bench.metrics.right_language import in_right_language


@cache
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF(word_order=2)


def chrf_statistics(hypothesis: str, reference: str) -> list[int]:
    """Sufficient statistics of one item for chrF++: n-gram counts that simply add up over items."""
    metric = _chrf()
    statistics = metric._extract_corpus_statistics([hypothesis], [[reference]])
    return [int(x) for x in statistics[0]]


def in_other_form(hypothesis: str, reference: str) -> bool:
    """Whether the reference is in a Unicode normal form (NFC or NFD) and the hypothesis not in the same.

    chrF++ and BLEU compare code points, as sacreBLEU does, so é is other text than e with an accent after it.
    """
    forms = _forms(reference)
    return bool(forms) and not forms & _forms(hypothesis)


def _forms(text: str) -> set[str]:
    return {form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, text)}


def chrf(statistics: Sequence[Sequence[int]]) -> float:
    """Corpus chrF++ in [0, 100] from the items' statistics."""
    totals = [sum(column) for column in zip(*statistics, strict=True)]
    return float(_chrf()._compute_score_from_stats(totals).score)


def chrf_signature() -> str:
    """sacreBLEU's signature of the score, without importing it: the facts CHRF(word_order=2) prints."""
    return f"chrF2++,nrefs=1,case=mixed,eff=yes,nc=6,nw=2,space=no,version={version('sacrebleu')}"


def _statistics(answer: Answer) -> list[int]:
    return answer.once("chrf", lambda: chrf_statistics(answer.text, answer.golds[0]))


CHRF = Metric("chrf", "corpus chrF++ (sacreBLEU, word_order=2)", lambda _: chrf_signature(), statistics=_statistics,
              share=False, over="corpus", total=chrf, label="chrF++", by_code_points=True)  # fmt: skip
METRICS = (CHRF, in_right_language(CHRF))
