"""What a transformers model needs for tree-shaped input: found out by trying, never by its name.

Raises UnsupportedModelError with a reason where a model cannot take it; the caller then scores without sharing.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from transformers.cache_utils import Cache

from xling_bench.core.errors import UnsupportedModelError
from xling_bench.scoring.fused import fused_attention, no_others
from xling_bench.scoring.head import Head

KeyValues = list[tuple[torch.Tensor, torch.Tensor]]  # per layer (1, H, P, D)
MOVING_ROPE = {"dynamic", "longrope"}
KNOWN_LAYERS = {"full_attention", "sliding_attention"}


class Prefix(Cache):  # type: ignore[misc]  # transformers is untyped here
    """A trunk's keys and values before the tokens of every row: one copy, whatever the number of rows."""

    def __init__(self, before: KeyValues, *, keep: bool) -> None:
        super().__init__(layers=[])
        self.before, self.keep, self.kept = before, keep, list[tuple[torch.Tensor, torch.Tensor]]()

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        cache_kwargs: Any = None,  # noqa: ARG002 - positions, for caches that forget; before transformers 5.24
        kwargs: Any = None,  # noqa: ARG002 - what the layer was given, for the same purpose
        **others: Any,
    ) -> Any:
        """The keys and values of the whole path, (B, H, P + T, D)."""
        no_others("the cache", others)
        if self.before:
            rows = key_states.shape[0]
            key, value = (part.expand(rows, -1, -1, -1) for part in self.before[layer_idx])
            key_states, value_states = torch.cat([key, key_states], -2), torch.cat([value, value_states], -2)
        if self.keep:
            self.kept.append((key_states, value_states))
        return key_states, value_states

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Tokens before the rows."""
        return self.before[layer_idx][0].shape[-2] if self.before else 0

    def get_query_offset(self, layer_idx: int = 0) -> int:
        """The index of a row's first token among all it may see."""
        return self.get_seq_length(layer_idx)

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """How many tokens rows of `query_length` may see, and which is the first of them."""
        return self.get_seq_length(layer_idx) + query_length, 0


