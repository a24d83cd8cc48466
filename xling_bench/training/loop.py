"""The loop: transformers' Trainer over our step; logs are lines of JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, ProgressCallback

from xling_bench.core.errors import TrainingError
from xling_bench.training.callbacks import Board, Evaluate, JsonLog, Updated
from xling_bench.training.claim import BOARD, LOG
from xling_bench.training.examples import Batch, Examples, one
from xling_bench.training.losses import Loss
from xling_bench.training.pace import Run, arguments, warmup
from xling_bench.training.provenance import Record
from xling_bench.training.saving import SavingTrainer, last_whole
from xling_bench.training.schedules import scheduler
from xling_bench.training.step import AlignmentStep, Losses, Share, optimizer
from xling_bench.training.told import Bar

Early = tuple[Callable[[Any], dict[str, float]], int]


class AlignmentTrainer(SavingTrainer):
    """Trainer whose batches are whole updates, in order, so that no state of a data loader is needed to go on."""

    def __init__(
        self,
        step: AlignmentStep,
        examples: Examples,
        tokenizer: Any,
        folder: Path,
        run: Run,
        early: Early | None = None,
        record: Record | None = None,
    ) -> None:
        """early: (function of the model to named numbers, every how many updates); record: of what is learnt, written
        beside weights."""
        self.run, self.folder, self.record = run, folder, record
        self.best: Callable[[int], int | None] = lambda _: None  # of updates so far, whose checkpoint is spared
        self.unchecked: Losses | None = None
        self.last: Batch = []
        self.sums: dict[str, Any] = {}  # tensors, read when they are logged
        self.counted = 0  # updates that are in the sums
        args = arguments(folder, run)
        # A loss may leave parameters without a gradient, e.g. those of upper layers: replication must look for them.
        args.ddp_find_unused_parameters = not any(loss.every_parameter for loss in step.losses)
        args._n_gpu = min(args.n_gpu, 1)  # several accelerators are several processes, never threads (DataParallel)
        examples.count = run.steps * args.world_size  # an item is what one process takes for one update
        told = {loss.name: loss.unit for loss in step.losses}
        super().__init__(
            model=step,
            args=args,
            train_dataset=examples,
            data_collator=one,
            processing_class=tokenizer,
            optimizers=self._optimizers(step),
            callbacks=[Updated(), JsonLog(folder / LOG), Bar(told), *_board(folder)],
        )
        self.early = early
        if early is not None:
            self.add_callback(Evaluate(early[1]))
        for default in (PrinterCallback, ProgressCallback):  # one prints to stdout, which is for the model's path
            self.remove_callback(default)

    def _optimizers(self, step: AlignmentStep) -> tuple[Any, Any]:
        optimiser = optimizer(step.model, self.run.lr, self.run.weight_decay)
        return optimiser, scheduler(self.run.schedule, optimiser, warmup(self.run), self.run.steps)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:  # noqa: ARG002
        """Forward and backward of all parts of an update."""
        if self.record is not None:
            self.record.add(inputs)
        batch: Batch = [part.to(self.args.device) for part in inputs]
        step: AlignmentStep = self.accelerator.unwrap_model(model)
        self._check()
        self.last = batch
        shares = {loss.name: self._share(loss, batch) for loss in step.losses}
        model.train()
        total = torch.zeros((), device=self.args.device)
        with step.ready():
            for part in batch:
                losses: Losses = model(part.pairs, part.instructions, shares=shares)
                self.accelerator.backward(losses.total)
                total += losses.total.detach()
                self._add(losses, shares)
        self.counted += 1
        self.unchecked = Losses(total, losses.parts)
        return total

    def _share(self, loss: Loss, batch: Batch) -> Share:
        """What each part of an update counts for a loss: a mean over things is one over those of all parts.

        Of all processes, too: replication takes the mean of their gradients, so each divides by the mean of their
        counts, and N processes learn what one would from N times as much.
        """
        counts = [loss.count(part.rows(loss.needs)) for part in batch]
        if None in counts:
            return Share(factor=1 / len(batch))
        return Share(divisor=self._mean(sum(count or 0 for count in counts)) or None)

    def _mean(self, value: float | torch.Tensor) -> float:
        """Over the processes."""
        if self.accelerator.num_processes == 1:
            return float(value)
        given = torch.as_tensor(value, dtype=torch.float32, device=self.args.device)
        return float(self.accelerator.reduce(given, "mean"))

    def total(self, numbers: Sequence[int]) -> list[int]:
        """The sums over the processes."""
        if self.accelerator.num_processes == 1:
            return list(numbers)
        given = torch.tensor(list(numbers), dtype=torch.int64, device=self.args.device)
        return [int(number) for number in self.accelerator.reduce(given, "sum").tolist()]

    def _add(self, losses: Losses, shares: Mapping[str, Share]) -> None:
        self.sums["loss"] = self.sums.get("loss", 0.0) + losses.total.detach()
        for name, value in losses.parts.items():
            self.sums[name] = self.sums.get(name, 0.0) + shares[name].factor * value
        for name, value in losses.noted.items():
            self.sums[name] = self.sums.get(name, 0.0) + value / len(self.last)

    def _check(self) -> None:
        """Raise for a loss that was no number in the update before: by now it is known without waiting for it."""
        if self.unchecked is not None and (said := self.unchecked.broken()):
            raise TrainingError(
                f"update {self.state.global_step}: a loss is not a finite number ({said}), so the run stops and saves "
                f"nothing of it. Lower run.lr, or compute in float32. {last_whole(self.folder)}"
            )
        self.unchecked = None

    def check_weights(self) -> None:
        """The check for what is about to be saved: the last update may have broken weights that no loss has seen."""
        self._check()
        if self.record is not None:
            self.record.settle(self.total)
        step: AlignmentStep = self.accelerator.unwrap_model(self.model)
        batch: Batch = self.last or [part.to(self.args.device) for part in self.train_dataset[0]]
        step.eval()  # without dropout, so that no random number is used up
        with torch.no_grad(), step.ready():
            self.unchecked = step(batch[0].pairs, batch[0].instructions)
        self._check()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Trainer's numbers, and the parts of the loss, means since the last time."""
        self._check()
        if self.counted and "loss" in logs:  # not with what a development split gave
            logs |= {name: self._mean(value) / self.counted for name, value in self.sums.items()}
            self.sums, self.counted = {}, 0
        super().log(logs, start_time)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """What early evaluation says of the model, logged as `dev/<task>` after the losses of the same update."""
        self.control.should_evaluate = False  # it is done; the end of the run asks again
        if self.early is None:
            return {}
        step: AlignmentStep = self.accelerator.unwrap_model(self.model)
        found = {f"dev/{name}": value for name, value in self.early[0](step.model).items()}
        self.log(found)
        return found


def _board(folder: Path) -> list[Board]:
    return [Board(folder / BOARD)] if find_spec("tensorboard") is not None else []
