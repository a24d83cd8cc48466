"""`xling-bench series`: checkpoints of one training, and which benchmarks and languages can steer it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xling_bench.cli.common import RUNS, comma_list, comma_numbers, show, tell
from xling_bench.core.text import number_of

EXAMPLE = "example: xling-bench series runs/step-* --require 'monotonicity>=0.5,snr>=3'"


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("series", help="checkpoints of a training: which tasks can steer it", epilog=EXAMPLE)
    parser.add_argument("runs", nargs="+", metavar="[NAME=]RUN", help=RUNS)
    parser.add_argument(
        "--steps", type=comma_numbers, default=[], metavar="N,...",
        help="of the runs, in their order (default: the last numbers in their names; else 1, 2, ...)",
    )  # fmt: skip
    parser.add_argument("--criteria", choices=("hplt-e",), help="HPLT-e's statistics and requirements, by its names")
    parser.add_argument(
        "--require", type=comma_list, default=[], metavar="NAME>=X,...",
        help="say which rows meet this, of any column; in place of the criteria's own",
    )  # fmt: skip
    parser.add_argument("--format", choices=("md", "csv", "latex"), default="md", help="default md")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the table: .csv, .json or .parquet")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print or write the table."""
    from xling_bench.core.errors import UsageError
    from xling_bench.results.long_table import save_results
    from xling_bench.results.tables import criteria, steering
    from xling_bench.results.tables.rendering import render_frame

    if arguments.output is not None and arguments.format != "md":
        raise UsageError("--format is for what is printed; -o writes the format its name ends in.")
    named = arguments.criteria is not None
    columns = criteria.VALUES if named else steering.COLUMNS[:-1]
    asked = arguments.require or (criteria.HPLT_E if named else ())
    requirements = [criteria.requirement(text, columns) for text in asked]
    frame = steering.read_series(arguments.runs, arguments.steps)
    table = criteria.hplt_e(frame) if named else steering.steering(frame)
    if requirements:
        table = criteria.required(table, requirements)
    if arguments.output is not None:
        save_results(table, arguments.output)
        show(f"{number_of(len(table), 'row')} in {arguments.output}")
    else:
        show(render_frame(table, arguments.format), end="")
    _notes(frame, table, named=named)
    return 0


def _notes(frame: Any, table: Any, *, named: bool) -> None:
    from xling_bench.metrics.registry import remarks
    from xling_bench.results.clusters import unclustered
    from xling_bench.results.doubts import doubtful
    from xling_bench.results.marks import contaminated
    from xling_bench.results.mixing import limits
    from xling_bench.results.schema import NOTES
    from xling_bench.results.tables.criteria import MET
    from xling_bench.results.tables.steering import STEP

    steps = sorted({int(step) for step in frame[STEP]})
    tell(f"note: steps {', '.join(map(str, steps))}")
    if "steers" in table:
        tell(f"note: {int((table['steers'] == MET).sum())} of {number_of(len(table), 'row')} meet all that is required")
    if named:
        tell("note: ranking consistency is of several corpora's trainings; one series has none")
    for note in remarks(frame["metric"]):
        tell(f"note: {note}")
    lacking = 0 if named else int((table["steps"] < len(steps)).sum())
    if lacking:
        tell(f"note: {number_of(lacking, 'row')} of fewer than all {len(steps)} steps: see column steps")
    for note in (*frame.attrs.get(NOTES, []), *contaminated(frame), *unclustered(frame), *doubtful(frame)):
        tell(f"note: {note}")
    if limited := limits(frame):
        tell(f"note: not the whole benchmarks (--limit): {limited}")
    if (frame["source"] == "sample").any():
        tell("sample data: invented items that show how things work, not benchmark scores")
