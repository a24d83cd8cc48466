"""`xling-bench table`: results of several runs side by side, or exported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("table", help="print runs side by side, or export every number with its signature")
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folders of `run` or of `lm_eval --output_path`"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the long table as .csv, .json or .parquet"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print models side by side, or write the long table."""
    from xling_bench.results.load import load_results, save_results
    from xling_bench.results.pivot import side_by_side, to_markdown

    frame = load_results(arguments.runs)
    if arguments.output is not None:
        save_results(frame, arguments.output)
        print(f"{len(frame)} numbers in {arguments.output}")
        return 0
    print(to_markdown(side_by_side(frame)), end="")
    if (frame["source"] == "sample").any():
        print("\n**Sample data: invented items that show how things work. These are not benchmark scores.**")
    return 0
