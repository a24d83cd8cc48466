"""`xling-bench table`: results of several runs side by side, or exported."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from xling_bench.errors import UsageError


def add(commands: Any) -> None:
    """Register the command."""
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
    what.add_argument("--by", metavar="GROUP", help="averages by resource, script, family, seen:xglm, source, target")
    parser.add_argument(
        "--reference", action="store_true", help="with --layout: the published rows first, marked as such"
    )
    parser.add_argument("--format", choices=("md", "csv", "latex"), default="md", help="of a --layout (default md)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print models side by side, or write the long table."""
    from xling_bench.results.load import load_results, save_results
    from xling_bench.results.pivot import side_by_side, to_markdown

    if arguments.layout is not None:
        return _layout(arguments)
    if arguments.reference or arguments.format != "md":
        raise UsageError("--reference and --format belong to --layout NAME.")
    frame = load_results(arguments.runs)
    if arguments.output is not None:
        save_results(frame, arguments.output)
        print(f"{len(frame)} numbers in {arguments.output}")
        return 0
    if arguments.summary or arguments.by:
        from xling_bench.results import overview

        table = overview.group_averages(frame, arguments.by) if arguments.by else overview.overview(frame)
        print(overview.to_markdown(table), end="")
    elif arguments.intervals:
        from xling_bench.results import overview, uncertainty

        print(overview.to_markdown(uncertainty.cell_intervals(frame)))
        print(overview.to_markdown(uncertainty.spread_intervals(frame)), end="")
    else:
        print(to_markdown(side_by_side(frame)), end="")
    _warn_of_sample(frame)
    return 0


def _layout(arguments: argparse.Namespace) -> int:
    from xling_bench.results.layouts import render
    from xling_bench.results.load import load_results, refuse_mixed
    from xling_bench.results.reference import get_layout

    layout = get_layout(arguments.layout)
    frame = load_results(arguments.runs)
    refuse_mixed(frame)
    print(render(layout, frame, arguments.format, reference=arguments.reference), end="")
    _warn_of_sample(frame)
    return 0


def _warn_of_sample(frame: Any) -> None:
    if (frame["source"] == "sample").any():
        print("sample data: invented items that show how things work, not benchmark scores", file=sys.stderr)
