"""Hidden states stay near those of the model that training began with, by squared distance (Cao et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from xling_bench.training.losses.loss import Learn, LossToBase, Need

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network


class L2ToBase(LossToBase):
    """L = mean over layers, tokens and dimensions of (h_l(t)_d - h0_l(t)_d)^2, of pairs' sentences.

    layer   the highest, 1 to the model's depth
    layers  `one`: that layer; `all`: layers 1 to it, too
    sides   `pivot`: sentences in the pivot language, which the others then come to (the paper keeps English, as here,
            and sums over words and dimensions); `both`
    The base is a second model in memory, in float32.
    """

    needs: ClassVar[Need] = "pairs"

    layer: Annotated[int, Field(ge=1)] = 1
    layers: Literal["one", "all"] = "one"
    sides: Literal["pivot", "both"] = "pivot"

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """A mean over the tokens that count in a sentence's vector."""
        import torch

        (pairs,) = rows
        wanted = range(1, self.layer + 1) if self.layers == "all" else [self.layer]
        before = network.references.base().states(pairs, wanted)
        mask = self._learnt(pairs)
        far = [
            (now[mask].float() - then[mask].float()).square().mean(1).sum()  # (tokens, D)
            for now, then in zip(network.several(pairs, list(wanted)), before, strict=True)
        ]
        return torch.stack(far).mean() / (divisor or self.count(rows))

    def count(self, rows: Sequence[Tokens]) -> int:
        """Tokens that count in a sentence's vector, of the sides asked for."""
        return sum(int(self._learnt(pairs).sum()) for pairs in rows)

    def _learnt(self, pairs: Tokens) -> torch.Tensor:
        """(2B, T) bool."""
        import torch

        if self.sides == "both":
            return pairs.counted
        asked = torch.zeros_like(pairs.counted)
        asked[pairs.sides()[0]] = True
        return pairs.counted & asked

    @property
    def unit(self) -> str:
        """Of a dimension."""
        return "squared distance"

    def describe(self, layers: int, learn: Learn) -> str:
        """With the layers."""
        which = f"layer {self.layer}" if self.layers == "one" else f"layers 1 to {self.layer}"
        return f"squared distance to the frozen base's states ({which} of {layers}, {self.sides})"
