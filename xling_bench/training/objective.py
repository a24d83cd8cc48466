"""What a method minimises: a recipe's table [method], whose keys the losses declare, and its weighted sum.

L = w * L_MCL + alpha * L_CIF + ...        (AFP, Eq. 4, where w = 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ValidationError, create_model, model_validator

from xling_bench.core.declare import Strict
from xling_bench.core.errors import DeclarationError, UsageError
from xling_bench.training.complaint import complaint
from xling_bench.training.losses import LOSSES, NEEDS, Learn, Loss, Mode, Need


@dataclass(frozen=True)
class Objective:
    """The losses of a method, those of weight 0 too."""

    losses: tuple[Loss, ...]

    @property
    def active(self) -> tuple[Loss, ...]:
        """Those with a weight above 0, which are run."""
        return tuple(loss for loss in self.losses if loss.weight)

    def needing(self, need: Need) -> list[Loss]:
        """The active ones that learn from this stream."""
        return [loss for loss in self.active if loss.needs == need]

    def settings(self) -> dict[str, object]:
        """What a run's folder records, {key of [method]: value}.

        A loss that is off unless a recipe gives it a weight is recorded only when it has one: a run that does not use
        it is the same run in a version without it.
        """
        recorded = [loss for loss in self.losses if loss.weight or type(loss)().weight]
        return {key: value for loss in recorded for key, value in loss.settings().items()}


class Method(Strict):
    """The objective. `mode` says what stands where nothing is set: `plain`, AFP's objective without its code's
    accidents; `code`, AFP's code to the last setting (commit 744a46e), of other tables too (`MODES`); `paper`, its
    equations to the letter. With Eq. 3 to the letter L_CIF is hundreds of times L_MCL (768 beside 3.3 on real data, a
    response being hundreds of tokens), and nobody has trained so: not the authors' code, and not the table of their
    paper that chooses alpha among 1, 1.5 and 2. The losses explain each other key (`training/losses/`).

    `learn`: `response`, or `text` for causal LM over prompt and response.
    """

    title: str = ""
    mode: Mode = "plain"
    learn: Learn = "response"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.objective()
        return self

    def objective(self) -> Objective:
        """The losses as they are set here."""
        given = {k: v for k, v in self.model_dump(exclude=set(Method.model_fields)).items() if v is not None}
        return Objective(tuple(loss.of(self.mode, given) for loss in LOSSES))


def _keys(losses: Sequence[type[Loss]]) -> dict[str, tuple[Any, None]]:
    """Pydantic's fields of the losses' keys; None, the default, is for what the mode says.

    Raises DeclarationError for a stream that there is not, a key that is another's, or a name that a log has for
    something else.
    """
    keys: dict[str, tuple[Any, None] | None] = dict.fromkeys(Method.model_fields)
    for loss in losses:
        if loss.name in ("total", "step", "epoch", "grad_norm", "learning_rate"):
            raise DeclarationError(f"losses/{loss.name}.py: a log has another number of this name; name it otherwise.")
        if (need := getattr(loss, "needs", None)) not in NEEDS:
            raise DeclarationError(f"losses/{loss.name}.py: needs: expected {' or '.join(NEEDS)}, got {need!r}.")
        for key, field in loss.keys().items():
            if key in keys:
                raise DeclarationError(f"losses/{loss.name}.py: method.{key} is another's key; name it otherwise.")
            declared = loss.model_fields[field]
            kind: Any = declared.annotation
            if declared.metadata:
                kind = Annotated[(kind, *declared.metadata)]
            keys[key] = (kind | None, None)
    return {key: field for key, field in keys.items() if field}


if TYPE_CHECKING:  # the losses' keys are known when their files have been read
    MethodPart = Method
else:
    MethodPart = create_model("MethodPart", __base__=Method, __doc__=Method.__doc__, **_keys(LOSSES))


def objective(**method: Any) -> Objective:
    """That of a table [method], by its keys: `objective(mode="paper", layer=2)`. Raises UsageError, naming the key."""
    try:
        return MethodPart(**method).objective()
    except ValidationError as error:
        raise UsageError(f"objective: {complaint(error, MethodPart)}") from error


PLAIN = objective()
CODE = objective(mode="code")
PAPER = objective(mode="paper")

# What a mode sets in other tables of a recipe than [method], unless they say otherwise.
MODES: dict[Mode, dict[str, dict[str, object]]] = {
    "plain": {},
    "code": {
        "model": {"untie": True},
        "run": {
            "rows": "glued", "label_special": True, "ends": False, "padding": "tokenizer", "pair_length": 512,
            "schedule": "log_warmup",
        },
    },
    "paper": {},
}  # fmt: skip

__all__ = ["CODE", "MODES", "NEEDS", "PAPER", "PLAIN", "MethodPart", "Objective", "objective"]
