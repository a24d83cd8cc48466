"""The metrics there are: what each is called, its range, and what it is a score of. How it is computed: `metrics/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xling_bench.errors import UsageError, did_you_mean


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    `share`: it lies in [0, 1] and is printed in percent; else in [0, 100] and printed as it is.
    `over`: `items` is a mean of item scores; `corpus` is computed from the summed statistics of all items (its items
    have scores of their own that do not average to it); `relations` is a mean of means per relation.
    `some`: it exists for some items only, for instance the answerable ones; the others count for nothing.
    `ranks`: it chooses one of an item's candidates (`metrics.ranking`), so that guessing has a level, the benchmark's.
    """

    name: str
    meaning: str
    share: bool = True
    over: Literal["items", "corpus", "relations"] = "items"
    some: bool = False
    ranks: bool = False


METRICS = {
    metric.name: metric
    for metric in (
        Metric("acc", "the right candidate has the largest sum of log-probabilities", ranks=True),
        Metric("acc_token", "the right candidate has the largest mean log-probability per token", ranks=True),
        Metric("acc_byte", "the right candidate has the largest log-probability per UTF-8 byte", ranks=True),
        Metric("acc_char", "the right candidate has the largest log-probability per character", ranks=True),
        Metric("f1", "token overlap with the best gold, by the benchmark's official rule"),
        Metric("exact", "equal to a gold after the benchmark's official normalisation"),
        Metric("contains", "the gold occurs in the answer, letter case apart (x-LLM's exact match)"),
        Metric("f1_unicode", "token overlap after Unicode normalisation, numbers kept, unspaced scripts segmented"),
        Metric("exact_unicode", "equal after Unicode normalisation, numbers kept, unspaced scripts segmented"),
        Metric("contains_unicode", "a gold occurs in the answer after Unicode normalisation, numbers kept whole"),
        Metric("f1_corrected", "MLQA's rule with the Arabic article removed from the start of words only"),
        Metric("exact_corrected", "MLQA's rule with the Arabic article removed from the start of words only"),
        Metric("f1_hasans", "f1 of the answerable questions", some=True),
        Metric("exact_hasans", "exact of the answerable questions", some=True),
        Metric("acc_noans", "share of the unanswerable questions not answered", some=True),
        Metric("p1", "typed P@1 by mean log-probability per token, mean over relations", over="relations", ranks=True),
        Metric("p1_sum", "typed P@1 by sum of log-probabilities, mean over relations", over="relations", ranks=True),
        Metric("chrf", "corpus chrF++ (sacreBLEU, word_order=2)", share=False, over="corpus"),
        Metric("bleu", "corpus BLEU (sacreBLEU), tokeniser by target language", share=False, over="corpus"),
        Metric("spbleu", "corpus BLEU on FLORES-200's SentencePiece tokens", share=False, over="corpus"),
        Metric("spbleu101", "corpus BLEU on FLORES-101's SentencePiece tokens", share=False, over="corpus"),
        Metric("rouge1", "F1 of unigrams, words as XL-Sum's program has them"),
        Metric("rouge2", "F1 of bigrams, words as XL-Sum's program has them"),
        Metric("rougeL", "F1 of the longest common subsequence, words as XL-Sum's program has them"),
        Metric("rouge1_segmented", "F1 of unigrams, words segmented and stemmed better than XL-Sum's program does"),
        Metric("rouge2_segmented", "F1 of bigrams, words segmented and stemmed better than XL-Sum's program does"),
        Metric("rougeL_segmented", "F1 of the longest common subsequence, words segmented and stemmed better"),
        Metric("right_language", "share of decidable outputs whose every line is in the right language", some=True),
        Metric("right_words", "share of outputs without a word of a foreign script", some=True),
        Metric("f1_right", "f1 of the outputs in the right language", some=True),
        Metric("rougeL_right", "rougeL of the outputs in the right language", some=True),
        Metric("chrf_right", "chrf of the outputs in the right language", share=False, over="corpus", some=True),
    )
}


def get_metric(name: str) -> Metric:
    """Return the metric, or raise UsageError with the nearest known names."""
    if name not in METRICS:
        raise UsageError(f"unknown metric {name!r}.{did_you_mean(name, METRICS)} Known: {', '.join(METRICS)}.")
    return METRICS[name]


def in_percent(name: str) -> bool:
    """Whether values are shares, printed times 100. A metric of somebody else's table is taken as it is."""
    return name in METRICS and METRICS[name].share


def is_mean(name: str) -> bool:
    """Whether a value is the mean of its items' scores, so that items can be resampled for it."""
    return name in METRICS and METRICS[name].over == "items"
