"""What a training run keeps of its way: lines of JSON, TensorBoard's curves, scores on development splits."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from xling_bench.core.errors import DataError, OutputError
from xling_bench.core.files import write_text
from xling_bench.core.reading import parse_json


class JsonLog(TrainerCallback):  # type: ignore[misc]
    """One JSON object per line and log, flushed at once; lines of steps that are trained again are cut off."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Drop what a killed run logged after the checkpoint this one goes on from."""
        if state.is_world_process_zero:
            cut_off(self.path, state.global_step)

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Log at every checkpoint and at the end, too: means since the last line are then those of a run in one go."""
        if control.should_save or state.global_step >= state.max_steps:
            control.should_log = True
        return control

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
        """Append the numbers."""
        if state.is_world_process_zero and (told := numbers(logs)):
            append(self.path, {"step": state.global_step, **told})


class Board(TrainerCallback):  # type: ignore[misc]
    """The same numbers for TensorBoard. transformers' own callback begins another run each time a run goes on.

    Curves are no reason to stop: where they cannot be written, they end, and that is said.
    """

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
        if self.writer is None:
            return
        try:
            for name, value in numbers(logs).items():
                self.writer.add_scalar(name, value, state.global_step)
            self.writer.flush()
        except OSError as error:
            self.writer = None
            sys.stderr.write(f"TensorBoard's curves end here: {self.folder}: {error.strerror}\n")

    def on_train_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Close the file."""
        if self.writer is not None:
            self.writer.close()


class Updated(TrainerCallback):  # type: ignore[misc]
    """Tells the step that its weights have changed: what losses keep follows them, before it is saved."""

    def on_step_end(self, _args: Any, _state: Any, _control: Any, model: Any = None, **_: Any) -> None:
        """Now."""
        model.updated()


class Evaluate(TrainerCallback):  # type: ignore[misc]
    """Asks for an evaluation every `every` updates, and after the last; the trainer does it when it has logged."""

    def __init__(self, every: int) -> None:
        self.every = every

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Now?"""
        if state.global_step % self.every == 0 or state.global_step >= state.max_steps:
            control.should_evaluate = control.should_log = True
        return control


def numbers(logs: Any) -> dict[str, float]:
    """What of Trainer's numbers is told: not the wall-clock, which no two runs share, nor its epoch.

    Its epoch is the share of the updates that are done, since its data set is as long as the run.
    """
    return {} if not logs or "train_runtime" in logs else {k: v for k, v in logs.items() if k != "epoch"}


def cut_off(path: Path, step: int) -> None:
    """Drop the lines of a log, if there is one, that are of updates after `step`, or that a kill cut in half."""
    if path.is_file():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        write_text(path, "".join(line + "\n" for line in lines if _logged_by(line, step)))


def append(path: Path, entry: Mapping[str, object]) -> None:
    """One line more. Raises OutputError when the disk refuses."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}. The last checkpoint is whole.") from error


def _logged_by(line: str, step: int) -> bool:
    """Whether a line of the log is whole, and of an update up to `step`; one that a kill cut in half is not."""
    try:
        return bool(parse_json(line, "log")["step"] <= step)
    except (DataError, KeyError, TypeError):
        return False
