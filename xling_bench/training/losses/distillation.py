"""Both sides of a pair learn the vector that a model which stays as it is has of the pivot side (mSBERT)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from xling_bench.core.errors import UsageError
from xling_bench.training.losses.loss import Kept, Learn, Loss, Need
from xling_bench.training.pooling import Pooling, pool

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network
    from xling_bench.training.references import Frozen


class Distillation(Loss):
    """With the teacher's vector t_i of the sentence in the pivot language and the model's of both sides (Reimers and
    Gurevych 2020, Eq. 1, divided by twice the dimensions, as sentence-transformers' MSELoss does):

        L = mean over i, d of ((h(pivot_i)_d - t_id)^2 + (h(other_i)_d - t_id)^2) / 2

    teacher        a model's folder or hub name; empty: the run's own base. A second model in memory, in float32
    layer          of the model that learns, 1 to its depth
    teacher_layer  of the teacher; 0: the same number
    pooling        of both
    sides          `both`, or `other`: the sentence that is not in the pivot language only
    """

    needs: ClassVar[Need] = "pairs"

    teacher: str = ""
    layer: int = 1
    teacher_layer: int = 0
    pooling: Pooling = "mean"
    sides: Literal["both", "other"] = "both"

    @property
    def beside(self) -> Mapping[str, int | None]:
        """The teacher."""
        return {self.teacher or "base": None}

    @property
    def teachers(self) -> tuple[str, ...]:
        """The one that is not the base."""
        return (self.teacher,) if self.teacher else ()

    def begin(self, network: Network) -> Kept | None:
        """The teacher is loaded."""
        self._teacher(network)
        return None

    def _teacher(self, network: Network) -> Frozen:
        return network.references.teacher(self.teacher) if self.teacher else network.references.base()

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """A mean over pairs, of which every part and process has as many: the mean of theirs is that of all."""
        (pairs,) = rows
        one, other = pairs.sides()
        teacher = self._teacher(network)
        asked = teacher.own(pairs)
        asked = asked.taken(one)
        (states,) = teacher.states(asked, [self.teacher_layer or self.layer])
        truth = pool(states, asked.counted, self.pooling)  # (B, D)
        vectors = pool(network.states(pairs, self.layer), pairs.counted, self.pooling)  # (2B, D)
        far = (vectors[other] - truth).square().mean()
        return far if self.sides == "other" else (far + (vectors[one] - truth).square().mean()) / 2

    def check_references(self, config: Any, *, trust_remote_code: bool) -> None:
        """The teacher's vectors must have the model's width, and the layer must be there."""
        from xling_bench.models.pretrained import load_config

        text = config.get_text_config()
        if self.teacher:
            other = load_config(self.teacher, None, trust_remote_code=trust_remote_code).get_text_config()
            if other.hidden_size != text.hidden_size:
                raise UsageError(
                    f"method.distillation_teacher: {self.teacher} has vectors of {other.hidden_size} dimensions, the "
                    f"model of {text.hidden_size}; expected a teacher of the model's own width."
                )
            text = other
        wanted, layers = self.teacher_layer or self.layer, int(text.num_hidden_layers)
        if not 1 <= wanted <= layers:
            raise UsageError(
                f"method.distillation_teacher_layer: the teacher has layers 1 to {layers}; there is no layer {wanted}."
            )

    @property
    def unit(self) -> str:
        """Of a dimension."""
        return "squared distance"

    def describe(self, layers: int, learn: Learn) -> str:
        """With the teacher."""
        teacher = self.teacher or "the frozen base"
        return f"distance to {teacher}'s pivot side (layer {self.layer} of {layers}, pooling {self.pooling})"
