"""What is doubtful about a unit's score: how many of its items, for the facts, and sentences for the reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NotRequired, TypedDict

from xling_bench.metrics import reasoning
from xling_bench.metrics.chrf import in_other_form
from xling_bench.metrics.ranking import parts, several_best, ties
from xling_bench.metrics.registry import METRICS
from xling_bench.models.config import Provenance
from xling_bench.results.seal import Sample

MANY_TIES = 0.05  # share of near-ties from which on a result is doubtful
MANY_EMPTY = 0.2  # the same of empty answers
NOISY = 1e-3  # nats a token; float32 has a hundredth of that, bfloat16 ten times as much


class Counts(TypedDict):
    """`truncated`: items that lost their beginning, since they are longer than the model's context; `ties`, where
    candidates were ranked: {metric: items whose best candidates have one and the same score}, so that the first of them
    was taken, which says nothing about the model.
    """

    truncated: int
    ties: NotRequired[dict[str, int]]


def doubts(lm: Any, kind: str, samples: Sequence[Sample], language: str) -> tuple[Counts, list[str]]:
    """(counts, sentences) of a unit that was just evaluated, with answers in `language`: facts of its result, and
    warnings."""
    counts: Counts = {"truncated": len(lm.truncated)}
    said, items = list[str](), len(samples)
    if counts["truncated"]:
        lost = "were longer than the model's context and lost their beginning"
        said.append(f"{counts['truncated']} of {items} items {lost}")
    if kind == "choose":
        ranking = [name for name in samples[0]["doc"]["metrics"] if METRICS[name].ranks]
        found = [ties([METRICS[n] for n in s["doc"]["metrics"]], s["doc"], s["filtered_resps"]) for s in samples]
        counts["ties"] = {metric: sum(metric in names for names in found) for metric in ranking}
        if count := next(iter(counts["ties"].values()), 0):  # of the first that ranks, which is mostly the headline
            said.append(
                f"{count} of {items} items are ties: their best candidates score the same, and the first was taken; "
                "does the tokenizer know the script?"
            )
        return counts, said
    empty = sum(not str(sample["filtered_resps"][0]).strip() for sample in samples)
    if empty > MANY_EMPTY * items:
        said.append(f"{empty} of {items} answers are empty: does the model begin with a stop string?")
    said += undecidable(samples, samples[0]["doc"]["metrics"], language)
    return counts, said + other_forms(samples, samples[0]["doc"]["metrics"])


def undecidable(samples: Sequence[Sample], names: Iterable[str], language: str) -> list[str]:
    """A sentence, where metrics of `names` are to say in which language answers were reasoned out, and none can be."""
    absent = [name for name in names if not any(name in sample for sample in samples)]
    return [found] if (found := reasoning.without_value(absent, language)) else []


def other_forms(samples: Sequence[Sample], names: Iterable[str]) -> list[str]:
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


def name_near_ties(ranking: Provenance, samples: Sequence[Sample]) -> list[str]:
    """Put items' ids in place of lm-eval's numbers in `ranking["near_ties"]`; a warning where many are, ties apart."""
    near = ranking.get("near_ties", [])
    names = {sample["doc_id"]: sample["doc"]["id"] for sample in samples}
    sums = {s["doc_id"]: parts(s["doc"], [float(resp[0]) for resp in s["filtered_resps"]])[0] for s in samples if near}
    if "near_ties" in ranking:
        ranking["near_ties"] = [names[document] for document in near]
    near = [document for document in near if not several_best(sums[document])]
    if len(near) <= MANY_TIES * len(samples):
        return []
    noise = ranking["self_check"]["noise"]
    remedy = "; --dtype float32 rounds less" if noise is not None and noise > NOISY else ""
    return [f"{len(near)} of {len(samples)} items are near-ties: rounding may decide between their best candidates "
            f"(by sum){remedy}"]  # fmt: skip
