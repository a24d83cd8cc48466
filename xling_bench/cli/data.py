"""`xling-bench data list|check|fetch`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from xling_bench.cli.common import add_data, apply_data, comma_list, show, tell
from xling_bench.core.lockfile import SPM
from xling_bench.core.text import number_of

if TYPE_CHECKING:
    from xling_bench.catalog import Benchmark


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("data", help="list and check benchmark data")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="benchmarks, their licences and where their files go")
    listing.add_argument("benchmark", nargs="*", help="these, with their languages (default: all, without)")
    listing.set_defaults(run=_list)
    check = actions.add_parser("check", help="read all data there is; compare row counts with the published ones")
    check.add_argument("benchmark", nargs="*", help="default: all")
    check.add_argument("--each", action="store_true", help="a line per language and split, with hashes")
    check.add_argument("--json", action="store_true", help="of every language and split")
    add_data(check)
    fetch = actions.add_parser(
        "fetch", help="download benchmarks from the hub at one commit and record it in xling.lock"
    )
    fetch.add_argument("benchmark", nargs="+", help="benchmarks; `spm`: the SentencePiece files of spBLEU")
    fetch.add_argument("--langs", type=comma_list, default=[], metavar="CODE,...", help="only these languages")
    fetch.set_defaults(run=_fetch)
    check.set_defaults(run=_check)


def _list(arguments: argparse.Namespace) -> int:
    from xling_bench.catalog import benchmarks, get_benchmark

    for benchmark in [get_benchmark(key) for key in arguments.benchmark] or benchmarks().values():
        show(f"{benchmark.key}: {benchmark.title}, {benchmark.task}, {number_of(len(benchmark.units()), 'task')}")
        show(f"  files    {' or '.join(benchmark.files)}")
        show(f"  licence  {benchmark.licence}")
        show(f"  source   {benchmark.url}")
        if benchmark.notes:
            show(f"  note     {benchmark.notes}")
        if arguments.benchmark:
            show(f"  in       {_languages(benchmark)}")
    return 0


def _languages(benchmark: Benchmark) -> str:
    """`de German, sw Swahili`, in the declaration's order; what names pairs beside them."""
    from xling_bench.core import languages

    keys = dict.fromkeys(key for unit in benchmark.units() for key in unit.languages)
    named = ", ".join(f"{key} {languages.get(key).name}" for key in keys)
    return f"{named} (pairs: `xling-bench tasks list xling_{benchmark.key}`)" if benchmark.pairs else named


def _check(arguments: argparse.Namespace) -> int:
    apply_data(arguments)
    from xling_bench.data.check import below, check_data
    from xling_bench.data.check_lines import compact, each

    report = check_data(arguments.benchmark)
    there = {row.benchmark for row in report if row.rows}
    lacking = {row.benchmark for row in report} - there
    if arguments.json:
        show(json.dumps([row.as_json() for row in report], ensure_ascii=False, indent=1))
    else:
        for line in each(report) if arguments.each else compact(report):
            show(line)
    for hint in below(sorted(lacking)) if not there or arguments.benchmark else []:
        tell(hint)
    return 2 if any(row.error for row in report) or not there or (arguments.benchmark and lacking) else 0


def _fetch(arguments: argparse.Namespace) -> int:
    from xling_bench.catalog import get_benchmark

    benchmarks = [get_benchmark(key) for key in arguments.benchmark if key != SPM]
    failed = 0
    if SPM in arguments.benchmark:
        from xling_bench.data.fetch_spm import fetch_spm

        failed += fetch_spm(tell)
    if benchmarks:
        from xling_bench.data.fetch import fetch_all

        path, missed = fetch_all(benchmarks, arguments.langs, tell)
        failed += missed
        show(f"recorded in {path}; keep it under version control. Use it: XLING_DATA=hub xling-bench run ...")
    return 2 if failed else 0
