"""`xling-bench`: parse, dispatch, and turn every expected error into one line and an exit code."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from xling_bench.cli import (
    checkpoints,
    comet,
    data,
    demo,
    export,
    gate,
    link,
    report,
    represent,
    run,
    scale,
    score,
    table,
    tasks,
    train,
)
from xling_bench.cli.common import tell
from xling_bench.core.errors import XlingError, did_you_mean
from xling_bench.core.text import terminal
from xling_bench.core.version import VERSION

EXIT_CODES = (
    "exit codes: 0 success, 1 regression found (gate), 2 bad input or environment, 3 undecided (strict gate), "
    "130 interrupted"
)


class Parser(argparse.ArgumentParser):
    """argparse's, whose complaints repeat what was typed, and that takes no option by the beginning of its name."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **settings})

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """argparse's, but what is left over is the complaint of the command that was given it, with its usage."""
        found, left = self.parse_known_args(args, namespace)
        if left:
            path = self._path(found)
            path[-1].error(f"unrecognized arguments: {' '.join(left)}", others=self.leaves())
        return found

    def error(self, message: str, others: Sequence[Parser] = ()) -> NoReturn:
        """Say what may have been meant: a word of this command, and which of `others` has exactly this option."""
        mistyped = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: ([^\s=]+)", message)
        word = mistyped and (mistyped[1] or mistyped[2])
        meant = did_you_mean(word, self._known() - {word}) if word else ""  # what is known may stand in a wrong place
        owners = [other._called for other in others if word in other._option_string_actions]
        if owners:
            named = " and ".join(filter(None, (", ".join(f"`{name}`" for name in owners[:-1]), f"`{owners[-1]}`")))
            meant += f" {named} {'has' if len(owners) == 1 else 'have'} {word}; `{self._called}` does not."
        super().error(f"{message}.{meant}" if meant else message)

    @property
    def _called(self) -> str:
        return self.prog.partition(" ")[2] or self.prog

    def _commands(self) -> list[argparse.Action]:
        return [action for action in self._actions if isinstance(action.choices, dict)]

    def _path(self, found: argparse.Namespace) -> list[Parser]:
        """This parser, the command's that was given, and its action's."""
        for action in self._commands():
            chosen = (action.choices or {}).get(getattr(found, action.dest, None))  # type: ignore[attr-defined]
            if chosen is not None:
                return [self, *chosen._path(found)]
        return [self]

    def leaves(self) -> list[Parser]:
        """Parsers of commands that have no further ones."""
        below = [parser for action in self._commands() for parser in dict(action.choices or {}).values()]
        return [leaf for parser in below for leaf in parser.leaves()] or [self]

    def _known(self) -> set[str]:
        """This command's own options, choices and commands."""
        return set(self._option_string_actions) | {str(c) for action in self._actions for c in action.choices or ()}

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(terminal(message), file)


def parser() -> argparse.ArgumentParser:
    """The whole command line. Building it imports nothing heavy."""
    top = Parser(
        prog="xling-bench",
        description="Cross-lingual benchmarks for language models, on top of lm-eval.",
        epilog=EXIT_CODES,
    )
    top.add_argument("--version", action="version", version=f"xling-bench {VERSION}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in (demo, run, score, table, checkpoints, report, export, gate, represent, scale, train, tasks, data,
                  link, comet):  # fmt: skip
        group.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _open_streams()
    arguments = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that a terminal's encoding lacks
    try:
        return int(arguments.run(arguments))
    except XlingError as error:
        tell(f"xling-bench: {error}")
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader of what we print has gone (`| head`); nothing is wrong
        return 0
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        tell(f"xling-bench: the system refused:{where} {error.strerror or error}")
        return 2
    except KeyboardInterrupt:
        tell(
            "\nxling-bench: interrupted; finished results are kept, the same command goes on from here.",
        )
        return 130
    except Exception:  # noqa: BLE001 - a fault of ours; 1, Python's own code, would say that the gate found a regression
        with contextlib.suppress(OSError):
            traceback.print_exc()
        return 2


def _open_streams() -> None:
    """A stream that was closed by whoever started us (`2>&-`) is None: what is told there goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for as long as we run


def script(argv: Sequence[str] | None = None) -> NoReturn:
    """The command: `main`, then the end of the process as Python does it, but for the very last.

    There C++ libraries clean up after their threads, and now and then one aborts: its exit code would be the command's.
    """
    try:
        code = main(argv)
    except SystemExit as end:  # argparse's
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            continue  # nobody reads it, or it is closed
        except OSError:
            code = code or 2  # a full disk
    os._exit(code)
