"""The cost of moving one sentence's states to its translation's (optimal transport; WordOT, Alqahtani et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from xling_bench.training.losses.loss import Learn, Loss, Need

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network


class Transport(Loss):
    """For a pair of n and m tokens with states x_s, y_t and costs C_st = 1 - cos(x_s, y_t):

        L = mean over pairs of sum_st T_st C_st,   T = argmin over T >= 0 with T 1 = 1/n, T' 1 = 1/m
                                                       of sum_st T_st C_st + epsilon sum_st T_st log T_st

    so that no word aligner is needed: T is soft, and found anew in each step (Sinkhorn). The gradient is that of C
    with T as it is, which is the whole gradient of the regularised minimum (Danskin). 0 to 2.

    Tokens are the units and weigh alike; the paper's are words. epsilon and the number of iterations are ours: at 0.1
    and 50 a row's sum is right to 1 % or better for states whose cosines span 0 to 1.

    layer       1 to the model's depth
    epsilon     of the entropy, in units of cost; the smaller, the nearer to one token each, and the slower
    iterations  of Sinkhorn's algorithm
    """

    needs: ClassVar[Need] = "pairs"

    layer: int = 1
    epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    iterations: Annotated[int, Field(ge=1, le=10_000)] = 50

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """A mean over pairs, of which every part and process has as many: the mean of theirs is that of all."""
        import torch
        from torch.nn.functional import normalize

        from xling_bench.training.sinkhorn import plan

        (pairs,) = rows
        one, other = pairs.sides()
        states = network.states(pairs, self.layer)
        with torch.autocast(states.device.type, enabled=False):
            directions = normalize(states.float(), dim=-1)
            cost = 1 - directions[one] @ directions[other].transpose(1, 2)  # (B, T, T)
            moved = plan(cost.detach(), pairs.counted[one], pairs.counted[other], self.epsilon, self.iterations)
            return (moved * cost).sum((1, 2)).mean()

    @property
    def unit(self) -> str:
        """1 - cosine, moved."""
        return "cosine distance moved"

    def describe(self, layers: int, learn: Learn) -> str:
        """With layer and epsilon."""
        return f"transport between translations' tokens (layer {self.layer} of {layers}, epsilon {self.epsilon:g})"
