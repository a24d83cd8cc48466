"""What a run writes and reads back: checkpoints whole or absent, the finished model, states to go on from."""

from __future__ import annotations

import json
import pickle
import shutil
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from transformers import Trainer

from xling_bench.core.errors import ModelError, OutputError, reason_of
from xling_bench.results.lineage import FILE, read_lineage
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
from xling_bench.training.lora import ADAPTER, is_adapted, load_adapter, merged, save_adapter
from xling_bench.training.pace import Run
from xling_bench.training.provenance import Record, write_beside
from xling_bench.training.schedules import anew
from xling_bench.training.step import AlignmentStep

UNREADABLE = (
    safetensors.SafetensorError, pickle.UnpicklingError, EOFError, OSError, RuntimeError, KeyError, ValueError,
    TypeError,
)  # fmt: skip
KEPT = "losses.safetensors"  # in a checkpoint: what losses keep between updates


class SavingTrainer(Trainer):  # type: ignore[misc] # transformers is not followed
    """Trainer that writes aside, then publishes, and reads nothing but tensors and JSON.

    run, folder: of the run; record: of what is learnt, written beside weights, or None; best: {updates so far: the one
    whose checkpoint is spared}; sums, counted: of losses since the last line of the log, and of how many updates.
    """

    run: Run
    folder: Path
    record: Record | None
    best: Callable[[int], int | None]
    sums: dict[str, Any]
    counted: int

    @abstractmethod
    def check_weights(self) -> None:
        """Raise TrainingError where what is about to be saved is broken."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Written aside by Trainer, then published; the old ones go only then."""
        self.check_weights()
        staging, output = self.folder / STAGING, self.args.output_dir
        name = f"checkpoint-{self.state.global_step}"
        self.args.output_dir = str(staging)
        try:
            super()._save_checkpoint(model, trial)
        except Exception as error:  # for a full disk safetensors, torch and tokenizers raise each its own
            shutil.rmtree(staging, ignore_errors=True)
            raise OutputError(
                f"cannot write {self.folder / name}: {error}. {last_whole(self.folder)} Make room, then start it again."
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
        self.check_weights()
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
                if record is not None and (known := read_lineage(record)) is not None:
                    write_beside(staging, known)
        except Exception as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise OutputError(f"cannot write {folder}: {error}. {last_whole(self.folder)}") from error
        publish(staging, folder)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """The model inside the step, in the form it was loaded from, and the record of what it learnt. state_dict: its
        weights, where it does not have them."""
        model = self.accelerator.unwrap_model(self.model).model
        whole = model if state_dict is None else filled(model, state_dict)
        save_model(whole, self.processing_class, Path(str(output_dir)))
        if self.record is not None and self.args.should_save:  # all processes come here; one has written weights
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


def last_whole(folder: Path) -> str:
    whole = checkpoints(folder)
    return f"The last whole checkpoint is {whole[-1]}." if whole else "There is no checkpoint yet."
