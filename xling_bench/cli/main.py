"""`xling-bench`: parse, dispatch, and turn every expected error into one line and an exit code."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from typing import Any

import xling_bench
from xling_bench.cli import data, demo, gate, link, report, run, score, table, tasks, train
from xling_bench.cli.common import tell
from xling_bench.core.text import terminal
from xling_bench.errors import XlingError

EXIT_CODES = (
    "exit codes: 0 success, 1 regression found (gate), 2 bad input or environment, 3 undecided (strict gate), "
    "130 interrupted"
)


class Parser(argparse.ArgumentParser):
    """argparse's, whose complaints repeat what was typed."""

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(terminal(message), file)


def parser() -> argparse.ArgumentParser:
    """The whole command line. Building it imports nothing heavy."""
    top = Parser(
        prog="xling-bench",
        description="Cross-lingual benchmarks for language models, on top of lm-eval.",
        epilog=EXIT_CODES,
    )
    top.add_argument("--version", action="version", version=f"xling-bench {xling_bench.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in (demo, run, score, table, report, gate, train, tasks, data, link):
        group.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
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
        sys.stderr.close()  # the reader of our output has gone (`| head`); nothing is wrong
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


if __name__ == "__main__":
    sys.exit(main())
