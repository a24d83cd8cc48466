"""What a training run tells a person on its way: losses in their units, how fast it is, how long it will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from xling_bench.training.callbacks import numbers

PARTS = 20  # of a run, each told in a line
LONGEST = 60.0  # seconds without a line, if there is something to tell
DEV = "dev/"


class Bar(TrainerCallback):  # type: ignore[misc]
    """A progress bar with the last losses in a terminal; elsewhere a line at each twentieth of the way, or a minute.

    Both say how many updates a second there were since the start, and how long the rest takes at that rate. Scores of
    development items are a line of their own, each time. All goes to stderr; nothing that is kept depends on the clock.
    """

    def __init__(self, losses: Mapping[str, str]) -> None:
        """losses: {name in a log: unit}."""
        self.losses = losses
        self.bar: Any = None
        self.part, self.first, self.began, self.said = 0, 0, 0.0, 0.0

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Start where the run goes on."""
        if state.is_world_process_zero:
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc="training", unit="update", disable=None
            )
            self.part, self.first = PARTS * state.global_step // state.max_steps, state.global_step
            self.began = self.said = time.monotonic()
            self._tell(legend(self.losses))

    def on_step_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """One update more."""
        if self.bar is not None:
            self.bar.update()

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
        """Show the parts of the loss, or the scores."""
        found = numbers(logs)
        if self.bar is None or not found:
            return
        if scores := {name.removeprefix(DEV): value for name, value in found.items() if name.startswith(DEV)}:
            self._tell(measured(state.global_step, scores))
        shown = {name: f"{value:.3g}" for name, value in found.items() if name in self.losses}
        if not shown:
            return
        if not self.bar.disable:
            self.bar.set_postfix({f"{k} ({self.losses[k]})" if self.losses[k] else k: v for k, v in shown.items()})
            return
        part, now = PARTS * state.global_step // state.max_steps, time.monotonic()
        if part > self.part or now - self.said > LONGEST:
            self.part, self.said = part, now
            told = ", ".join(f"{name} {value} {self.losses[name]}".rstrip() for name, value in shown.items())
            pace = self._pace(state.global_step, state.max_steps, now)
            self._tell(f"training: {state.global_step} of {state.max_steps} updates, {told}{pace}")

    def on_train_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Leave the terminal as it was."""
        if self.bar is not None:
            self.bar.close()

    def _pace(self, step: int, steps: int, now: float) -> str:
        """How fast, and how long yet."""
        done, took = step - self.first, now - self.began
        if not done or took <= 0:
            return ""
        rate = done / took
        left = f", {duration((steps - step) / rate)} left" if step < steps else f", {duration(took)} in all"
        return f"; {f'{rate:.3g} updates/s' if rate >= 1 else f'{1 / rate:.3g} s/update'}{left}"

    def _tell(self, text: str) -> None:
        """A line that does not run into the bar."""
        if self.bar is not None and not self.bar.disable:
            self.bar.write(text, file=sys.stderr)
        else:
            sys.stderr.write(f"{text}\n")


def legend(losses: Mapping[str, str]) -> str:
    """What the numbers are that will be told."""
    told = ", ".join(f"{name} in {unit}" for name, unit in losses.items() if unit)
    return f"losses, before their weights, means since the last line of the log: {told or ', '.join(losses)}"


def measured(step: int, scores: Mapping[str, float]) -> str:
    """Accuracies of development items after an update."""
    tasks = ", ".join(f"{name} {100 * value:.1f} %" for name, value in scores.items() if name != "mean")
    return f"update {step}: accuracy on development items {100 * scores['mean']:.1f} % ({tasks})"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60:,} h {minutes % 60} min"
