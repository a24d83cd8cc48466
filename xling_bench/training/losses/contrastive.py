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
Pooled = Literal["text", "all"]
Equal = Literal["masked", "negatives"]


class Contrastive(Loss):
    """L_MCL: layers 1..l are run on both sides of all pairs at once, the layers above not at all.

    weight          w
    layer           l, 1 to the model's depth; the first is best in both models the paper tried (Section 4.2.2)
    pooling         g. The code's scripts take the last token, found so that it is the last only where padding is on
                    the right (`last_by_count`). The paper chose last or mean by development sets (Appendix B.1), and
                    does not say which for which model; its figures use mean
    pooled_tokens   what counts in a vector: `text`, not what the tokenizer adds (begin, end and other special tokens),
                    or `all` that is not padding, as in the code
    temperature     tau
    both_directions also from the positive's side (neither paper nor code)
    negatives       see `contrastive`: the code's are the other side's sentences, the paper's all others. Those that
                    are seen together: `run.pairs / run.parts` pairs, of all processes with `gather`, else of each
                    `run.pairs / (run.parts x processes)`
    equal_texts     two pairs of a batch that share a text, on whichever side, mean the same: `masked`, neither is the
                    other's negative; `negatives`, as in the code, where a text is drawn away from itself. Their share
                    of all pairs is logged as `equal_pairs` in either case. Texts are the model's: tokens up to
                    `run.pair_length`. Such that differ beyond it, or in unknown words only, have one vector and are one
    gather          negatives come from all processes, as the code's do. Parts of one update that follow one another
                    (`run.parts`, gradient accumulation) add none
    gather_gradient vectors of other processes have their gradient. The code's have not (SimCSE's way), while gradients
                    are averaged over the processes: on W of them L_MCL counts 1/W beside L_CIF
    """

    needs: ClassVar[Need] = "pairs"
    short_keys: ClassVar[bool] = True
    code: ClassVar[Mapping[str, Any]] = {
        "pooling": "last_by_count", "pooled_tokens": "all", "equal_texts": "negatives", "gather_gradient": False,
    }  # fmt: skip
    paper: ClassVar[Mapping[str, Any]] = {"pooling": "mean", "negatives": "both_sides", "equal_texts": "negatives"}

    weight: Weight = 1.0
    layer: int = 1
    pooling: Pooling = "last"
    pooled_tokens: Pooled = "text"
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.05
    both_directions: bool = False
    negatives: Negatives = "other_side"
    equal_texts: Equal = "masked"
    gather: bool = True
    gather_gradient: bool = True

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """See `contrastive`."""
        from xling_bench.training.gather import gathered

        (pairs,) = rows
        if len(pairs.ids) % 2:
            raise DataError(f"Pairs are rows i and B + i of 2B, got {len(pairs.ids)} rows.")
        tokens = pairs.mask if self.pooled_tokens == "all" and pairs.mask is not None else pairs.counted
        vectors = pool(network.states(pairs, self.layer), tokens, self.pooling)  # (2B, T, D) -> (2B, D)
        anchor, positive = (
            gathered(side, gradient=self.gather_gradient) if self.gather else side for side in vectors.chunk(2)
        )  # (B, D)
        return contrastive(
            anchor,
            positive,
            temperature=self.temperature,
            both_directions=self.both_directions,
            negatives=self.negatives,
            equal=self._equal(pairs) if self.equal_texts == "masked" else None,
            margin=getattr(self, "margin", 0.0),
        )

    def noted(self, rows: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """The share of pairs that have a text, as the model sees it, in common with another one, among those they are
        told apart from."""
        equal = self._equal(rows[0])
        return {} if equal is None else {"equal_pairs": equal.any(1).float().mean()}

    def _equal(self, pairs: Tokens) -> torch.Tensor | None:
        """(B, B) bool of the gathered batch: which pairs share a text; None where rows have no texts."""
        from xling_bench.training.gather import gathered

        if pairs.texts is None:
            return None
        anchor, positive = (gathered(side) if self.gather else side for side in pairs.texts.chunk(2))  # (B,)
        found = (anchor[:, None] == anchor) | (positive[:, None] == positive)
        crossed = anchor[:, None] == positive
        return (found | crossed | crossed.T).fill_diagonal_(False)

    def check_batch(self, rows: int, processes: int) -> None:
        """One pair has nothing to be told apart from."""
        if rows * (processes if self.gather else 1) < 2:
            raise UsageError(
                "run.pairs: with one pair seen at once (run.pairs / run.parts, over all processes with method.gather) "
                "the contrastive loss is 0 and teaches nothing; give more, or fewer parts."
            )

    @property
    def unit(self) -> str:
        """Cross-entropy of finding the translation."""
        return "nats per pair"

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
    equal: torch.Tensor | None = None,
    margin: float = 0.0,
) -> torch.Tensor:
    """Multilingual contrastive loss (AFP, Eq. 2), a float32 scalar >= 0; lower is better.

    anchor, positive: (B, D), row i of each a translation of the other. With cosine similarity and temperature tau,

        L = mean_i -log( exp(sim(a_i, p_i) / tau) / sum_{h in H_i} exp(sim(a_i, h) / tau) )

    negatives: `other_side`: H_i = {p_1..p_B} (AFP's code); `both_sides`: also every a_j, j != i, "the other sentences
        in the same batch" (the paper, Section 3.1).
    equal: (B, B) bool, symmetric, False on its diagonal: pairs j that are no negatives of pair i, with either side.
    both_directions: the mean of L(anchor, positive) and L(positive, anchor). Neither the paper nor its code does so.
    margin: sim(a_i, p_i) - margin stands for sim(a_i, p_i), above and below (additive margin softmax; not AFP's).
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
        loss = _one_direction(a, p, temperature, negatives, equal, margin)
        if both_directions:
            loss = (loss + _one_direction(p, a, temperature, negatives, equal, margin)) / 2
    return loss


def _one_direction(
    a: torch.Tensor,
    p: torch.Tensor,
    temperature: float,
    negatives: Negatives,
    equal: torch.Tensor | None,
    margin: float,
) -> torch.Tensor:
    import torch
    from torch.nn.functional import cross_entropy

    scores = a @ p.T / temperature  # (B, B)
    if margin:
        scores = scores - torch.eye(len(a), device=a.device) * (margin / temperature)
    truth = torch.arange(len(a), device=a.device)
    if negatives == "both_sides":
        own = (a @ a.T / temperature).fill_diagonal_(-torch.inf)
        scores = torch.cat([scores, own], 1)  # (B, 2B)
    if equal is not None:
        scores = scores.masked_fill(equal.repeat(1, scores.shape[1] // len(equal)), -torch.inf)
    return cross_entropy(scores, truth)
