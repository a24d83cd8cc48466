"""What is doubtful about a unit's score: how many of its items, for the facts, and sentences for the reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from xling_bench.metrics.chrf import in_other_form
from xling_bench.metrics.ranking import several_best, ties
from xling_bench.metrics.registry import METRICS

MANY_TIES = 0.05  # share of near-ties from which on a result is doubtful
MANY_EMPTY = 0.2  # the same of empty answers
NOISY = 1e-3  # nats a token; float32 has a hundredth of that, bfloat16 ten times as much


def doubts(lm: Any, kind: str, samples: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """(counts, sentences) of a unit that was just evaluated: facts of its result, and warnings.

    `truncated`: items that lost their beginning, since they are longer than the model's context; `ties`, where
    candidates were ranked: {metric: items whose best candidates have one and the same score}, so that the first of them
    was taken, which says nothing about the model.
    """
    counts: dict[str, Any] = {"truncated": len(lm.truncated)}
    said, items = list[str](), len(samples)
    if counts["truncated"]:
        lost = "were longer than the model's context and lost their beginning"
        said.append(f"{counts['truncated']} of {items} items {lost}")
    if kind == "choose":
        found = [ties([METRICS[n] for n in s["doc"]["metrics"]], s["doc"], s["filtered_resps"]) for s in samples]
        counts["ties"] = {metric: sum(metric in names for names in found) for metric in samples[0]["doc"]["metrics"]}
        if count := next(iter(counts["ties"].values())):  # of the headline metric
            said.append(
                f"{count} of {items} items are ties: their best candidates score the same, and the first was taken; "
                "does the tokenizer know the script?"
            )
        return counts, said
    empty = sum(not str(sample["filtered_resps"][0]).strip() for sample in samples)
    if empty > MANY_EMPTY * items:
        said.append(f"{empty} of {items} answers are empty: does the model begin with a stop string?")
    return counts, said + other_forms(samples, samples[0]["doc"]["metrics"])


def other_forms(samples: Sequence[dict[str, Any]], names: Iterable[str]) -> list[str]:
    """A sentence that counts the outputs in another Unicode normal form than their reference, where a metric of `names`
    takes these for other text."""
    strict = [name for name in names if METRICS[name].by_code_points]
    if not strict:
        return []
    found = sum(in_other_form(str(sample["filtered_resps"][0]), sample["doc"]["golds"][0]) for sample in samples)
    if not found:
        return []
    return [f"{found} of {len(samples)} outputs are in another Unicode normal form than their reference: "
            f"{', '.join(strict)} take them for other text"]  # fmt: skip


def name_near_ties(ranking: dict[str, Any], samples: Sequence[dict[str, Any]]) -> list[str]:
    """Put items' ids in place of lm-eval's numbers in `ranking["near_ties"]`; a warning where many are, ties apart."""
    near = ranking.get("near_ties", [])
    names = {sample["doc_id"]: sample["doc"]["id"] for sample in samples}
    sums = {sample["doc_id"]: [float(resp[0]) for resp in sample["filtered_resps"]] for sample in samples if near}
    ranking |= {"near_ties": [names[document] for document in near]} if "near_ties" in ranking else {}
    near = [document for document in near if not several_best(sums[document])]
    if len(near) <= MANY_TIES * len(samples):
        return []
    remedy = "; --dtype float32 rounds less" if ranking["self_check"]["noise"] > NOISY else ""
    return [f"{len(near)} of {len(samples)} items are near-ties: rounding may decide between their best candidates "
            f"(by sum){remedy}"]  # fmt: skip
