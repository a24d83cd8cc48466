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
        by = "distance":  L = mean over links and dimensions of (x_kd - y_kd)^2 (Cao et al. 2020, who sum); with
                          `argmax` the mean over pairs of their means over links, whose number is not known beforehand

    aligner      `dictionary`: words that [data] dictionaries link without doubt (`Linker`). `argmax`: tokens that are
                 each other's nearest by cosine at this layer, as the model is now (SimAlign's rule, Jalili Sabet et
                 al. 2020): no dictionary, but also no word that the model does not nearly know. Wu and
                 Dredze take fast_align over the corpus
    layer        1 to the model's depth
    temperature  of the contrast; the paper's 0.1
    negatives    `other_side` (its weak alignment), `both_sides` (its strong one)
    A batch without a link has loss 0. Links of an update's parts and processes weigh alike. Words are told apart from
    those of their own part of their own process only; with `argmax` each of these is then a mean by itself.
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
        """A mean over what `count` counts."""
        import torch

        from xling_bench.training.word_vectors import linked, nearest

        (pairs,) = rows
        states = network.states(pairs, self.layer)
        links = nearest(states, pairs) if self.aligner == "argmax" else pairs.linked()
        if not len(links):
            return states.sum() * 0.0
        one, other = linked(states, pairs, links)  # (K, D) each
        if self.by == "distance":
            far = (one - other).square().mean(1)  # (K,)
            if self.aligner == "argmax":
                far = far / torch.bincount(links[:, 0])[links[:, 0]]
            return far.sum() / (divisor or self.count(rows) or 1)
        same = (links[:, None, 5] == links[:, 5]) | (links[:, None, 6] == links[:, 6])
        found = contrastive(
            one, other, temperature=self.temperature, both_directions=True, negatives=self.negatives,
            equal=same.fill_diagonal_(False),
        )  # fmt: skip
        return found * (len(links) / divisor) if divisor else found

    def count(self, rows: Sequence[Tokens]) -> int | None:
        """Links of a dictionary. With `argmax` pairs, each of which has one or more, if links are no negatives."""
        if self.aligner == "dictionary":
            return sum(len(pairs.linked()) for pairs in rows)
        return sum(len(pairs.ids) // 2 for pairs in rows) if self.by == "distance" else None

    def noted(self, rows: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """Links of a dictionary per pair."""
        import torch

        (pairs,) = rows
        return {"word_links": torch.tensor(2 * len(pairs.linked()) / len(pairs.ids))} if self.links else {}

    @property
    def unit(self) -> str:
        """Cross-entropy of finding the other word, or a distance."""
        return "nats per link" if self.by == "contrast" else "squared distance"

    def describe(self, layers: int, learn: Learn) -> str:
        """With what links words."""
        how = "contrast" if self.by == "contrast" else "squared distance"
        return f"{how} of words linked by {self.aligner} (layer {self.layer} of {layers})"
