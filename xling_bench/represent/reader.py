"""A model's pooled states: all layers in one pass, texts of similar length together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xling_bench.core.errors import DataError, ModelError, UnsupportedModelError, UsageError, reason_of
from xling_bench.represent.token_weights import Pooling, pool, token_weights

Vectors = NDArray[np.float32]
Batches = list[list[int]]  # places of texts that are read together
TOKENS = 2048  # of a batch, padding included
BYTES = 256 << 20  # that a batch's states of all layers may take, as float32
PART = 64  # texts, at least, that are kept together: what a killed process has to do again


@dataclass(frozen=True)
class Encoded:
    """A text's tokens, which of them are its own (not added by the tokenizer), whether it was cut to fit, and how many
    of its own it had before that."""

    tokens: list[int]
    own: list[bool]
    cut: bool
    count: int


def resolve_layers(words: Sequence[str], depth: int) -> list[int]:
    """Layers 0 (the embedding's output) to `depth` (the last, after the final norm), in order.

    `words` are numbers, `mid` (half of the layers, rounded down), `last`, or `all`. Raises UsageError for another word
    or a layer that the model does not have.
    """
    named = {"all": list(range(depth + 1)), "mid": [depth // 2], "last": [depth]}
    found: set[int] = set()
    for word in words:
        numbers = named.get(word, [int(word)] if word.isdecimal() else [])
        if not numbers or max(numbers) > depth:
            raise UsageError(f"--layers {word}: unknown layer; expected numbers from 0 (the embedding) to {depth} "
                             "(the last), mid, last, or all.")  # fmt: skip
        found.update(numbers)
    if not found:
        raise UsageError("--layers: name one or more, such as 1,mid,last, or all.")
    return sorted(found)


def parts_of(lengths: Sequence[int], tokens: int) -> list[Batches]:
    """The batches of texts, by their places, in parts of `PART` texts or more; the longest first.

    A function of the texts' lengths in tokens and of `tokens` a batch alone, so that a resumed run makes the same
    batches, and with them the same last digits.
    """
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    parts: list[Batches] = []
    while order:
        size = max(1, tokens // lengths[order[0]])
        batch, order = order[:size], order[size:]
        if not parts or sum(map(len, parts[-1])) >= PART:
            parts.append([])
        parts[-1].append(batch)
    return parts


def untrained(kind: Any, config: Any, device: Any, dtype: torch.dtype, name: str) -> Any:
    """A model of the class `kind` with new weights, drawn with seed 0 as the class draws them. Raises
    UnsupportedModelError where it cannot be made."""
    torch.manual_seed(0)
    try:
        return kind(config).to(device=device, dtype=dtype).eval()
    except Exception as error:  # a model's own class may want what nobody knows
        raise UnsupportedModelError(f"model {name}: a random one of its shape cannot be made "
                                    f"({reason_of(error)}); give --no-random.") from error  # fmt: skip


class Reader:
    """Reads texts with a loaded model (`models.load.load`), or with a random one of the same shape.

    `depth` is the number of the last layer, `width` the size of a state. Raises UnsupportedModelError for a model that
    gives no hidden states, or has an encoder beside its decoder.
    """

    def __init__(self, lm: Any, name: str, pooling: Pooling) -> None:
        self.name, self.pooling = name, pooling
        inner = lm.model.get_base_model() if hasattr(lm.model, "peft_config") else lm.model
        if getattr(inner.config, "is_encoder_decoder", False):
            raise UnsupportedModelError(f"model {name} has an encoder and a decoder; represent reads causal models.")
        self.body, self.tokenizer, self.device = inner.base_model, lm.tokenizer, lm.device
        self.longest = int(lm.max_length)
        first = self._hidden(torch.tensor([[lm.prefix_token_id]]), torch.ones(1, 1, dtype=torch.long))
        self.depth, self.width = len(first) - 1, int(first[0].shape[-1])
        self.tokens = max(1, min(TOKENS, BYTES // (4 * self.width * len(first))))

    def randomised(self) -> None:
        """Give the model new weights, drawn with seed 0 as its class draws them: the baseline that has learnt nothing.

        The tokenizer stays, and with it which texts share tokens. An adapter is left out.
        """
        body, config = type(self.body), self.body.config
        dtype = next(self.body.parameters()).dtype
        del self.body
        self.body = untrained(body, config, self.device, dtype, self.name)

    def encode(self, texts: Sequence[str], side: str) -> list[Encoded]:
        """Texts as they are, no template, cut at the end to what the model takes. Raises DataError for a text without
        tokens of its own."""
        found = []
        for number, text in enumerate(texts, 1):
            encoded = self.tokenizer(text, return_special_tokens_mask=True)
            tokens, own = encoded["input_ids"], [not added for added in encoded["special_tokens_mask"]]
            if not any(own[: self.longest]):
                raise DataError(f"sentence {number} of {side}: {self.name}'s tokenizer gives no token for {text!r:.60}")
            found.append(Encoded(tokens[: self.longest], own[: self.longest], len(tokens) > self.longest, sum(own)))
        return found

    def read(self, texts: Sequence[Encoded], batches: Batches, layers: Sequence[int]) -> Vectors:
        """States (texts, layers, D), in the batches' order. Raises ModelError for states that are not finite."""
        return np.concatenate([self._batch([texts[place] for place in places], layers) for places in batches])

    def _batch(self, batch: Sequence[Encoded], layers: Sequence[int]) -> Vectors:
        longest = max(len(text.tokens) for text in batch)
        ids = torch.zeros(len(batch), longest, dtype=torch.long)  # (B, T)
        real, own = torch.zeros_like(ids), torch.zeros(len(batch), longest, dtype=torch.bool)
        for row, text in enumerate(batch):
            ids[row, : len(text.tokens)], real[row, : len(text.tokens)] = torch.tensor(text.tokens), 1
            own[row, : len(text.tokens)] = torch.tensor(text.own)
        hidden = self._hidden(ids, real)
        weights = token_weights(real.bool(), own, self.pooling).to(self.device)
        pooled = torch.stack([pool(hidden[layer], weights) for layer in layers], dim=1)  # (B, L, D)
        for at, layer in enumerate(layers):
            if not bool(torch.isfinite(pooled[:, at]).all()):
                raise ModelError(f"model {self.name}: states of layer {layer} are not finite (NaN or infinite): its "
                                 "weights are damaged, or --dtype overflows; try --dtype float32.")  # fmt: skip
        found: Vectors = pooled.cpu().numpy()
        return found

    def _hidden(self, ids: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """States (B, T, D) of layers 0 to the last."""
        with torch.inference_mode():
            out = self.body(input_ids=ids.to(self.device), attention_mask=real.to(self.device),
                            output_hidden_states=True, use_cache=False)  # fmt: skip
        hidden = getattr(out, "hidden_states", None)
        if not hidden:
            raise UnsupportedModelError(f"model {self.name} gives no hidden states ({type(self.body).__name__}), so "
                                        "there is nothing to represent.")  # fmt: skip
        return tuple(hidden)
