"""`xling-bench demo`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("demo", help="train a tiny model, score it and print the table: offline, minutes")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"), metavar="DIR")
    parser.add_argument("--steps", type=int, default=300, help="training steps of the tiny model (default 300)")
    parser.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    from xling_bench.demo import demo

    return demo(arguments.output, arguments.steps)
