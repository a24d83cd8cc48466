"""Translation ranking with an additive margin, both ways (LaBSE, Feng et al. 2022; Yang et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from xling_bench.training.losses.contrastive import Contrastive
from xling_bench.training.losses.loss import Learn, Weight
from xling_bench.training.pooling import Pooling


class Labse(Contrastive):
    """The contrastive loss in which a translation must be nearer than every other sentence by `margin`:

        L = mean_i -log( exp((sim(a_i, p_i) - m) / tau) / (exp((sim(a_i, p_i) - m) / tau)
                         + sum_{j != i} exp(sim(a_i, p_j) / tau)) ),   and the same from p to a; their mean

    margin  m, of cosines; the paper's 0.3
    Layer, pooling and temperature are not the paper's, which reads the last layer's [CLS]: a causal model has none.
    LaBSE adds both directions, which is twice the mean here.
    """

    short_keys: ClassVar[bool] = False
    code: ClassVar[Mapping[str, Any]] = {}
    paper: ClassVar[Mapping[str, Any]] = {}

    weight: Weight = 0.0
    pooling: Pooling = "mean"
    both_directions: bool = True
    margin: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.3

    def describe(self, layers: int, learn: Learn) -> str:
        """With the margin."""
        place = f"layer {self.layer} of {layers}, pooling {self.pooling}"
        return f"translation ranking with additive margin {self.margin:g} ({place}, temperature {self.temperature:g})"
