"""Greedy decoding, whatever the model's files suggest."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def greedy(lm: Any) -> Any:
    """A copy of lm-eval's `HFLM` that decodes greedily, whatever the model's files suggest."""
    inner = copy.copy(lm)
    inner._model_generate = functools.partial(_decode, lm)  # the hook HFLM has for it
    return inner


def texts_of(lm: Any) -> Callable[[Sequence[Any]], list[str]]:
    """One batch of (context, settings) to its texts, for a process that follows another."""
    return functools.partial(_texts, greedy(lm))


def _texts(lm: Any, batch: Sequence[Any]) -> list[str]:
    """The texts of one batch of (context, settings)."""
    from lm_eval.api.instance import Instance

    instances = [Instance("generate_until", {}, tuple(arguments), i) for i, arguments in enumerate(batch)]
    return lm.generate_until(instances, disable_tqdm=True)  # type: ignore[no-any-return]


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
