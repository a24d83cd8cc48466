"""Multilingual contrastive learning: translations' hidden states at a layer are drawn together (AFP, Eq. 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from xling_bench.core.errors import DataError, UsageError
from xling_bench.training.losses.loss import Learn, Loss, Need, Weight
from xling_bench.training.pooling import Pooling, pool

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network

Negatives = Literal["other_side", "both_sides"]


class Contrastive(Loss):
    """L_MCL: layers 1..l are run on both sides of all pairs at once, the layers above not at all.

    weight          w. On W accelerators AFP's code's gradient of L_MCL is 1/W of what it should be beside L_CIF (it
                    gathers vectors without their gradients, then averages), so 1/W reproduces it
    layer           l, 1 to the model's depth; the first is best in both models the paper tried (Section 4.2.2)
    pooling         g. The code's scripts take `last`. The paper chose last or mean by development sets (Appendix
                    B.1), and does not say which for which model; its figures use mean
    temperature     tau
    both_directions also from the positive's side (neither paper nor code)
    negatives       see `contrastive`: the code's are the other side's sentences, the paper's all others. Those that
                    are seen together: `run.pairs / run.parts` pairs, of all processes with `gather`, else of each
                    `run.pairs / (run.parts x processes)`
    gather          negatives come from all processes, as the code's do. Parts of one update that follow one another
                    (`run.parts`, gradient accumulation) add none
    """

    needs: ClassVar[Need] = "pairs"
    paper: ClassVar[Mapping[str, Any]] = {"pooling": "mean", "negatives": "both_sides"}

    weight: Weight = 1.0
    layer: int = 1
    pooling: Pooling = "last"
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.05
    both_directions: bool = False
    negatives: Negatives = "other_side"
    gather: bool = True

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """See `contrastive`."""
        from xling_bench.training.gather import gathered

        (pairs,) = rows
        if len(pairs.ids) % 2:
            raise DataError(f"Pairs are rows i and B + i of 2B, got {len(pairs.ids)} rows.")
        vectors = pool(network.states(pairs, self.layer), pairs.counted, self.pooling)  # (2B, T, D) -> (2B, D)
        anchor, positive = (gathered(side) if self.gather else side for side in vectors.chunk(2))  # (B, D)
        return contrastive(
            anchor,
            positive,
            temperature=self.temperature,
            both_directions=self.both_directions,
            negatives=self.negatives,
        )

    def check_model(self, layers: int) -> None:
        """The layer must be there."""
        if not 1 <= self.layer <= layers:
            raise UsageError(f"method.layer: the model has layers 1 to {layers}; there is no layer {self.layer}.")

    def check_batch(self, rows: int, processes: int) -> None:
        """One pair has nothing to be told apart from."""
        if rows * (processes if self.gather else 1) < 2:
            raise UsageError(
                "run.pairs: with one pair seen at once (run.pairs / run.parts, over all processes with method.gather) "
                "the contrastive loss is 0 and teaches nothing; give more, or fewer parts."
            )

    def describe(self, layers: int, learn: Learn) -> str:
        """With layer, pooling and temperature."""
        return (
            f"contrastive loss (layer {self.layer} of {layers}, pooling {self.pooling}, "
            f"temperature {self.temperature:g})"
        )


def contrastive(
    anchor: torch.Tensor,
    positive: torch.Tensor,
    *,
    temperature: float = 0.05,
    both_directions: bool = False,
    negatives: Negatives = "other_side",
) -> torch.Tensor:
    """Multilingual contrastive loss (AFP, Eq. 2), a float32 scalar >= 0; lower is better.

    anchor, positive: (B, D), row i of each a translation of the other. With cosine similarity and temperature tau,

        L = mean_i -log( exp(sim(a_i, p_i) / tau) / sum_{h in H_i} exp(sim(a_i, h) / tau) )

    negatives: `other_side`: H_i = {p_1..p_B} (AFP's code); `both_sides`: also every a_j, j != i, "the other sentences
        in the same batch" (the paper, Section 3.1).
    both_directions: the mean of L(anchor, positive) and L(positive, anchor). Neither the paper nor its code does so.
    One pair has nothing to be told apart from: its loss is 0, and so is its gradient (with `both_sides` too).

    Always float32, whatever autocast says: at temperature 0.05, bfloat16's rounding moves logits by up to 0.06.
    """
    import torch
    from torch.nn.functional import normalize

    if anchor.shape != positive.shape or anchor.dim() != 2 or not len(anchor):
        raise UsageError(
            f"Contrastive loss takes two tensors of one shape (B, D), B > 0, got {(*anchor.shape,)} and "
            f"{(*positive.shape,)}."
        )
    if not temperature > 0:
        raise UsageError(f"The temperature must be above 0, got {temperature}.")
    if negatives not in ("other_side", "both_sides"):
        raise UsageError(f"Negatives are other_side or both_sides, got {negatives!r}.")
    with torch.autocast(anchor.device.type, enabled=False):
        a, p = normalize(anchor.float(), dim=-1), normalize(positive.float(), dim=-1)
        loss = _one_direction(a, p, temperature, negatives)
        if both_directions:
            loss = (loss + _one_direction(p, a, temperature, negatives)) / 2
    return loss


def _one_direction(a: torch.Tensor, p: torch.Tensor, temperature: float, negatives: Negatives) -> torch.Tensor:
    import torch
    from torch.nn.functional import cross_entropy

    scores = a @ p.T / temperature  # (B, B)
    truth = torch.arange(len(a), device=a.device)
    if negatives == "both_sides":
        own = (a @ a.T / temperature).fill_diagonal_(-torch.inf)
        scores = torch.cat([scores, own], 1)  # (B, 2B)
    return cross_entropy(scores, truth)
