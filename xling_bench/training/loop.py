"""The loop: transformers' Trainer over our step; checkpoints are whole or absent, logs are lines of JSON."""

from __future__ import annotations

import json
import math
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainingArguments

from xling_bench.core.errors import ModelError, OutputError, TrainingError, reason_of
from xling_bench.results.lineage import FILE
from xling_bench.training.callbacks import Bar, Board, Evaluate, JsonLog, Updated
from xling_bench.training.checkpoint import (
    MEND,
    STAGING,
    can_go_on,
    checkpoints,
    link_model,
    publish,
    rotate,
    seal,
    settle,
)
from xling_bench.training.claim import BOARD, LOG
from xling_bench.training.examples import Batch, Examples, one
from xling_bench.training.lora import ADAPTER, is_adapted, load_adapter, merged, save_adapter
from xling_bench.training.losses import Loss
from xling_bench.training.provenance import Record
from xling_bench.training.schedules import anew, scheduler
from xling_bench.training.step import AlignmentStep, Losses, Share, optimizer

UNREADABLE = (
    safetensors.SafetensorError, pickle.UnpicklingError, EOFError, OSError, RuntimeError, KeyError, ValueError,
    TypeError,
)  # fmt: skip
KEPT = "losses.safetensors"  # in a checkpoint: what losses keep between updates
Early = tuple[Callable[[Any], dict[str, float]], int]


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


class AlignmentTrainer(Trainer):  # type: ignore[misc] # transformers is not followed
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
        args = _arguments(folder, run)
        # A loss may leave parameters without a gradient, e.g. those of upper layers: replication must look for them.
        args.ddp_find_unused_parameters = not any(loss.every_parameter for loss in step.losses)
        args._n_gpu = min(args.n_gpu, 1)  # several accelerators are several processes, never threads (DataParallel)
        examples.count = run.steps * args.world_size  # an item is what one process takes for one update
        super().__init__(
            model=step,
            args=args,
            train_dataset=examples,
            data_collator=one,
            processing_class=tokenizer,
            optimizers=self._optimizers(step),
            callbacks=[Updated(), JsonLog(folder / LOG), Bar([loss.name for loss in step.losses]), *_board(folder)],
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
                f"nothing of it. Lower run.lr, or compute in float32. {_last(self.folder)}"
            )
        self.unchecked = None

    def _try(self) -> None:
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

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Written aside by Trainer, then published; the old ones go only then."""
        self._try()
        staging, output = self.folder / STAGING, self.args.output_dir
        name = f"checkpoint-{self.state.global_step}"
        self.args.output_dir = str(staging)
        try:
            super()._save_checkpoint(model, trial)
        except Exception as error:  # for a full disk safetensors, torch and tokenizers raise each its own
            shutil.rmtree(staging, ignore_errors=True)
            raise OutputError(
                f"cannot write {self.folder / name}: {error}. {_last(self.folder)} Make room, then start it again."
            ) from error
        finally:
            self.args.output_dir = output
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            seal(staging / name)
            publish(staging / name, self.folder / name)
            shutil.rmtree(staging)
            rotate(self.folder, self.run.keep, self.best(self.state.global_step))
        self.accelerator.wait_for_everyone()

    def finish(self, folder: Path, step: int) -> None:
        """Write the model after update `step`, the last or one whose checkpoint is there, whole or not at all; of an
        adapter this one first, then it and its base in one. Weights that a checkpoint has are not written again."""
        self._try()
        if self.args.should_save:
            own: AlignmentStep = self.accelerator.unwrap_model(self.model)
            chosen = self.folder / f"checkpoint-{step}"
            if is_adapted(own.model):
                self._publish(folder.with_name(ADAPTER), chosen)
                if step != self.state.global_step:
                    load_adapter(own.model, chosen)
                own.model = merged(own.model)
                self._publish(folder, None, record=chosen / FILE)
            else:
                self._publish(folder, chosen)
            settle(self.folder, self.run.keep, step, keep_optimizer=self.run.keep_optimizer)
        self.accelerator.wait_for_everyone()

    def _publish(self, folder: Path, last: Path | None, record: Path | None = None) -> None:
        """last: the checkpoint whose weights these are, where it is there; record: of them, where they are merged."""
        staging = self.folder / STAGING
        try:
            if last is not None and last.is_dir():
                link_model(last, staging)
            else:
                self._save(str(staging))
                if record is not None and record.is_file():
                    shutil.copy2(record, staging / FILE)
        except Exception as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise OutputError(f"cannot write {folder}: {error}. {_last(self.folder)}") from error
        publish(staging, folder)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """The model inside the step, in the form it was loaded from, and the record of what it learnt. state_dict: its
        weights, where it does not have them."""
        model = self.accelerator.unwrap_model(self.model).model
        whole = model if state_dict is None else filled(model, state_dict)
        save_model(whole, self.processing_class, Path(str(output_dir)))
        if self.record is not None:
            self.record.write(Path(str(output_dir)), self.state.global_step)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """And what losses keep, if any does. Not after the last update, unless asked for: nothing is learnt with it."""
        if self.state.global_step >= self.state.max_steps and not self.run.keep_optimizer:
            return
        self._save_states(output_dir)
        kept = self.accelerator.unwrap_model(self.model).kept()
        if kept and self.args.should_save:
            held = {name: value.detach().cpu().contiguous() for name, value in kept.items()}
            safetensors.torch.save_file(held, Path(output_dir) / KEPT)

    def _save_states(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Trainer's (tensors only, nothing else is unpickled); what it cannot read is one error."""
        with _readable(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)
            if checkpoint is not None and self.run.extended:
                anew(self.lr_scheduler)
            step: AlignmentStep = self.accelerator.unwrap_model(self.model)
            if checkpoint is not None and step.network.kept and can_go_on(Path(checkpoint)):
                step.load(safetensors.torch.load_file(Path(checkpoint) / KEPT))

    def _save_rng_state(self, output_dir: str) -> None:
        """And what has been summed up since the last line of the log, of each process."""
        super()._save_rng_state(output_dir)
        sums = {name: float(value) for name, value in self.sums.items()}  # float32, which a float holds exactly
        path = Path(output_dir) / f"means-{self.args.process_index}.json"
        path.write_text(json.dumps({"updates": self.counted, "sums": sums}) + "\n", encoding="utf-8")

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """The same."""
        with _readable(checkpoint):
            super()._load_rng_state(checkpoint)
            if checkpoint is not None:
                path = Path(checkpoint) / f"means-{self.args.process_index}.json"
                kept = json.loads(path.read_text(encoding="utf-8"))
                self.counted = int(kept["updates"])
                self.sums = {name: torch.tensor(value, device=self.args.device) for name, value in kept["sums"].items()}

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Nothing: the step was made of the checkpoint's own model."""


