"""`xling-bench report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xling_bench.cli.common import RUNS, add_allow_engines, comma_numbers, show, tell
from xling_bench.core.errors import UsageError


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("report", help="write one self-contained page, leaderboard files and figures")
    parser.add_argument("runs", nargs="+", metavar="[NAME=]RUN", help=RUNS)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--title", default="Cross-lingual report", help="heading of the page")
    parser.add_argument("--reference", default="", metavar="PAPER", help="add a paper's published rows, marked so: afp")
    parser.add_argument(
        "--beside", nargs="+", type=Path, default=[], metavar="FILE",
        help="add published numbers, marked so: records of every_eval_ever, results of lm-eval's own tasks",
    )  # fmt: skip
    parser.add_argument("--items", type=int, default=40, metavar="N", help="items to show per benchmark (default 40)")
    parser.add_argument("--before", default="", metavar="MODEL", help="compare from this model (default: the first)")
    parser.add_argument("--after", default="", metavar="MODEL", help="to this one (default: the last)")
    parser.add_argument("--seeds", type=comma_numbers, default=[], metavar="N,...", help="only these (default: all)")
    parser.add_argument(
        "--represent", nargs="+", type=Path, default=[], metavar="DIR",
        help="folders of `represent`, or of trainings that followed their alignment: a section of their own",
    )  # fmt: skip
    add_allow_engines(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the report and print where it is."""
    from tqdm import tqdm

    from xling_bench.report.build import Options, write_report

    if arguments.items < 0:
        raise UsageError(f"--items {arguments.items}: expected 0 or more.")
    options = Options(
        title=arguments.title,
        reference=arguments.reference,
        items=arguments.items,
        before=arguments.before,
        after=arguments.after,
        seeds=tuple(arguments.seeds),
        allow_engines=arguments.allow_engines,
        represent=tuple(arguments.represent),
        beside=tuple(arguments.beside),
    )
    with tqdm(total=STEPS, desc="report", unit="step", disable=None, leave=False) as bar:

        def step(name: str) -> None:
            bar.set_postfix_str(name)
            bar.update()

        page = write_report(arguments.runs, arguments.output, options, step)
    show(f"{page} ({page.stat().st_size / 1e6:.1f} MB, opens in a browser, offline)")
    if page.stat().st_size > 5_000_000:
        tell("note: more than 5 MB even without items: give fewer models or benchmarks")
    tell(f"leaderboard.csv, .md, .tex, .json and figures/ are in {arguments.output}")
    return 0


STEPS = 10
