"""`xling-bench`: parse, dispatch, and turn every expected error into one line and an exit code."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

import xling_bench
from xling_bench.cli import data, demo, gate, link, report, run, score, table, tasks, train
from xling_bench.cli.common import printable
from xling_bench.errors import XlingError

EXIT_CODES = (
    "exit codes: 0 success, 1 regression found (gate), 2 bad input or environment, 3 undecided (strict gate), "
    "130 interrupted"
)


def parser() -> argparse.ArgumentParser:
    """The whole command line. Building it imports nothing heavy."""
    top = argparse.ArgumentParser(
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
        print(printable(f"xling-bench: {error}"), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone (`| head`); nothing is wrong
        return 0
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        print(printable(f"xling-bench: the system refused:{where} {error.strerror or error}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nxling-bench: interrupted; finished results are kept, the same command goes on from here.",
            file=sys.stderr,
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
