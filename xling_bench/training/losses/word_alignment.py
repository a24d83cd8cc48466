"""Words that translate each other lie together in their contexts (Wu and Dredze 2020; Cao et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from xling_bench.training.losses.contrastive import Negatives, contrastive
from xling_bench.training.losses.loss import Learn, Loss, Need

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network


class WordAlignment(Loss):
    """With x_k and y_k the vectors of two linked words, the means of their tokens' states:

        by = "contrast":  the contrastive loss of all links of the batch, a word's negatives being the other links'
                          words (Wu and Dredze 2020)
        by = "distance":  L = mean over links and dimensions of (x_kd - y_kd)^2 (Cao et al. 2020, who sum)

    aligner      `dictionary`: words that [data] dictionaries link without doubt (`Linker`). `argmax`: tokens that are
                 each other's nearest by cosine at this layer, as the model is now (SimAlign's rule, Jalili Sabet et
                 al. 2020): no dictionary, but also no word that the model does not nearly know. Wu and
                 Dredze take fast_align over the corpus
    layer        1 to the model's depth
    temperature  of the contrast; the paper's 0.1
    negatives    `other_side` (its weak alignment), `both_sides` (its strong one)
    A batch without a link has loss 0. Words are told apart from those of their own process and part only.
    """

    needs: ClassVar[Need] = "pairs"

    aligner: Literal["dictionary", "argmax"] = "dictionary"
    by: Literal["contrast", "distance"] = "contrast"
    layer: int = 1
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    negatives: Negatives = "both_sides"

    @property
    def links(self) -> bool:
        """By a dictionary."""
        return self.aligner == "dictionary"

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """A mean over links."""
        from xling_bench.training.word_vectors import linked, nearest

        (pairs,) = rows
        states = network.states(pairs, self.layer)
        links = nearest(states, pairs) if self.aligner == "argmax" else pairs.linked()
        if not len(links):
            return states.sum() * 0.0
        one, other = linked(states, pairs, links)  # (K, D) each
        if self.by == "distance":
            return (one - other).square().mean()
        same = (links[:, None, 5] == links[:, 5]) | (links[:, None, 6] == links[:, 6])
        return contrastive(
            one, other, temperature=self.temperature, both_directions=True, negatives=self.negatives,
            equal=same.fill_diagonal_(False),
        )  # fmt: skip

    def noted(self, rows: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """Links of a dictionary per pair."""
        import torch

        (pairs,) = rows
        return {"word_links": torch.tensor(2 * len(pairs.linked()) / len(pairs.ids))} if self.links else {}

    def describe(self, layers: int, learn: Learn) -> str:
        """With what links words."""
        how = "contrast" if self.by == "contrast" else "squared distance"
        return f"{how} of words linked by {self.aligner} (layer {self.layer} of {layers})"
