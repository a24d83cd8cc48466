"""Generation: in batches of like length, each batch kept once it is made."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from xling_bench.core.errors import DataError
from xling_bench.core.progress import progress
from xling_bench.core.row import index_in
from xling_bench.evaluation.kept_ranks import rank
from xling_bench.evaluation.partial import PartialTexts
from xling_bench.models.backend import Backend
from xling_bench.scoring.tree import common

# A fact of every unit that generates.
DECODING = "greedy; of the model's generation_config.json only the end tokens are used"


class Request(NamedTuple):
    """One text to generate: `name` is a hash over the context and `settings` (JSON), `length` its tokens, `own` those
    of it that not all contexts begin with, and of the text, as long as it may become."""

    name: str
    settings: str
    length: int
    context: str
    own: int = 0


def plan_batches(requests: Iterable[Request], size: int, tokens: int | None = None) -> list[list[str]]:
    """The names of all distinct requests, each exactly once, in batches of at most `size`, and of at most `tokens` own
    ones, padded, if that is given (a text may have more by itself).

    A function of the set of requests alone: neither their order nor what is already made changes a batch, so that
    padding, and with it every last bit, is the same in a resumed run. A batch has one kind of settings and contexts
    of like length, the longest first (memory runs out at once or never): the batches lm-eval itself makes.
    """
    ordered = sorted(set(requests), key=lambda r: (r.settings, -r.length, r.context))
    plan: list[list[str]] = []
    for _, group in groupby(ordered, key=lambda r: r.settings):
        waiting = list(group)
        while waiting:
            fitting = size if tokens is None else max(1, min(size, tokens // waiting[0].own))
            plan.append([request.name for request in waiting[:fitting]])
            waiting = waiting[fitting:]
    return plan


def resumable(lm: Backend, kept: PartialTexts, *, keep_ranks: bool = False) -> Any:
    """A copy of `lm` for lm-eval, whose `generate_until` is greedy and keeps its texts in `kept`, and whose
    `loglikelihood` takes what is kept there and, with `keep_ranks`, keeps its own."""
    wrapped: Any = copy.copy(lm)
    # What the model finds out while it scores belongs to `lm` itself.
    wrapped.loglikelihood = functools.partial(rank, lm, kept, keep=keep_ranks)
    wrapped.generate_until = functools.partial(_generate, lm, kept)
    return wrapped


def _generate(lm: Backend, kept: PartialTexts, instances: Sequence[Any]) -> list[str]:
    """One text per instance, in their order; a batch that an earlier start did not complete is made as a whole."""
    requests = _requests(lm, instances)
    rooms = [lm.max_length - instance.args[1]["max_gen_toks"] for instance in instances]
    fits = [request.length <= room for request, room in zip(requests, rooms, strict=True)]
    lm.truncated.update(instance.doc_id for instance, fit in zip(instances, fits, strict=True) if not fit)
    by_name = dict(zip((request.name for request in requests), instances, strict=True))
    plan = plan_batches(requests, *lm.batch_limits)
    kept.load()
    todo = [batch for batch in plan if not all(name in kept.texts for name in batch)]
    left = sum(map(len, todo))
    kept.reused = len(by_name) - left
    if kept.reused:
        kept.say(f"  {kept.reused} of {len(by_name)} texts are there from an earlier start")
    with progress(len(by_name), "generating", done=kept.reused) as bar:
        team = lm.team
        for start in range(0, len(todo), team.size if team else 1):
            batches = todo[start : start + (team.size if team else 1)]
            arguments = [[by_name[name].args for name in batch] for batch in batches]
            made = team.generate(arguments, lm.texts) if team else [lm.texts(arguments[0], bar.update)]
            for batch, texts in zip(batches, made, strict=True):
                kept.add(dict(zip(batch, texts, strict=True)))
            if team:
                bar.update(sum(map(len, batches)))
    return [kept.texts[request.name] for request in requests]


def _requests(lm: Backend, instances: Sequence[Any]) -> list[Request]:
    """Raises DataError when a text to be generated leaves no room for its prompt; else as `check_known` does."""
    requests, shared = list[Request](), list[int]()
    for instance in instances:
        context, settings = instance.args
        most = index_in(settings, "max_gen_toks")
        if most >= lm.max_length:
            raise DataError(
                f"up to {most} tokens are generated, but the model's context has {lm.max_length} "
                "for prompt and answer. Give --max-length if the model takes more."
            )
        described = json.dumps(settings, sort_keys=True)
        name = hashlib.sha256(f"{described}\0{context}".encode()).hexdigest()[:32]
        tokens = lm.tok_encode(context)
        lm.check_known(tokens)
        shared = tokens[: common([shared, tokens])] if requests else tokens
        requests.append(Request(name, described, len(tokens), context, most))
    return [request._replace(own=_own(request, len(shared), lm.max_length)) for request in requests]


def _own(request: Request, shared: int, longest: int) -> int:
    """The request's own tokens; of one that is too long, which loses its beginning, all that fit."""
    whole = request.length + request.own
    return whole - shared if whole <= longest else longest
