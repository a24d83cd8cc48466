"""Greedy decoding, whatever the model's files suggest."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

PLAIN = {"attention_mask", "do_sample", "temperature"}  # settings that greedy decoding by our own loop takes


def greedy(lm: Any) -> Any:
    """A copy of lm-eval's `HFLM` that decodes greedily, whatever the model's files suggest.

    Its `writer` does it, where the model has one that works; else transformers' `generate`.
    """
    inner = copy.copy(lm)
    inner._model_generate = functools.partial(_decode, lm)  # the hook HFLM has for it
    return inner


def texts_of(lm: Any) -> Callable[[Sequence[Any]], list[str]]:
    """One batch of (context, settings) to its texts: what a process computes, whichever it is."""
    return functools.partial(_texts, greedy(lm))


def _texts(lm: Any, batch: Sequence[Any]) -> list[str]:
    """The texts of one batch of (context, settings), all at once."""
    from lm_eval.api.instance import Instance

    lm.batch_size_per_gpu = len(batch)
    instances = [Instance("generate_until", {}, tuple(arguments), i) for i, arguments in enumerate(batch)]
    return lm.generate_until(instances, disable_tqdm=True)  # type: ignore[no-any-return]


class Ended:
    """Whether a text, tokens without its prompt, shows an end token or a stop string, as lm-eval looks for these:
    in as many of its last tokens as the string has, and two more."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], ends: Sequence[int] = ()) -> None:
        self.tokenizer, self.ends = tokenizer, set(ends)
        self.strings: dict[int, list[str]] = {}  # by how many tokens are looked at
        for string in filter(None, stop):
            tokens = len(tokenizer.encode(string, add_special_tokens=False)) + 2
            self.strings.setdefault(tokens, []).append(string)

    def __call__(self, ids: Sequence[int]) -> bool:
        """Asked after each token."""
        if ids[-1] in self.ends:
            return True
        for tokens, strings in self.strings.items():
            end = self.tokenizer.decode(ids[-tokens:])
            if any(string in end for string in strings):
                return True
        return False


def _decode(lm: Any, context: Any, max_length: int, stop: list[str], **settings: Any) -> Any:
    """lm-eval's `_model_generate`: (B, T) prompts, padded on the left, to (B, T + N), padded on the right."""
    made = by_writer(lm, context, max_length, stop, **settings)
    return _by_transformers(lm, context, max_length, stop, **settings) if made is None else made


def by_writer(lm: Any, context: Any, max_length: int, stop: list[str], **settings: Any) -> Any:
    """The same by the model's `writer`; None where it has none that can, or where decoding is not to be greedy."""
    writer = getattr(lm, "writer", None)
    if writer is None or not settings.keys() <= PLAIN or settings.get("do_sample"):
        return None
    prompts = [row[mask.bool()].tolist() for row, mask in zip(context, settings["attention_mask"], strict=True)]
    made = writer.write(prompts, max_length - context.shape[1], Ended(lm.tokenizer, stop, _end_ids(lm)))
    if made is None:
        return None
    length = max(map(len, made))
    rows = [text + [lm.tokenizer.pad_token_id] * (length - len(text)) for text in made]
    return context.new_tensor([[*row, *text] for row, text in zip(context.tolist(), rows, strict=True)])


def _by_transformers(lm: Any, context: Any, max_length: int, stop: list[str], **settings: Any) -> Any:
    """The same by `generate`, with neutral settings, and row by row at an end.

    transformers takes whatever `generate` is not told from the model's generation_config.json: penalties, beams,
    forced tokens, a length; there is no value to pass that means "none" for all of them. lm-eval's own stop criteria
    stop a batch once all its rows show one and the same stop string, so that a row's text could go on behind a
    stop token that is not the model's end token, which decoding then hides.
    """
    import torch

    settings.pop("temperature", None)
    ended, width, pad = Ended(lm.tokenizer, stop), context.shape[1], lm.tokenizer.pad_token_id

    def done(input_ids: Any, _scores: Any, **_: Any) -> Any:
        """(B,) bool: transformers does not ask again for a row that was done once."""
        return torch.tensor([ended(row) for row in input_ids[:, width:].tolist()], device=input_ids.device)

    def some(rows: Any, mask: Any) -> Any:
        given = {**settings, "max_length": max_length, "stopping_criteria": [done], "pad_token_id": pad}
        return lm.model.generate(input_ids=rows, attention_mask=mask, use_cache=True, **given)

    most = int(lm.batch_size)  # a batch that was planned for our own loop may have more
    with _neutral(lm):
        parts = zip(context.split(most), settings.pop("attention_mask").split(most), strict=True)
        made = [some(*part) for part in parts]
    longest = max(part.shape[1] for part in made)
    return torch.cat([torch.nn.functional.pad(part, (0, longest - part.shape[1]), value=pad) for part in made])


def _end_ids(lm: Any) -> list[int]:
    """The model's own end tokens, else its tokenizer's."""
    own = lm.model.generation_config.eos_token_id
    own = lm.eot_token_id if own is None else own
    return [own] if isinstance(own, int) else list(own)


@contextmanager
def _neutral(lm: Any) -> Iterator[None]:
    """The model with transformers' own generation settings; of the model's, only the token ids stay.

    A model without an end token gets its tokenizer's: transformers pads finished rows only where there is one.
    """
    from transformers import GenerationConfig

    model, own = lm.model, lm.model.generation_config
    ids = {name: getattr(own, name) for name in ("bos_token_id", "pad_token_id")}
    model.generation_config = GenerationConfig(**ids, eos_token_id=_end_ids(lm))
    try:
        yield
    finally:
        model.generation_config = own
