"""Contrastive learning against a queue of what a slow copy of the model said before (MoCo; InfoXLM's XLCO)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from xling_bench.training.losses.loss import Kept, Learn, Loss, Need
from xling_bench.training.pooling import Pooling, pool

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network
    from xling_bench.training.queue import Queue


class Momentum(Loss):
    """With q_i the model's vector of a sentence and k_i the slow copy's of its translation (He et al. 2020, Eq. 1; Chi
    et al. 2021, Eq. 6), cosine similarity and Q the queue of the k before:

        L = mean_i -log( e(q_i, k_i) / (sum_j e(q_i, k_j) + sum_{k in Q} e(q_i, k)) ),   e(q, k) = exp(sim(q, k) / tau)

    After an update the copy's weights become rate * their own + (1 - rate) * the model's, and the update's k enter the
    queue in place of the oldest. Many negatives are had without a large batch.

    layer        1 to the model's depth; the copy has these layers only. InfoXLM's code: 8 of 12
    pooling      see `pool`
    temperature  tau; MoCo's is 0.07, that of InfoXLM's code 0.25
    queue        how many k it holds (MoCo's 65,536; here fewer, for fewer pairs). It begins empty
    rate         MoCo's 0.999
    k that are of the same sentence as k_i, by its tokens, are no negatives of q_i. The other k of its part are, of all
    processes; those of an update's other parts (`run.parts`) only from the queue, from the next update on.
    """

    needs: ClassVar[Need] = "pairs"

    layer: int = 1
    pooling: Pooling = "mean"
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.05
    queue: Annotated[int, Field(ge=1)] = 4096
    rate: Annotated[float, Field(ge=0, le=1)] = 0.999

    @property
    def beside(self) -> Mapping[str, int | None]:
        """The copy of the lower layers."""
        return {"copy": self.layer}

    def begin(self, network: Network) -> Kept:
        """The slow copy and the empty queue."""
        from xling_bench.training.queue import Queue

        return Queue(network.copied(self.layer), self.layer, self.queue, self.rate)

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """A mean over the process's own q, which are as many everywhere: the mean of theirs is that of all."""
        (pairs,) = rows
        kept: Queue = network.kept[self.name]  # type: ignore[assignment] # what `begin` made
        vectors = pool(network.states(pairs, self.layer), pairs.counted, self.pooling)
        query = vectors.chunk(2)[0]  # (B, D)
        return kept.loss(query, pairs, self.pooling, self.temperature)

    @property
    def unit(self) -> str:
        """Cross-entropy of finding the translation."""
        return "nats per pair"

    def describe(self, layers: int, learn: Learn) -> str:
        """With queue and layer."""
        place = f"layer {self.layer} of {layers}, pooling {self.pooling}, temperature {self.temperature:g}"
        return f"contrastive loss against a queue of {self.queue:,} ({place}, copy at {self.rate:g})"
