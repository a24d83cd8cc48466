"""`xling-bench export`: results in the formats of others."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xling_bench.cli.common import RUNS, comma_list, comma_numbers, show, tell
from xling_bench.core.errors import UsageError
from xling_bench.core.text import number_of

FORMS = ("eee", "hf", "card")


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("export", help="write results for others: every_eval_ever, the hub, a model card")
    parser.add_argument("runs", nargs="+", metavar="[NAME=]RUN", help=RUNS)
    parser.add_argument(
        "--format", choices=FORMS, required=True,
        help="eee: records of every_eval_ever; hf: .eval_results/*.yaml of the hub; card: a block of Markdown",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="PATH", help="FILE.eee.json, FILE.md, or a folder")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="card: put the block into this file, over the old one"
    )
    parser.add_argument("--instances", action="store_true", help="eee: items and answers, too, as JSON lines")
    parser.add_argument(
        "--organization", default="unknown", metavar="NAME", help="eee: who publishes (default unknown)"
    )
    parser.add_argument(
        "--relationship", default="other", choices=("first_party", "third_party", "collaborative", "other"),
        help="eee: of the evaluator to the model's makers (default other)",
    )  # fmt: skip
    parser.add_argument(
        "--date", type=_seconds, metavar="DATE", help="2026-11-30 (default: of the newest result's file)"
    )
    parser.add_argument("--benchmarks", type=comma_list, default=[], metavar="NAME,...", help="only these benchmarks")
    parser.add_argument("--family", type=comma_list, default=[], metavar="NAME,...", help="only these prompt families")
    parser.add_argument("--shots", type=comma_numbers, default=[], metavar="N,...", help="only so many demonstrations")
    parser.add_argument("--seeds", type=comma_numbers, default=[], metavar="N,...", help="only these (default: all)")
    parser.add_argument("--allow-sample", action="store_true", help="take sample data, to try it out; marked as such")
    parser.set_defaults(run=run)


def _seconds(text: str) -> int:
    try:
        date = datetime.fromisoformat(text)
        return max(0, int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"expected a date such as 2026-11-30, got {text!r}") from None


def run(arguments: argparse.Namespace) -> int:
    """Write the files and say which."""
    from xling_bench.exchange.eee import Sender
    from xling_bench.exchange.hub_results import UNCHECKED
    from xling_bench.exchange.send import export_results, written_at
    from xling_bench.results.frame import load_results
    from xling_bench.results.schema import NOTES
    from xling_bench.results.tables.compare import with_seeds

    if (arguments.output is None) == (arguments.into is None):
        raise UsageError("expected one of -o PATH and --into FILE.")
    frame = _chosen(with_seeds(load_results(arguments.runs), arguments.seeds), arguments)
    written = written_at(arguments.runs) if arguments.date is None else arguments.date
    paths = export_results(
        frame,
        arguments.format,
        arguments.output,
        Sender(arguments.organization, arguments.relationship, written),
        into=arguments.into,
        with_instances=arguments.instances,
        allow_sample=arguments.allow_sample,
    )
    for path in paths:
        show(path)
    tell(f"{number_of(len(frame), 'number')} read, {number_of(len(paths), 'file')} written")
    for note in frame.attrs.get(NOTES, []):
        tell(f"note: {note}")
    if arguments.format == "hf":
        tell(f"note: {UNCHECKED}.")
    return 0


def _chosen(frame: Any, arguments: argparse.Namespace) -> Any:
    from xling_bench.catalog import get_benchmark

    keys = [get_benchmark(name).key for name in arguments.benchmarks]
    for option, column, wanted in (("--benchmarks", "benchmark", keys), ("--family", "family", arguments.family),
                                   ("--shots", "shots", arguments.shots)):  # fmt: skip
        there = list(dict.fromkeys(frame[column]))
        absent = [value for value in wanted if value not in there]
        if absent:
            raise UsageError(f"{option} {absent[0]}: no such results; there are {', '.join(map(str, there))}.")
        frame = frame[frame[column].isin(wanted)] if wanted else frame
    if frame.empty:
        raise UsageError("--benchmarks, --family and --shots together leave no result.")
    return frame
