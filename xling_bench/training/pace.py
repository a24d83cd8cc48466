"""How long a run is and how fast it learns, and what transformers' Trainer is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import TrainingArguments

from xling_bench.training.recipe_parts import updates


@dataclass(frozen=True)
class Run:
    """How long and how: `steps` updates, learning rate `lr` along `schedule` after `warmup` (share of the steps,
    rounded up).

    AFP's code: lr 1e-5, no decay, cosine after 3 % warm-up, gradient norm at most 1. `save_every` and `log_every` are
    in updates; `keep` checkpoints stay (0: all), after the end with the optimiser's state only
    where `keep_optimizer`. `seed` is of dropout here; what is drawn had it before (`corpora`).
    """

    steps: int
    lr: float = 1e-5
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup: float = 0.03
    clip: float = 1.0
    seed: int = 0
    save_every: int = 500
    log_every: int = 10
    keep: int = 2
    keep_optimizer: bool = False
    extended: bool = False  # of a shorter one: the schedule is that of its new length from where it goes on


def warmup(run: Run) -> int:
    """In updates."""
    return updates(run.warmup, run.steps)


def arguments(folder: Path, run: Run) -> TrainingArguments:
    """What Trainer is told."""
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=run.steps,
        per_device_train_batch_size=1,
        max_grad_norm=run.clip,
        logging_steps=run.log_every,
        logging_nan_inf_filter=False,
        save_steps=run.save_every,
        seed=run.seed,
        report_to=[],
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        use_cpu=not torch.cuda.is_available(),
    )
