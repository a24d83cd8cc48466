"""`xling-bench scale`: how a score grows with translation pairs, and how to spend a budget of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xling_bench.cli.common import show, tell

ALLOCATE = ("example: xling-bench scale allocate --laws laws/laws.json --budget 1.2M --caps caps.csv "
            "-o allocation.toml")  # fmt: skip


def add(commands: Any) -> None:
    """Register the commands."""
    parser = commands.add_parser("scale", help="scaling laws of translation data; a budget of pairs over languages",
                                 epilog=ALLOCATE)  # fmt: skip
    kinds = parser.add_subparsers(dest="scale_command", required=True, metavar="COMMAND")
    _add_allocate(kinds)


def _add_allocate(kinds: Any) -> None:
    parser = kinds.add_parser("allocate", help="the best allocation of a budget, as `train` reads it", epilog=ALLOCATE)
    parser.add_argument("--laws", required=True, type=Path, metavar="FILE",
                        help="laws.json of `scale fit`, or CSV: language,alpha,beta[,gamma]")  # fmt: skip
    parser.add_argument("--budget", required=True, metavar="N", help="pairs to spend: 1.2M, 300k, 1200000")
    parser.add_argument("--caps", required=True, type=Path, metavar="FILE", help="pairs there are, CSV: language,pairs")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE",
                        help=".toml or .json for data.allocation of `train`; its figure is put beside it")  # fmt: skip
    parser.add_argument("--method", default="water-filling", metavar="water-filling|slsqp",
                        help="water-filling is exact (default), slsqp the paper's")  # fmt: skip
    parser.set_defaults(run=allocate)


def allocate(arguments: argparse.Namespace) -> int:
    """Write an allocation, print it beside the uniform one, draw Figure 5."""
    from xling_bench.core.files import write_bytes, write_text
    from xling_bench.report.figures.scaling import allocation_curves
    from xling_bench.results.tables.rendering import aligned
    from xling_bench.scale import allocation, budgets

    form = budgets.check_form(arguments.output)
    method = budgets.check_method(arguments.method)
    given = budgets.Inputs(arguments.laws, arguments.caps, allocation.read_budget(arguments.budget))
    found = budgets.allocated(given, method)
    write_text(arguments.output, budgets.as_file(found, form))
    figure = allocation_curves(found.problem, found.pairs, name=arguments.output.stem)
    for suffix, content in ((".svg", figure.svg), (".png", figure.png)):
        write_bytes(arguments.output.with_suffix(suffix), content)
    show(aligned(budgets.table(found)), end="")
    for line in budgets.summary(found):
        show(line)
    for note in found.notes:
        tell(f"note: {note}")
    show(f"{arguments.output}, and its figure beside it (.svg, .png)")
    return 0
