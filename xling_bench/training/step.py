"""One step of aligning after pre-training (AFP): both forward passes, the weighted sum of losses, the update.

    L = w * L_MCL + alpha * L_CIF        (Eq. 4, where w = 1)

The contrastive pass runs layers 1..l on both sides of all pairs at once; the instruction pass runs the output layer
only where a token is to be learnt. The backward pass is torch's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch

from xling_bench.errors import DataError, TrainingError, UsageError
from xling_bench.training.batches import Tokens
from xling_bench.training.model import Network
from xling_bench.training.objectives import CHUNK, Negatives, Per, SumLoss, contrastive, gathered, share, token_losses
from xling_bench.training.pooling import Pooling, pool


@dataclass(frozen=True)
class Objective:
    """What is minimised. Defaults are the loss of AFP's code; `PAPER` is the paper's, to the letter.

    What else its code does is not in here: an output layer of its own (`model.untie`), samples glued into blocks in
    which they see each other, labels on begin and end tokens of prompts, a contrastive gradient divided by the number
    of accelerators (`contrastive_weight`).

    layer               l, 1 to the model's depth; the first is best in both models the paper tried (Section 4.2.2)
    pooling             g. The code's scripts take `last`. The paper chose last or mean by development sets (Appendix
                        B.1), and does not say which for which model; its figures use mean
    temperature         tau
    both_directions     also from the positive's side (neither paper nor code)
    negatives           see `contrastive`: the code's are the other side's sentences, the paper's all others
    per                 see `share`: the code's instruction loss is a mean over tokens, Eq. 3 sums those of a sample
    gather              negatives come from all processes, as the code's do. Batches of one update that follow one
                        another (gradient accumulation) add none
    contrastive_weight  w. On W accelerators the code's gradient of L_MCL is 1/W of what it should be beside L_CIF (it
                        gathers vectors without their gradients, then averages), so 1/W reproduces it
    instruction_weight  alpha; the paper chose among 1, 1.5 and 2
    """

    layer: int = 1
    pooling: Pooling = "last"
    temperature: float = 0.05
    both_directions: bool = False
    negatives: Negatives = "other_side"
    per: Per = "token"
    gather: bool = True
    contrastive_weight: float = 1.0
    instruction_weight: float = 1.5

    def __post_init__(self) -> None:
        for name in ("contrastive_weight", "instruction_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name} must be a number of at least 0, got {getattr(self, name)}.")


CODE = Objective()
PAPER = replace(CODE, pooling="mean", negatives="both_sides", per="sample")


@dataclass(frozen=True)
class Losses:
    """Scalars of one step. `total` is what to minimise; the parts, before their weights, are to be read (no gradient).

    None is a part that was not asked for.
    """

    total: torch.Tensor
    contrastive: torch.Tensor | None
    instruction: torch.Tensor | None

    def broken(self) -> str:
        """The values, if one of them is not a finite number; else empty."""
        named = {"contrastive": self.contrastive, "instruction": self.instruction, "total": self.total}
        values = {name: float(value.detach()) for name, value in named.items() if value is not None}
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
    """Batches to losses. A module, so that what shards or replicates models can wrap both forward passes in one."""

    def __init__(
        self,
        model: Any,
        objective: Objective = CODE,
        *,
        autocast: torch.dtype | None = None,
        chunk: int = CHUNK,
        kernel: SumLoss | None = None,
    ) -> None:
        """autocast: None, or bfloat16 with float32 weights; chunk, kernel: see `token_losses`."""
        super().__init__()
        self.model = model
        self.network = Network(model)
        if objective.contrastive_weight:
            self.network.check(objective.layer)
        self.objective, self.autocast, self.chunk, self.kernel = objective, autocast, chunk, kernel

    def ready(self) -> AbstractContextManager[None]:
        """Forward and backward happen inside, see `Network.ready`."""
        return self.network.ready()

    def forward(
        self,
        pairs: Tokens | None,
        instructions: Sequence[Tokens] = (),
        *,
        divisor: float | None = None,
        contrastive_share: float = 1.0,
    ) -> Losses:
        """The losses of `pairs` (2B, T) and of `instructions`, whose parts, e.g. buckets, count as one batch.

        Either may be missing: L_MCL or L_CIF alone are ablations of the paper (Table 8). A part of weight 0 is not run.
        Where one update has several calls, `divisor` is the number of labelled tokens (`per="sample"`: samples) of all
        of them, and `contrastive_share` one over their number, since more calls do not make more negatives.
        """
        first = pairs if pairs is not None else instructions[0] if instructions else None
        wanted = self.objective
        mcl = cif = None
        if first is not None:
            kind = first.ids.device.type
            with torch.autocast(kind, dtype=self.autocast, enabled=self.autocast is not None):
                mcl = self._contrastive(pairs) if pairs is not None and wanted.contrastive_weight else None
                cif = self._instruction(instructions, divisor) if instructions and wanted.instruction_weight else None
        weighted = [] if mcl is None else [wanted.contrastive_weight * contrastive_share * mcl]
        weighted += [] if cif is None else [wanted.instruction_weight * cif]
        if not weighted:
            raise TrainingError(
                "The step has neither pairs nor instructions with a weight above 0: nothing to learn from."
            )
        return Losses(torch.stack(weighted).sum(), *(None if part is None else part.detach() for part in (mcl, cif)))

    def _contrastive(self, pairs: Tokens) -> torch.Tensor:
        if len(pairs.ids) % 2:
            raise DataError(f"Pairs are rows i and B + i of 2B, got {len(pairs.ids)} rows.")
        states = self.network.states(pairs, self.objective.layer)  # (2B, T, D)
        vectors = pool(states, pairs.counted, self.objective.pooling)  # (2B, D)
        anchor, positive = (gathered(side) if self.objective.gather else side for side in vectors.chunk(2))  # (B, D)
        return contrastive(
            anchor,
            positive,
            temperature=self.objective.temperature,
            both_directions=self.objective.both_directions,
            negatives=self.objective.negatives,
        )

    def _instruction(self, parts: Sequence[Tokens], divisor: float | None) -> torch.Tensor:
        sums = []
        for part in [part for part in parts if len(part.places)] or [parts[0].learnt()]:  # a bucket may have none
            hidden = self.network.states(part).flatten(0, 1)[part.places]  # (M, D)
            sums.append(token_losses(hidden, part.targets, self.network.head, chunk=self.chunk, kernel=self.kernel))
        tokens, samples = sum(len(part.places) for part in parts), sum(part.samples for part in parts)
        return torch.stack(sums).sum() / (divisor or share(tokens, samples, self.objective.per))


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
    optimiser.zero_grad(set_to_none=True)
    with step.ready():
        losses: Losses = step(pairs, instructions)
        torch.autograd.backward(losses.total)
    losses.check()
    norm = torch.nn.utils.clip_grad_norm_(step.parameters(), clip)
    if not bool(norm.isfinite()):
        raise TrainingError("The gradient is not finite though the losses are, and no weight was changed.")
    optimiser.step()
    return losses
