"""`xling-bench comet install`: the environment that COMET is computed in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from xling_bench.cli.common import show, tell


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("comet", help="install what `score --comet` needs")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    install = actions.add_parser("install", help="make COMET's environment (1.3 GB) from the lock that comes with us")
    install.add_argument("--into", type=Path, metavar="DIR", help="where (XLING_COMET_DIR, else the user's cache)")
    install.add_argument(
        "--python", default=sys.executable, metavar="PROGRAM", help="its Python, 3.11 or 3.12 (default: this one)"
    )
    install.set_defaults(run=_install)


def _install(arguments: argparse.Namespace) -> int:
    from xling_bench.comet import environment

    into = environment.place() if arguments.into is None else arguments.into.absolute()
    versions = environment.install(into, arguments.python, tell)
    show(f"COMET (unbabel-comet {versions['unbabel-comet']}) is installed at {into}")
    if into != environment.place():
        show(f"`score --comet` looks there with {environment.VARIABLE}={into}")
    return 0
