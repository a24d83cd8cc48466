"""One step of training: the losses that a batch has rows for, their weighted sum, the update.

The backward pass is torch's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch

from xling_bench.core.errors import TrainingError
from xling_bench.scoring.decoder import split
from xling_bench.training.batches import Tokens
from xling_bench.training.losses import NEEDS
from xling_bench.training.model import Network
from xling_bench.training.objective import PLAIN, Objective
from xling_bench.training.references import References
from xling_bench.training.token_losses import CHUNK, SumLoss


@dataclass(frozen=True)
class Share:
    """How one of several parts of an update counts for a loss: by `factor`, its sum being divided by `divisor`."""

    factor: float = 1.0
    divisor: float | None = None


WHOLE = Share()


@dataclass(frozen=True)
class Losses:
    """Scalars of one step. `total` is what to minimise; the parts, before their weights, are to be read (no gradient).

    `parts`: {loss: value}, those only that were asked for and had rows. `noted`: what they say beside their values
    (`Loss.noted`).
    """

    total: torch.Tensor
    parts: Mapping[str, torch.Tensor]
    noted: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def broken(self) -> str:
        """The values, if one of them is not a finite number; else empty."""
        values = {name: float(value.detach()) for name, value in {**self.parts, "total": self.total}.items()}
        finite = bool(torch.tensor(list(values.values())).isfinite().all())
        return "" if finite else ", ".join(f"{name} {value:g}" for name, value in values.items())

    def check(self) -> Losses:
        """Itself, if all are finite numbers. Waits for the accelerator, so call it when the backward pass is queued."""
        if said := self.broken():
            raise TrainingError(
                f"A loss is not a finite number ({said}), and no weight was changed. The weights before this step or "
                "their precision are the usual reason: lower the learning rate, or start from an earlier checkpoint."
            )
        return self


class AlignmentStep(torch.nn.Module):
    """Batches to losses. A module, so that what shards or replicates models can wrap all forward passes in one."""

    def __init__(
        self,
        model: Any,
        objective: Objective = PLAIN,
        *,
        autocast: torch.dtype | None = None,
        chunk: int = CHUNK,
        kernel: SumLoss | None = None,
        references: References | None = None,
    ) -> None:
        """autocast: None, or bfloat16 with float32 weights; chunk, kernel: see `token_losses`; references: models that
        losses compare with, by default the model as it is now."""
        super().__init__()
        self.model = model
        self._no_split_modules = getattr(split(model)[0], "_no_split_modules", None)  # which layers FSDP shares out
        self.network = Network(model, chunk=chunk, kernel=kernel)
        self.losses, self.autocast = objective.active, autocast
        for loss in self.losses:
            loss.check_model(self.network.depth)
        self.network.references = references or References(model)
        kept = {loss.name: loss.begin(self.network) for loss in self.losses}
        self.network.kept = {name: found for name, found in kept.items() if found is not None}

    def ready(self) -> AbstractContextManager[None]:
        """Forward and backward happen inside, see `Network.ready`."""
        return self.network.ready()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """torch's, but that large gradients are set to zero where they are (`Buffers`)."""
        kept = [(weight, weight.grad) for weight in self.network.buffers.cleared()]
        super().zero_grad(set_to_none)
        for weight, gradient in kept:
            weight.grad = gradient

    def forward(
        self, pairs: Tokens | None, instructions: Sequence[Tokens] = (), *, shares: Mapping[str, Share] | None = None
    ) -> Losses:
        """The losses of `pairs` (2B, T) and of `instructions`, whose members, e.g. buckets, count as one batch.

        Either may be missing, and so is a loss that needs it. shares: of each loss, by name, where one update has
        several calls.
        """
        rows = {"pairs": [] if pairs is None else [pairs], "instructions": instructions}
        wanted = [loss for loss in self.losses if rows[loss.needs]]
        if not wanted:
            raise TrainingError(
                f"The step has neither {' nor '.join(NEEDS)} with a weight above 0: nothing to learn from."
            )
        share = {loss.name: (shares or {}).get(loss.name, WHOLE) for loss in wanted}
        kind = rows[wanted[0].needs][0].ids.device.type
        # One context for all: what it has cast is kept, and the gradients of all losses meet there.
        autocast = torch.autocast(kind, dtype=self.autocast, enabled=self.autocast is not None)
        with autocast, self.network.sharing():
            found = [(loss, loss(self.network, rows[loss.needs], share[loss.name].divisor)) for loss in wanted]
        weighted = [loss.weight * share[loss.name].factor * value for loss, value in found]
        noted = {name: value for loss in wanted for name, value in loss.noted(rows[loss.needs]).items()}
        return Losses(torch.stack(weighted).sum(), {loss.name: value.detach() for loss, value in found}, noted)

    def updated(self) -> None:
        """To be called after every update of the weights: what some losses keep follows them."""
        for kept in self.network.kept.values():
            kept.updated(self.network)

    def kept(self) -> dict[str, torch.Tensor]:
        """What losses keep between updates and a checkpoint must hold, `<loss>/<name>`."""
        return {f"{loss}/{key}": v for loss, kept in self.network.kept.items() for key, v in kept.state().items()}

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `kept` gave. Raises KeyError or RuntimeError where it is something else's."""
        for loss, kept in self.network.kept.items():
            own = {key.removeprefix(f"{loss}/"): value for key, value in state.items() if key.startswith(f"{loss}/")}
            kept.load(own)


def optimizer(model: torch.nn.Module, lr: float = 1e-5, weight_decay: float = 0.0) -> torch.optim.AdamW:
    """AdamW in one kernel, betas 0.9 and 0.999 (the paper's appendix); decay for matrices only, not norms or biases.

    A weight that is both embedding and output layer is one parameter, and occurs once.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=(0.9, 0.999), fused=True)


def update(
    step: AlignmentStep,
    optimiser: torch.optim.Optimizer,
    pairs: Tokens | None,
    instructions: Sequence[Tokens] = (),
    *,
    clip: float = 1.0,
) -> Losses:
    """Forward, backward, and one update with the gradient's norm at most `clip` (the code's 1.0; not in the paper).

    A loss or a gradient that is not finite raises TrainingError, and no weight is changed.
    """
    step.zero_grad()
    with step.ready():
        losses: Losses = step(pairs, instructions)
        torch.autograd.backward(losses.total)
    losses.check()
    norm = torch.nn.utils.clip_grad_norm_(step.parameters(), clip)
    if not bool(norm.isfinite()):
        raise TrainingError("The gradient is not finite though the losses are, and no weight was changed.")
    optimiser.step()
    step.updated()
    return losses