@contextmanager
def _readable(checkpoint: str | None) -> Iterator[None]:
    """Turn what torch raises for a damaged file into ModelError, which says what to do."""
    try:
        yield
    except UNREADABLE as error:
        raise ModelError(f"{checkpoint} is damaged ({reason_of(error):.120}). {MEND}") from error


def filled(model: Any, weights: Mapping[str, torch.Tensor]) -> Any:
    """A model of the same kind with these weights, for one whose own are elsewhere; a tied one is given once."""
    with torch.device("meta"):
        found = type(model)(model.config)
    found.load_state_dict(weights, strict=False, assign=True)
    found.tie_weights()
    found.generation_config = model.generation_config
    return found


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model (of one with an adapter the adapter) and tokenizer in Hugging Face's form, weights as safetensors."""
    if is_adapted(model):
        save_adapter(model, folder)
    else:
        model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def _last(folder: Path) -> str:
    whole = checkpoints(folder)
    return f"The last whole checkpoint is {whole[-1]}." if whole else "There is no checkpoint yet."


def warmup(run: Run) -> int:
    """In updates."""
    return math.ceil(run.warmup * run.steps - 1e-9)  # 7 % of 100 is 7.000000000000001 in floating point


def _arguments(folder: Path, run: Run) -> TrainingArguments:
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


def _board(folder: Path) -> list[Board]:
    return [Board(folder / BOARD)] if find_spec("tensorboard") is not None else []
