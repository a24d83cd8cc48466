"""Scores of ranked candidates. The candidate a metric takes and its score come together, so that what is shown as the
answer is what was scored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from xling_bench.core.errors import ModelError
from xling_bench.core.row import index_in, indices_in, texts_in
from xling_bench.metrics.knowledge import best, macro_by_relation, per_token
from xling_bench.metrics.metric import Doc, Items, Metric, Values


def _sums(_doc: Doc, values: Values) -> Values:
    return values


def _per_token(doc: Doc, values: Values) -> Values:
    return per_token(values, indices_in(doc, "tokens"))


def _per_byte(doc: Doc, values: Values) -> Values:
    return per_token(values, [len(text.encode()) for text in texts_in(doc, "texts")])


def _per_character(doc: Doc, values: Values) -> Values:
    return per_token(values, [len(text) for text in texts_in(doc, "texts")])


def _pmi(doc: Doc, values: Values) -> Values:
    """log p(candidate | item) - log p(candidate | unconditional prompt)."""
    given, anyway = parts(doc, values)
    if len(anyway) != len(given):
        raise ModelError(f"item {doc['id']}: {len(anyway)} unconditional log-likelihoods of {len(given)} candidates")
    return [here - there for here, there in zip(given, anyway, strict=True)]


def _bits_per_byte(doc: Doc, values: Values) -> float:
    """-log2 p(right candidate | item) / bytes: Gu et al. 2024's `bits_per_byte`, of the right answer."""
    gold = index_in(doc, "gold")
    return -values[gold] / math.log(2) / max(1, len(texts_in(doc, "texts")[gold].encode()))


def _macro(items: Items) -> float:
    return macro_by_relation([(str(relation), float(hit)) for relation, hit in items])


METRICS = (
    Metric("acc", "the right candidate has the largest sum of log-probabilities", "sum-logprob", compared=_sums,
           label="accuracy"),
    Metric("acc_token", "the right candidate has the largest mean log-probability per token", "mean-logprob-per-token",
           compared=_per_token, needs_tokens=True),
    Metric("acc_byte", "the right candidate has the largest log-probability per UTF-8 byte", "logprob-per-byte",
           compared=_per_byte),
    Metric("acc_char", "the right candidate has the largest log-probability per character", "logprob-per-character",
           compared=_per_character),
    Metric("acc_pmi", "the right candidate gains most log-probability from the item, over an unconditional prompt",
           "sum-logprob-minus-unconditional", compared=_pmi, needs_unconditional=True, of_all=True),
    Metric("bpb", "bits per UTF-8 byte of the right candidate's text", "bits-per-byte", likelihood=_bits_per_byte,
           share=False, unit="bits per byte", digits=3, lower_is_better=True, within_language=True,
           label="bits per byte", of_all=True),
    Metric("p1", "typed P@1 by mean log-probability per token, mean over relations", "mean-logprob-per-token,macro",
           compared=_per_token, over="relations", total=_macro, needs_tokens=True, label="P@1"),
    Metric("p1_sum", "typed P@1 by sum of log-probabilities, mean over relations", "sum-logprob,macro", compared=_sums,
           over="relations", total=_macro),
    Metric("acc_cs", "acc, of questions that ask for knowledge of a culture: Global-MMLU's culturally sensitive ones",
           "sum-logprob,culture=CS", compared=_sums, among=("culture", "CS"), partial=True),
    Metric("acc_ca", "acc, of questions that ask for none: Global-MMLU's culturally agnostic ones",
           "sum-logprob,culture=CA", compared=_sums, among=("culture", "CA"), partial=True),
)  # fmt: skip

BY_SUMS = tuple(metric.name for metric in METRICS if metric.compared is _sums)


def parts(doc: Doc, values: Values) -> tuple[Values, Values]:
    """The log-probabilities of an item's candidates, and those after the unconditional prompt, which may be none."""
    width = len(texts_in(doc, "texts"))
    return values[:width], values[width:]


def compared(metric: Metric, doc: Doc, values: Values) -> Values:
    """What a ranking metric compares of candidates whose texts have log-probabilities `values`."""
    if metric.compared is None:
        raise TypeError(f"{metric.name} ranks no candidates")
    return metric.compared(doc, values if metric.needs_unconditional else parts(doc, values)[0])


def choice(metric: Metric, doc: Doc, values: Values) -> int:
    """The index of the candidate that `metric` takes, the first of several that are best."""
    return best(compared(metric, doc, values))


def rank(metrics: Iterable[Metric], doc: Doc, values: Values) -> dict[str, object]:
    """Scores of an item whose candidates have these log-probabilities (`parts`), by the metrics that exist for it;
    [relation, right or wrong] where a metric is a mean over relations.

    Raises ModelError for a log-probability that is not finite: an argmax over NaN looks like a decision.
    """
    if not all(math.isfinite(value) for value in values):
        raise ModelError(
            f"the model's log-likelihood of item {doc['id']} is {list(values)}: its weights are damaged, or --dtype "
            "overflows"
        )
    found: dict[str, object] = {}
    for metric in metrics:
        if not metric.exists_for(doc):
            continue
        if metric.likelihood is not None:
            found[metric.name] = metric.likelihood(doc, parts(doc, values)[0])
            continue
        right = float(choice(metric, doc, values) == doc["gold"])
        found[metric.name] = [doc["relation"], right] if metric.over == "relations" else right
    return found


def ties(metrics: Iterable[Metric], doc: Doc, resps: Sequence[Any]) -> list[str]:
    """The metrics by which two or more candidates are best; `resps` as samples hold them."""
    values = [float(resp[0]) for resp in resps]
    there = [metric for metric in metrics if metric.ranks and metric.exists_for(doc)]
    return [metric.name for metric in there if several_best(compared(metric, doc, values))]


def several_best(values: Values) -> bool:
    """Whether the highest value stands twice."""
    return list(values).count(max(values)) > 1
