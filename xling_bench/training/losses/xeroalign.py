"""Translations' vectors are made the same by their squared distance (XeroAlign, Gritta and Iacobacci 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from xling_bench.training.losses.loss import Learn, Loss, Need
from xling_bench.training.pooling import Pooling, pool

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network


class Xeroalign(Loss):
    """L = mean over pairs and dimensions of (h(a)_d - h(p)_d)^2. Both sides learn; nothing keeps them from becoming one
    point but the loss beside it, as the paper's task loss does on its source side.

    layer    1 to the model's depth. The paper reads [CLS] of the last, which a causal model does not have
    pooling  see `pool`
    """

    needs: ClassVar[Need] = "pairs"

    layer: int = 1
    pooling: Pooling = "mean"

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """A mean over pairs, of which every part and process has as many: the mean of theirs is that of all."""
        (pairs,) = rows
        one, other = pairs.sides()
        vectors = pool(network.states(pairs, self.layer), pairs.counted, self.pooling)  # (2B, D)
        return (vectors[one] - vectors[other]).square().mean()

    @property
    def unit(self) -> str:
        """Of a dimension."""
        return "squared distance"

    def describe(self, layers: int, learn: Learn) -> str:
        """With layer and pooling."""
        return f"squared distance of translations (layer {self.layer} of {layers}, pooling {self.pooling})"
