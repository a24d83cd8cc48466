"""Log-probabilities of the candidates of some of a unit's items, kept until all are there (`evaluation.portions`)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from xling_bench.core.text import number_of
from xling_bench.evaluation.partial import PartialTexts
from xling_bench.models.backend import Backend, Ranked
from xling_bench.models.config import Provenance
from xling_bench.results.seal import Sample


class Block(TypedDict):
    """Items whose candidates were ranked together: log-likelihoods by item, and what was found out meanwhile.

    `truncated` and the `near_ties` of `provenance` are items' ids.
    """

    ranks: dict[str, Ranked]
    truncated: list[str]
    provenance: Provenance


def blocks_of(kept: PartialTexts) -> list[Block]:
    """What is kept."""
    return [json.loads(text) for text in kept.texts.values()]


def rank(lm: Backend, kept: PartialTexts, requests: Sequence[Any], *, keep: bool) -> Ranked:
    """Log-likelihoods of the requests, in their order; what is kept of them is not computed again.

    With `keep` what is computed is kept, as one block.
    """
    kept.load()
    blocks = blocks_of(kept)
    known = {item: iter(ranks) for block in blocks for item, ranks in block["ranks"].items()}
    names = [str(request.doc["id"]) for request in requests]
    missing = [request for request, name in zip(requests, names, strict=True) if name not in known]
    kept.reused = len(requests) - len(missing)
    if kept.reused and missing:
        there = f"{kept.reused} of {number_of(len(requests), 'candidate')}"
        kept.say(f"  {there} were ranked by an earlier start")
    computed = lm.loglikelihood(missing) if missing else []
    found = iter(computed)
    if keep and missing:
        kept.add(_block(lm, missing, computed))
    items = {str(request.doc["id"]): request.doc_id for request in requests}
    lm.truncated.update(items[name] for block in blocks for name in block["truncated"] if name in items)
    answers = [next(known[name]) if name in known else next(found) for name in names]
    return [(float(value), bool(greedy)) for value, greedy in answers]


def _block(lm: Backend, requests: Sequence[Any], computed: Ranked) -> dict[str, str]:
    names = {request.doc_id: str(request.doc["id"]) for request in requests}
    ranks: dict[str, Ranked] = {}
    for request, answer in zip(requests, computed, strict=True):
        ranks.setdefault(names[request.doc_id], []).append(answer)
    provenance = lm.provenance()
    if "near_ties" in provenance:
        provenance["near_ties"] = [names[int(number)] for number in provenance["near_ties"]]
    truncated = [names[number] for number in sorted(lm.truncated)]
    block: Block = {"ranks": ranks, "truncated": truncated, "provenance": provenance}
    return {f"items {next(iter(ranks))} and {len(ranks) - 1} more": json.dumps(block, ensure_ascii=False)}


def with_blocks(own: Provenance, blocks: Sequence[Block], samples: Sequence[Sample]) -> Provenance:
    """How a unit's candidates were ranked, of `own` and of the blocks that were kept: the self-check that was nearest
    its threshold, and all near-ties, by lm-eval's numbers of the items."""
    if not blocks:
        return own
    numbers = {str(sample["doc"]["id"]): int(sample["doc_id"]) for sample in samples}
    found: Provenance = {**own}
    all_of_them = [block["provenance"] for block in blocks] + [own]
    checks = [each["self_check"] for each in all_of_them if "self_check" in each]
    if checks:
        found["self_check"] = max(checks, key=_strain)
    near = [name for block in blocks for name in block["provenance"].get("near_ties", []) if name in numbers]
    if "near_ties" in own:
        found["near_ties"] = sorted({*map(int, own["near_ties"]), *(numbers[str(name)] for name in near)})
    return found


def _strain(check: Mapping[str, float | None]) -> float:
    difference, threshold = check.get("difference"), check.get("threshold")
    return math.inf if difference is None or not threshold else difference / threshold
