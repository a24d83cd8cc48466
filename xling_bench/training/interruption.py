"""Being asked to end (Ctrl-C, a scheduler's SIGTERM): what has been learnt is saved first; asked twice, nothing is."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from transformers import TrainerCallback

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A run ended because it was asked to. Its text says by what."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.code = 128 + number  # a shell's: 130, 143


class Asked:
    """Which signal has come, 0 for none. While updates are made the first is noted, for `Halt` to act on; the second
    raises Interrupted where the program stands, and so does the first before there is anything to save."""

    def __init__(self) -> None:
        self.number = 0
        self.learning = False

    def agree(self, total: Callable[[Sequence[int]], list[int]]) -> bool:
        """Whether one came to any of the processes; then to all of them. total: sums over the processes."""
        asked, who = total([self.number, bool(self.number)])
        if who:
            self.number = asked // who
        return bool(who)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Signals come here, and go where they went before. In a thread of another program they are not ours."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self.number or not self.learning:
            raise Interrupted(number)
        self.number = number
        name = signal.Signals(number).name
        sys.stderr.write(f"\nxling-bench: {name}: saves after this update and stops; once more stops at once\n")


class Halt(TrainerCallback):  # type: ignore[misc]
    """Asks for a checkpoint and the end after the update in which a signal came, to whichever of the processes; after
    the last update there is one in any case.

    It adds no line to the log: the means since the last one are saved, and go on.
    """

    def __init__(self, asked: Asked, total: Callable[[Sequence[int]], list[int]]) -> None:
        """total: sums over the processes."""
        self.asked, self.total = asked, total

    def on_train_begin(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """From here on there is something to save."""
        self.asked.learning = True

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_: Any) -> Any:
        """Now? Processes must agree, for all save together."""
        if self.asked.agree(self.total):
            control.should_save = control.should_training_stop = True
        return control
