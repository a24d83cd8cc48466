"""Learning rates over the updates of a run."""

from __future__ import annotations

import math
from typing import Any

import torch
import transformers


def scheduler(name: str, optimiser: torch.optim.Optimizer, warmup: int, steps: int) -> Any:
    """transformers' schedule of this name, or `log_warmup`, of an optimiser; `warmup` and `steps` are updates."""
    if name == "log_warmup":
        return torch.optim.lr_scheduler.LambdaLR(optimiser, LogWarmup(warmup, steps))
    return transformers.get_scheduler(name, optimiser, warmup, steps)


class LogWarmup:
    """The factor of update u, from 0: 1 for the first, log(u) / log(warmup) up to `warmup`, then linear to 0.

    What AFP's code has under DeepSpeed's ZeRO (data/config/ds_zero*.json: `WarmupDecayLR`, which wins over the cosine
    that its script asks for), with the version it pins, 0.10.0: there the schedule is applied after an update only, so
    that the first one has the full rate, and the second, log(1), none.
    """

    def __init__(self, warmup: int, steps: int) -> None:
        self.warmup, self.steps = max(2, warmup), steps

    def __call__(self, update: int) -> float:
        if update == 0:
            return 1.0
        done = update - 1
        if done < self.warmup:
            return math.log(done + 1) / math.log(self.warmup)
        return max(0.0, (self.steps - done) / max(1, self.steps - self.warmup))


def anew(schedule: Any) -> None:
    """Give the optimiser the rates that the schedule has now: those that were loaded may be another length's."""
    inner = getattr(schedule, "scheduler", schedule)  # accelerate's holds torch's
    rates = [base * of(inner.last_epoch) for base, of in zip(inner.base_lrs, inner.lr_lambdas, strict=True)]
    for group, rate in zip(inner.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    inner._last_lr = rates  # what is logged next