class Decoder:
    """A causal language model without its head, fed with rows of a prefix tree."""

    def __init__(self, model: Any) -> None:
        self.model, self.body = split(model)
        self.config = self.model.config.get_text_config()
        self.attention = self.config._attn_implementation
        if self.attention not in ("sdpa", "eager"):
            raise UnsupportedModelError(f"its attention is {self.attention}, which takes no mask of our own")
        given = getattr(self.config, "layer_types", None)
        kinds = set(given or ["full_attention"])
        if kinds - KNOWN_LAYERS:
            raise UnsupportedModelError(f"it has layers of kind {', '.join(sorted(kinds - KNOWN_LAYERS))}")
        if rope := _rope_types(self.config) & MOVING_ROPE:
            raise UnsupportedModelError(f"its rotary positions ({', '.join(rope)}) depend on a text's length")
        self.by_kind = "sliding_attention" in kinds
        if "local" in (getattr(self.config, "attention_layers", None) or ()):
            raise UnsupportedModelError("some of its layers see a window only (attention_layers: local)")
        self.window = _window(self.config) if self.by_kind or not given else None
        self.alibi = hasattr(self.body, "build_alibi_tensor")
        self.cache_argument = _cache_argument(self.body)
        self.head = Head.of(self.model)
        self.device: torch.device = self.body.get_input_embeddings().weight.device
        self.dtype: torch.dtype = next(p.dtype for p in self.body.parameters() if p.is_floating_point())
        # In half precision transformers' own XGLM rounds attention weights, torch's kernel does not: other numbers.
        exact = self.dtype in (torch.float32, torch.float64)
        self.fused = exact and any(type(module).__name__ == "XGLMAttention" for module in self.body.modules())

    @property
    def width(self) -> int:
        """The hidden size."""
        return int(self.config.hidden_size)

    @property
    def vocabulary(self) -> int:
        """How many tokens can be put in and come out."""
        words = int(self.body.get_input_embeddings().num_embeddings)
        return words if self.head.weight is None else min(words, len(self.head.weight))

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Scoring happens inside: no gradients, fused attention where transformers has none."""
        with torch.inference_mode(), fused_attention(self.body) if self.fused else nullcontext():
            yield

    def run(self, tokens: torch.Tensor, positions: torch.Tensor, ends: torch.Tensor, prefix: Prefix) -> torch.Tensor:
        """Hidden states of rows of the tree.

        tokens, positions, ends: (B, T); a token sees the prefix and those before it in its row whose subtree (up to
        `ends`, an index in the row) it is in. Returns (B, T, D).
        """
        length = prefix.get_seq_length()
        past = torch.arange(length, device=self.device).expand(len(tokens), -1)
        return self.attend(tokens, torch.cat([past, positions], 1), _visible(ends, length), prefix)

    def attend(self, tokens: torch.Tensor, places: torch.Tensor, seen: torch.Tensor, cache: Cache) -> torch.Tensor:
        """Hidden states of tokens whose rows go on from what `cache` holds.

        tokens: (B, T); places: (B, S) positions of all that the cache then returns, the T tokens last; seen: (B, T, S),
        which of these a token sees. Returns (B, T, D).
        """
        positions = places[:, -tokens.shape[1] :]  # (B, T)
        given: dict[str, Any] = {"input_ids": tokens, self.cache_argument: cache, "use_cache": True}
        near = seen
        if self.window is not None:
            near = seen & (positions[:, :, None] - places[:, None, :] < self.window)
        if self.by_kind:
            masks = {"full_attention": self._mask(seen), "sliding_attention": self._mask(near)}
            given["attention_mask"] = masks
        else:
            given["attention_mask"] = self._mask(near)
        hidden: torch.Tensor
        if self.alibi:
            with self._alibi(places):
                hidden = self.body(**given).last_hidden_state
        else:
            hidden = self.body(**given, position_ids=positions).last_hidden_state
        return hidden

    def _mask(self, seen: torch.Tensor) -> torch.Tensor:
        """(B, T, S) bool to what the model's attention takes, (B, 1, T, S)."""
        if self.attention == "sdpa" or self.fused:
            return seen[:, None]
        low = torch.finfo(self.dtype).min
        return torch.zeros_like(seen, dtype=self.dtype).masked_fill_(~seen, low)[:, None]

    @contextmanager
    def _alibi(self, places: torch.Tensor) -> Iterator[None]:
        """BLOOM computes ALiBi's distances from a two-dimensional mask; in a tree they come from the positions."""

        asked = []

        def build(_mask: Any, heads: int, dtype: torch.dtype) -> torch.Tensor:
            asked.append(heads)
            bias: torch.Tensor = original(
                torch.ones(1, 2, device=places.device), heads, torch.float32
            )  # slope * (0, 1)
            slopes = bias.reshape(heads, 2)[:, 1]
            return (slopes[None, :, None, None] * places[:, None, None, :]).flatten(0, 1).to(dtype)  # (B * H, 1, S)

        original = self.body.build_alibi_tensor
        self.body.build_alibi_tensor = build
        try:
            yield
        finally:
            del self.body.build_alibi_tensor
        if not asked:
            raise UnsupportedModelError("its attention's distances are not asked of build_alibi_tensor")


def _cache_argument(body: Any) -> str:
    """What a model calls the keys and values before its input: `cache`, before transformers 5.24 `past_key_values`."""
    known = inspect.signature(body.forward).parameters
    found = next((name for name in ("cache", "past_key_values") if name in known), None)
    if found is None:
        raise UnsupportedModelError("it takes no keys and values of earlier tokens (cache, past_key_values)")
    return found


def split(model: Any) -> tuple[Any, Any]:
    """A causal language model below its adapter if it has one, and its body without the output layer."""
    if getattr(model, "peft_config", None):
        if any(config.is_prompt_learning for config in model.peft_config.values()):
            raise UnsupportedModelError("its adapter puts virtual tokens before every text")
        model = model.get_base_model()
    if model.base_model is model or model.get_output_embeddings() is None:
        raise UnsupportedModelError("it has no separate body and output layer")
    return model, model.base_model


def _visible(ends: torch.Tensor, prefix: int) -> torch.Tensor:
    """Who sees whom: (B, T) ends of subtrees to (B, T, prefix + T) bool."""
    index = torch.arange(ends.shape[1], device=ends.device)
    own = (index[:, None] >= index[None, :]) & (index[:, None] < ends[:, None, :])
    before = own.new_ones((1, 1, 1)).expand(len(ends), ends.shape[1], prefix)
    return torch.cat([before, own], 2)


def _rope_types(config: Any) -> set[str]:
    """The kinds of rotary positions, which some models have one of per kind of layer."""
    given = getattr(config, "rope_parameters", None) or {}
    parts = [given, *(part for part in given.values() if isinstance(part, dict))]
    return {str(part["rope_type"]) for part in parts if "rope_type" in part}


def _window(config: Any) -> int | None:
    """Tokens a sliding-window layer sees, itself included; None where there is none."""
    window = getattr(config, "sliding_window", None)
    return int(window) if window and getattr(config, "use_sliding_window", True) else None
