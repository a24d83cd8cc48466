"""How far long work is: a bar in a terminal; in a log, a line a minute."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")
SECONDS = 60.0  # between two lines; work that is done sooner leaves none


class Lines:
    """A stream that a bar draws itself on: what would overwrite the line before becomes a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        """One state of the bar, without the marks that move a terminal's cursor."""
        if shown := text.strip("\r\n "):
            with contextlib.suppress(OSError):  # nobody reads it: that stops no work
                self.stream.write(shown + "\n")

    def flush(self) -> None:
        """Let readers of the log have it."""
        with contextlib.suppress(OSError):
            self.stream.flush()


def progress(total: int, what: str, *, done: int = 0, quiet: bool = False, unit: str = "it") -> tqdm[Any]:
    """A bar over `total` steps, `done` of them already; nothing at all where `quiet`."""
    from tqdm import tqdm

    if sys.stderr.isatty() or quiet:
        return tqdm(total=total, initial=done, desc=what, unit=unit, disable=quiet)
    return tqdm(total=total, initial=done, desc=what, unit=unit, disable=False, file=Lines(sys.stderr), ascii=True,
                ncols=100, mininterval=SECONDS, maxinterval=SECONDS, miniters=1, delay=SECONDS,
                position=0)  # fmt: skip  # else a bar within another moves the cursor


def counted(steps: Iterable[T], bar: tqdm[Any]) -> Iterator[T]:
    """The steps, each of them told to the bar when the next one is wanted."""
    for step in steps:
        yield step
        bar.update()
