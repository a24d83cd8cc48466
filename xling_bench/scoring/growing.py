"""Keys and values of rows that grow by a token at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers.cache_utils import Cache

from xling_bench.scoring.decoder import KeyValues
from xling_bench.scoring.fused import no_others
from xling_bench.scoring.two_part import Both, share, whole

if TYPE_CHECKING:
    import torch


class Rows(Cache):  # type: ignore[misc]  # transformers is untyped here
    """Keys and values of `rows` texts after a prefix `before` them all, with `room` slots for each text's own tokens.

    Texts end in the same slot: shorter ones begin later. What is computed goes to the slots from `begin` on of the
    texts from `first` to `last`, and sees theirs from `left` on. With `apart`, the attention takes the prefix by
    itself (`two_part`); else each text gets a copy of it, every time.
    """

    def __init__(self, before: KeyValues, rows: int, room: int, *, apart: bool) -> None:
        super().__init__(layers=[])
        self.before, self.rows, self.room, self.apart = before, rows, room, apart
        self.own: list[Both] = []  # by layer (H, B, room, D): heads first, so that a prefix's heads meet them uncopied
        self.first, self.last, self.left, self.begin = 0, rows, 0, 0

    def place(self, first: int, last: int, left: int, begin: int) -> None:
        """Where the next tokens go."""
        self.first, self.last, self.left, self.begin = first, last, left, begin

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        cache_kwargs: Any = None,  # noqa: ARG002 - positions, for caches that forget; before transformers 5.24
        kwargs: Any = None,  # noqa: ARG002 - what the layer was given, for the same purpose
        **others: Any,
    ) -> Any:
        """Keys and values of all that the new tokens may see: (B, H, P + S, D), or what stands for them."""
        no_others("the cache", others)
        if layer_idx == len(self.own):
            # Zeros: what is masked is multiplied by nothing, which must not be no number.
            self.own.append((self._empty(key_states), self._empty(value_states)))
        end = self.begin + key_states.shape[2]
        found = []
        for kept, new in zip(self.own[layer_idx], (key_states, value_states), strict=True):
            kept[:, self.first : self.last, self.begin : end] = new.transpose(0, 1)
            found.append(kept[:, self.first : self.last, self.left : end].transpose(0, 1))  # (B, H, S, D)
        own = found[0], found[1]
        if not self.before:
            return own
        shared = share(own, self.before[layer_idx])
        return shared if self.apart else whole(*shared)

    def _empty(self, like: torch.Tensor) -> torch.Tensor:
        return like.new_zeros(like.shape[1], self.rows, self.room, like.shape[3])

    def keep(self, rows: torch.Tensor, end: int) -> None:
        """Only these texts go on; their slots are filled up to `end`."""
        self.rows = len(rows)
        for layer, both in enumerate(self.own):
            kept = []
            for part in both:
                new = part.new_zeros(part.shape[0], self.rows, self.room, part.shape[3])
                new[:, :, :end] = part[:, :, :end].index_select(1, rows)
                kept.append(new)
            self.own[layer] = kept[0], kept[1]

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002 - all layers hold the same
        """Tokens before those that come next."""
        return (self.before[0][0].shape[-2] if self.before else 0) + self.begin - self.left

    def get_query_offset(self, layer_idx: int = 0) -> int:
        """The index of the next token among all it may see."""
        return self.get_seq_length(layer_idx)

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """How many tokens the next `query_length` may see, and which is the first of them."""
        return self.get_seq_length(layer_idx) + query_length, 0
