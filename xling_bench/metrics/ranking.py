"""Scores of ranked candidates. Each metric says what it compares; the candidate it takes and the score come together,
so that what is shown as the answer is what was scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xling_bench.catalog import METRICS
from xling_bench.errors import ModelError
from xling_bench.metrics.knowledge import best, per_token

Doc = Mapping[str, Any]
Values = Sequence[float]


def _sums(_doc: Doc, values: Values) -> Values:
    return values


def _per_token(doc: Doc, values: Values) -> Values:
    return per_token(values, doc["tokens"])


def _per_byte(doc: Doc, values: Values) -> Values:
    return per_token(values, [len(text.encode()) for text in doc["texts"]])


def _per_character(doc: Doc, values: Values) -> Values:
    return per_token(values, [len(text) for text in doc["texts"]])


# What each ranking metric compares: of candidates whose texts have log-probabilities `values`.
COMPARED: dict[str, Callable[[Doc, Values], Values]] = {
    "acc": _sums,
    "acc_token": _per_token,
    "acc_byte": _per_byte,
    "acc_char": _per_character,
    "p1": _per_token,
    "p1_sum": _sums,
}

BY_SUMS = tuple(name for name, compared in COMPARED.items() if compared is _sums)


def choice(metric: str, doc: Doc, values: Values) -> int:
    """The index of the candidate that `metric` takes, the first of several that are best."""
    return best(COMPARED[metric](doc, values))


def rank(doc: Doc, values: Values) -> dict[str, Any]:
    """Scores of an item whose candidates have these log-probabilities; [relation, right or wrong] where a metric is a
    mean over relations.

    Raises ModelError for a log-probability that is not finite: an argmax over NaN looks like a decision.
    """
    if not all(math.isfinite(value) for value in values):
        raise ModelError(
            f"the model's log-likelihood of item {doc['id']} is {list(values)}: its weights are damaged, or --dtype "
            "overflows"
        )
    found: dict[str, Any] = {}
    for name in doc["metrics"]:
        right = float(choice(name, doc, values) == doc["gold"])
        found[name] = [doc["relation"], right] if METRICS[name].over == "relations" else right
    return found


def ties(doc: Doc, resps: Sequence[Any]) -> list[str]:
    """The metrics by which two or more candidates are best; `resps` as samples hold them."""
    values = [float(resp[0]) for resp in resps]
    return [name for name in doc["metrics"] if several_best(COMPARED[name](doc, values))]


def several_best(values: Values) -> bool:
    """Whether the highest value stands twice."""
    return list(values).count(max(values)) > 1
