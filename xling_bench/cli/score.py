"""`xling-bench score`: metrics of kept answers, without the model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xling_bench.cli.common import comma_list, show, tell
from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.text import number_of

Scored = tuple[list[Path], dict[str, str]]


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("score", help="score a run's kept answers again: new metrics without the model")
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of `run`")
    parser.add_argument(
        "--metrics", type=comma_list, default=[], metavar="NAME,...", help="add these (default: all of a task)"
    )
    parser.add_argument(
        "--comet", metavar="MODEL_OR_DIR", help="add COMET to translations: a checkpoint's folder, .ckpt or hub name"
    )
    parser.add_argument("--comet-batch-size", type=int, default=16, metavar="N", help="segments at once (default: 16)")
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="unpickle what COMET's checkpoint holds besides: dangerous"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score again, print the table and return 0, or 2 when nothing was, or something could not be."""
    from xling_bench.evaluation.writing import write_text
    from xling_bench.results import language_table, markdown, read_run, to_csv

    changed, left = _with_comet(arguments) if arguments.comet else _rescored(arguments)
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


def _rescored(arguments: argparse.Namespace) -> Scored:
    from xling_bench.evaluation.rescore import rescore

    return rescore(arguments.run_folder, arguments.metrics, tell)


def _with_comet(arguments: argparse.Namespace) -> Scored:
    """The same with COMET, whose scores are forgotten when all results have them."""
    from xling_bench.comet.scoring import Comet
    from xling_bench.comet.weights import find_checkpoint
    from xling_bench.evaluation.rescore import rescore

    if arguments.comet_batch_size < 1:
        raise UsageError(f"--comet-batch-size {arguments.comet_batch_size}: expected a number of 1 or more")
    if not arguments.run_folder.is_dir():
        raise DataError(f"{arguments.run_folder}: no such folder; expected one of `xling-bench run`.")
    checkpoint = find_checkpoint(arguments.comet)
    settings = {"batch": arguments.comet_batch_size, "trust": arguments.trust_checkpoint}
    with Comet(checkpoint, arguments.run_folder, tell, **settings) as comet:
        changed, left = rescore(arguments.run_folder, arguments.metrics, tell, comet)
        if not left:
            comet.forget()
    if not changed and not left:
        raise DataError(f"{arguments.run_folder} has no translations that COMET could score (FLORES).")
    return changed, left
