"""The next token's distribution stays near that of the model that training began with (Kullback-Leibler)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from xling_bench.training.losses.loss import Learn, LossToBase, Need

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network


class KlToBase(LossToBase):
    """L = mean over tokens to be learnt of sum_v P0(v | before) log(P0(v | before) / P(v | before)), in nats; >= 0.

    P0 is the base's: a second model in memory, in float32. Of instructions these are the tokens of responses. For
    decoders what L2 to the base's states is for encoders (Cao et al. 2020): a bound on what is forgotten.
    """

    needs: ClassVar[Need] = "instructions"
    every_parameter: ClassVar[bool] = True

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """Rows count as one batch; those with nothing to learn are not run. None in any is an error."""
        import torch

        from xling_bench.training.divergence import divergence

        base, sums = network.references.base(), []
        for part in [part for part in rows if len(part.places)] or [rows[0].learnt()]:
            now, then = network.states(part), base.states(part, [None])[0]
            hidden, before = (states.flatten(0, 1)[part.places] for states in (now, then))  # (M, D)
            sums.append(divergence(before, hidden, base.network.head, network.head, chunk=network.chunk))
        return torch.stack(sums).sum() / (divisor or self.count(rows))

    def count(self, rows: Sequence[Tokens]) -> int:
        """Tokens to be learnt."""
        return sum(len(part.places) for part in rows)

    @property
    def unit(self) -> str:
        """Divergence."""
        return "nats per token"

    def describe(self, layers: int, learn: Learn) -> str:
        """Of what."""
        return "divergence from the frozen base's next tokens"
