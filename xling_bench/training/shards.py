"""Weights, gradients and optimiser states shared out over accelerators (FSDP2), as accelerate's configuration says.

`accelerate launch --config_file training/launch/fsdp2.yaml -m xling_bench train ...`: accelerate wraps the step, whose
layers are gathered one by one for forward and backward. What is written is the same as of one process: the whole model
in its own form. Optimiser states are as the configuration has them, a part for each process or one file.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import save_fsdp_optimizer  # type: ignore[import-untyped]
from torch.distributed.tensor import DTensor

from xling_bench.core.errors import OutputError
from xling_bench.training.checkpoint import STAGING, link_model, publish, settle
from xling_bench.training.loop import AlignmentTrainer
from xling_bench.training.pace import warmup
from xling_bench.training.schedules import scheduler
from xling_bench.training.step import AlignmentStep, optimizer


class ShardedTrainer(AlignmentTrainer):
    """The same training over shards."""

    optimizer: Any
    lr_scheduler: Any

    def _optimizers(self, step: AlignmentStep) -> tuple[None, None]:  # noqa: ARG002
        """Made later: sharding replaces the parameters."""
        return None, None

    def create_optimizer(self, model: Any = None) -> Any:  # noqa: ARG002
        """Ours, once; called before the step is sharded, and then given the shards."""
        if self.optimizer is None:
            self.optimizer = optimizer(self.model.model, self.run.lr, self.run.weight_decay)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:  # noqa: ARG002
        """Ours, once."""
        if self.lr_scheduler is None:
            self.lr_scheduler = scheduler(self.run.schedule, self.optimizer, warmup(self.run), self.run.steps)
        return self.lr_scheduler

    def whole(self) -> dict[str, torch.Tensor]:
        """The model's weights on the first process, gathered; all processes call it. A tied weight is there once."""
        own = {name for name, _ in (*self.model.named_parameters(), *self.model.named_buffers())}
        found = {}
        for name, value in self.model.state_dict().items():
            if name in own:
                full = value.full_tensor() if isinstance(value, DTensor) else value
                if self.args.should_save:  # the others only gather
                    found[name.removeprefix("model.")] = full.detach().cpu()
        return found

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """The whole model, by the first process."""
        weights = self.whole()
        if self.args.should_save:
            self._save(output_dir, weights)

    def _save_states(self, output_dir: str) -> None:
        plugin = self.accelerator.state.fsdp_plugin
        save_fsdp_optimizer(plugin, self.accelerator, self.optimizer, self.model, output_dir)
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / "scheduler.pt")

    def finish(self, folder: Path, step: int) -> None:
        """As that of one process, from gathered weights."""
        self.check_weights()
        staging, last = self.folder / STAGING, self.folder / f"checkpoint-{step}"
        weights = None if last.is_dir() else self.whole()
        if self.args.should_save:
            try:
                if weights is None:
                    link_model(last, staging)
                else:
                    self._save(str(staging), weights)
            except OSError as error:
                shutil.rmtree(staging, ignore_errors=True)
                raise OutputError(f"cannot write {folder}: {error}.") from error
            publish(staging, folder)
            settle(self.folder, self.run.keep, step, keep_optimizer=self.run.keep_optimizer)
        self.accelerator.wait_for_everyone()
