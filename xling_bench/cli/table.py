"""`xling-bench table`: results of several runs side by side, or exported; `xling-bench compare`: two models, paired."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from xling_bench.errors import UsageError


def add(commands: Any) -> None:
    """Register the commands."""
    parser = commands.add_parser("table", help="print runs side by side, or export every number with its signature")
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folders of `run` or of `lm_eval --output_path`"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the long table: .csv, .json or .parquet")
    what.add_argument(
        "--layout", metavar="NAME", help="a paper's table: afp-1 to afp-13, extrapolating-2, commit-2, ..."
    )
    what.add_argument("--summary", action="store_true", help="spread over languages and gaps to English")
    what.add_argument("--intervals", action="store_true", help="95 %% intervals of cells and spreads, at-chance flags")
    what.add_argument("--ranks", action="store_true", help="models in order, rank intervals, ties, missing languages")
    what.add_argument("--by", metavar="GROUP", help="averages by resource, script, family, seen:xglm, source, target")
    parser.add_argument(
        "--reference", action="store_true", help="with --layout: the published rows first, marked as such"
    )
    _add_format(parser)
    parser.set_defaults(run=run)

    pair = commands.add_parser("compare", help="model B against model A on the same items: differences, intervals, p")
    pair.add_argument("a", type=Path, metavar="A", help="folder of a run (or of lm_eval) of one model: the base")
    pair.add_argument("b", type=Path, metavar="B", help="folder of the other model's run")
    _add_format(pair)
    pair.set_defaults(run=compare)


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("md", "csv", "latex"), default="md", help="default md")


def run(arguments: argparse.Namespace) -> int:
    """Print models side by side, or write the long table."""
    from xling_bench.results.load import load_results, save_results

    if arguments.reference and arguments.layout is None:
        raise UsageError("--reference belongs to --layout NAME.")
    if arguments.output is not None and arguments.format != "md":
        raise UsageError("--format is for what is printed; -o writes the format its name ends in.")
    frame = load_results(arguments.runs)
    if arguments.output is not None:
        save_results(frame, arguments.output)
        print(f"{len(frame)} numbers in {arguments.output}")
        return 0
    print("\n".join(_printed(arguments, frame)), end="")
    _warn_of_sample(frame)
    return 0


def _printed(arguments: argparse.Namespace, frame: Any) -> list[str]:
    from xling_bench.results import layouts, overview, pivot, ranks, uncertainty
    from xling_bench.results.load import refuse_mixed
    from xling_bench.results.reference import get_layout
    from xling_bench.results.text import render_frame

    form = arguments.format
    if arguments.layout is not None:
        layout = get_layout(arguments.layout)
        refuse_mixed(frame)
        return [layouts.render(layout, frame, form, reference=arguments.reference)]
    if arguments.intervals:
        tables = [uncertainty.cell_intervals(frame), uncertainty.spread_intervals(frame)]
    elif arguments.summary:
        tables = [overview.overview(frame)]
    elif arguments.ranks:
        tables = [ranks.rank_models(frame)]
    elif arguments.by:
        tables = [overview.group_averages(frame, arguments.by)]
    else:
        tables = [pivot.printable(pivot.side_by_side(frame))]
    return [render_frame(table, form) for table in tables]


def compare(arguments: argparse.Namespace) -> int:
    """Print model B minus model A on the items both answered."""
    from xling_bench.results.compare import compare_runs
    from xling_bench.results.text import render_frame

    table, names, frame = compare_runs(arguments.a, arguments.b)
    print(render_frame(table, arguments.format), end="")
    if arguments.format == "md":
        print(f"\nA: {names[0]}  \nB: {names[1]}  ")
        print("difference: B minus A, percentage points. A smaller gap to English is a negative difference.  ")
        print(
            "p_holm: adjusted over a benchmark's languages. mde: smallest difference a test at 5 % finds with 80 %;  "
        )
        print("mde_holm: the same for the adjusted test at worst.")
    _warn_of_sample(frame)
    return 0


def _warn_of_sample(frame: Any) -> None:
    if (frame["source"] == "sample").any():
        print("sample data: invented items that show how things work, not benchmark scores", file=sys.stderr)
