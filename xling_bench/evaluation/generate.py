"""Generation: greedy whatever the model's files suggest, in batches of like length, each batch kept once it is made."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple

from xling_bench.core.errors import DataError
from xling_bench.core.progress import progress
from xling_bench.evaluation.partial import PartialTexts

# A fact of every unit that generates.
DECODING = "greedy; of the model's generation_config.json only the end tokens are used"
# What a generation_config.json may hold without changing which token greedy decoding takes.
HARMLESS = {"bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "transformers_version",
            "_from_model_config", "use_cache", "cache_implementation", "max_length"}  # fmt: skip


class Request(NamedTuple):
    """One text to generate: `name` is a hash over the context and `settings` (JSON), `length` its tokens."""

    name: str
    settings: str
    length: int
    context: str


def plan_batches(requests: Iterable[Request], size: int) -> list[list[str]]:
    """The names of all distinct requests, each exactly once, in batches of at most `size`.

    A function of the set of requests alone: neither their order nor what is already made changes a batch, so that
    padding, and with it every last bit, is the same in a resumed run. A batch has one kind of settings and contexts
    of like length, the longest first (memory runs out at once or never): the batches lm-eval itself makes.
    """
    ordered = sorted(set(requests), key=lambda r: (r.settings, -r.length, r.context))
    groups = [[r.name for r in group] for _, group in groupby(ordered, key=lambda r: r.settings)]
    return [group[start : start + size] for group in groups for start in range(0, len(group), size)]


def resumable(lm: Any, kept: PartialTexts) -> Any:
    """A copy of our `WholeModel` whose `generate_until` is greedy and keeps its texts in `kept`."""
    wrapped = copy.copy(lm)
    wrapped.loglikelihood = lm.loglikelihood  # what the model finds out while it scores belongs to `lm` itself
    wrapped.generate_until = functools.partial(_generate, greedy(lm), kept)
    return wrapped


def greedy(lm: Any) -> Any:
    """A copy of lm-eval's `HFLM` that decodes greedily, whatever the model's files suggest."""
    inner = copy.copy(lm)
    inner._model_generate = functools.partial(_decode, lm)  # the hook HFLM has for it
    return inner


def texts_of(lm: Any) -> Callable[[Sequence[Any]], list[str]]:
    """One batch of (context, settings) to its texts, for a process that follows another."""
    return functools.partial(_texts, greedy(lm))


def _generate(lm: Any, kept: PartialTexts, instances: Sequence[Any]) -> list[str]:
    """One text per instance, in their order; a batch that an earlier start did not complete is made as a whole."""
    requests = [_request(lm, *instance.args) for instance in instances]
    rooms = [lm.max_length - instance.args[1]["max_gen_toks"] for instance in instances]
    fits = [request.length <= room for request, room in zip(requests, rooms, strict=True)]
    lm.truncated.update(instance.doc_id for instance, fit in zip(instances, fits, strict=True) if not fit)
    by_name = dict(zip((request.name for request in requests), instances, strict=True))
    plan = plan_batches(requests, int(lm.batch_size))
    kept.load()
    todo = [batch for batch in plan if not all(name in kept.texts for name in batch)]
    left = sum(map(len, todo))
    kept.reused = len(by_name) - left
    if kept.reused:
        kept.say(f"  {kept.reused} of {len(by_name)} texts are there from an earlier start")
    with progress(len(by_name), "generating", done=kept.reused) as bar:
        team, make = getattr(lm, "team", None), functools.partial(_texts, lm)
        for start in range(0, len(todo), team.size if team else 1):
            batches = todo[start : start + (team.size if team else 1)]
            arguments = [[by_name[name].args for name in batch] for batch in batches]
            made = team.generate(arguments, make) if team else [make(arguments[0])]
            for batch, texts in zip(batches, made, strict=True):
                kept.add(dict(zip(batch, texts, strict=True)))
                bar.update(len(batch))
    return [kept.texts[request.name] for request in requests]


def _texts(lm: Any, batch: Sequence[Any]) -> list[str]:
    """The texts of one batch of (context, settings)."""
    from lm_eval.api.instance import Instance

    instances = [Instance("generate_until", {}, tuple(arguments), i) for i, arguments in enumerate(batch)]
    return lm.generate_until(instances, disable_tqdm=True)  # type: ignore[no-any-return]


def _request(lm: Any, context: str, settings: dict[str, Any]) -> Request:
    """Raises DataError when the text to be generated leaves no room for its prompt; else as `check_known` does."""
    if settings["max_gen_toks"] >= lm.max_length:
        raise DataError(
            f"up to {settings['max_gen_toks']} tokens are generated, but the model's context has {lm.max_length} "
            "for prompt and answer. Give --max-length if the model takes more."
        )
    described = json.dumps(settings, sort_keys=True)
    name = hashlib.sha256(f"{described}\0{context}".encode()).hexdigest()[:32]
    tokens = lm.tok_encode(context)
    lm.check_known(tokens)
    return Request(name, described, len(tokens), context)


def _decode(lm: Any, context: Any, max_length: int, stop: list[str], **settings: Any) -> Any:
    """lm-eval's `_model_generate`, with neutral settings, and row by row at an end.

    transformers takes whatever `generate` is not told from the model's generation_config.json: penalties, beams,
    forced tokens, a length; there is no value to pass that means "none" for all of them. lm-eval's own stop criteria
    stop a batch once all its rows show one and the same stop string, so that a row's text could go on behind a
    stop token that is not the model's end token, which decoding then hides.
    """
    settings.pop("temperature", None)
    with _neutral(lm):
        return lm.model.generate(
            input_ids=context,
            max_length=max_length,
            stopping_criteria=[_any_stop(lm.tokenizer, stop, context.shape)],
            pad_token_id=lm.tokenizer.pad_token_id,
            use_cache=True,
            **settings,
        )


def _any_stop(tokenizer: Any, stop: list[str], shape: tuple[int, int]) -> Any:
    """A stopping criterion: (B,) bool, the rows that show any of the stop strings after their `shape[1]` tokens."""
    import torch
    from lm_eval.models.utils_hf import stop_sequences_criteria

    criteria = list(stop_sequences_criteria(tokenizer, [text for text in stop if text], shape[1], shape[0]))

    def done(input_ids: Any, scores: Any, **_: Any) -> Any:
        for criterion in criteria:
            criterion(input_ids, scores)
        rows = [any(criterion.done_tracker[row] for criterion in criteria) for row in range(shape[0])]
        return torch.tensor(rows, device=input_ids.device)

    return done


@contextmanager
def _neutral(lm: Any) -> Iterator[None]:
    """The model with transformers' own generation settings; of the model's, only the token ids stay.

    A model without an end token gets its tokenizer's: transformers pads finished rows only where there is one.
    """
    from transformers import GenerationConfig

    model, own = lm.model, lm.model.generation_config
    ids = {name: getattr(own, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    if ids["eos_token_id"] is None:
        ids["eos_token_id"] = lm.eot_token_id
    model.generation_config = GenerationConfig(**ids)
    try:
        yield
    finally:
        model.generation_config = own


def ignored_settings(lm: Any) -> list[str]:
    """The names of what the model's generation_config.json asks for and greedy decoding does without."""
    asked = lm.model.generation_config.to_diff_dict().keys() - HARMLESS
    return sorted(name for name in asked if not name.startswith("output_"))


def circumstances(lm: Any) -> dict[str, Any]:
    """What a text's last bit depends on besides the unit's facts: batches, device and libraries."""
    import torch
    import transformers

    device = torch.cuda.get_device_name(lm.device) if lm.device.type == "cuda" else lm.device.type
    libraries = {"torch": str(torch.__version__), "transformers": transformers.__version__}
    return {"batch_size": int(lm.batch_size), "device": device, **libraries}
