"""What a training run tells on its way: lines of JSON, a progress bar, scores on development splits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from xling_bench.files import write_text


class JsonLog(TrainerCallback):  # type: ignore[misc]
    """One JSON object per line and log, flushed at once; lines of steps that are trained again are cut off."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Drop what a killed run logged after the checkpoint this one goes on from."""
        if state.is_world_process_zero and self.path.is_file():
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
            write_text(self.path, "".join(line + "\n" for line in lines if _logged_by(line, state.global_step)))

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Log at every checkpoint and at the end, too: means since the last line are then those of a run in one go."""
        if control.should_save or state.global_step >= state.max_steps:
            control.should_log = True
        return control

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
        """Append the numbers."""
        if state.is_world_process_zero and logs and "train_runtime" not in logs:  # wall-clock: in no reproducible log
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, **logs}) + "\n")


class Board(TrainerCallback):  # type: ignore[misc]
    """The same numbers for TensorBoard. transformers' own callback begins another run each time a run goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer: Any = None

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Hide what a killed run logged after the checkpoint this one goes on from."""
        from torch.utils.tensorboard import SummaryWriter

        if state.is_world_process_zero:
            self.writer = SummaryWriter(str(self.folder), purge_step=state.global_step + 1)

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
        """Each number a curve."""
        if self.writer is not None and logs and "train_runtime" not in logs:
            for name, value in logs.items():
                self.writer.add_scalar(name, value, state.global_step)
            self.writer.flush()

    def on_train_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Close the file."""
        if self.writer is not None:
            self.writer.close()


class Evaluate(TrainerCallback):  # type: ignore[misc]
    """Logs what `evaluate` says of the model, as `dev/<task>`."""

    def __init__(self, trainer: Any, evaluate: Callable[[Any], dict[str, float]], every: int) -> None:
        self.trainer, self.evaluate, self.every = trainer, evaluate, every

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Every `every` updates, and after the last."""
        if state.global_step % self.every == 0 or state.global_step == state.max_steps:
            step = self.trainer.accelerator.unwrap_model(self.trainer.model)
            self.trainer.log({f"dev/{name}": value for name, value in self.evaluate(step.model).items()})


def _logged_by(line: str, step: int) -> bool:
    """Whether a line of the log is whole, and of an update up to `step`; one that a kill cut in half is not."""
    try:
        return bool(json.loads(line)["step"] <= step)
    except (ValueError, KeyError, TypeError):
        return False


class Bar(TrainerCallback):  # type: ignore[misc]
    """A progress bar with the last losses, in a terminal; lines of the log are the record elsewhere."""

    def __init__(self) -> None:
        self.bar: Any = None

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Start where the run goes on."""
        if state.is_world_process_zero:
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc="training", unit="step", disable=None
            )

    def on_step_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """One update more."""
        if self.bar is not None:
            self.bar.update()

    def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
        """Show the parts of the loss."""
        if self.bar is not None and logs:
            self.bar.set_postfix({k: f"{logs[k]:.3g}" for k in ("contrastive", "instruction") if k in logs})

    def on_train_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Leave the terminal as it was."""
        if self.bar is not None:
            self.bar.close()
