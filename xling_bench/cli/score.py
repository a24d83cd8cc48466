"""`xling-bench score`: metrics of kept answers, without the model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xling_bench.cli.common import comma_list, show, tell
from xling_bench.core.text import number_of


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("score", help="score a run's kept answers again: new metrics without the model")
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of `run`")
    parser.add_argument(
        "--metrics", type=comma_list, default=[], metavar="NAME,...", help="add these (default: all of a task)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score again, print the table and return 0, or 2 when nothing was, or something could not be."""
    from xling_bench.evaluation.rescore import rescore
    from xling_bench.evaluation.writing import write_text
    from xling_bench.results import language_table, markdown, read_run, to_csv

    changed, left = rescore(arguments.run_folder, arguments.metrics, tell)
    if changed:
        lost: list[str] = []
        cells = read_run(arguments.run_folder, lost)
        show(markdown(language_table(cells, shown=set(changed))), end="")
        write_text(arguments.run_folder / "table.md", markdown(language_table(cells)))
        write_text(arguments.run_folder / "table.csv", to_csv(cells))
        for message in lost:
            tell(f"warning: not in the table: {message}")
    show(f"{number_of(len(changed), 'result')} of generated answers scored again in {arguments.run_folder}")
    for name, why in left.items():
        tell(f"not scored: {name}: {why}")
    return 2 if left or not changed else 0
