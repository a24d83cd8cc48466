"""`xling-bench scale`: how a score grows with translation pairs, and how to spend a budget of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xling_bench.cli.common import show, tell
from xling_bench.core.errors import UsageError

FIT = "example: xling-bench scale fit points.csv -o laws"
ALLOCATE = ("example: xling-bench scale allocate --laws laws/laws.json --budget 1.2M --caps caps.csv "
            "-o allocation.toml")  # fmt: skip


def add(commands: Any) -> None:
    """Register the commands."""
    parser = commands.add_parser("scale", help="scaling laws of translation data; a budget of pairs over languages",
                                 epilog=f"{FIT}; {ALLOCATE}")  # fmt: skip
    kinds = parser.add_subparsers(dest="scale_command", required=True, metavar="COMMAND")
    _add_fit(kinds)
    _add_allocate(kinds)


def _add_fit(kinds: Any) -> None:
    parser = kinds.add_parser("fit", help="fit S = 100 - alpha (gamma X)^-beta to scores at several sizes", epilog=FIT)
    parser.add_argument("points", nargs="+", metavar="POINTS.csv|[NAME=]RUN",
                        help="language,pairs,score,metric[,gamma]; or runs of models trained on --pairs")  # fmt: skip
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="folder for laws and figures")
    parser.add_argument("--metric", metavar="NAME", help="which, where points have several (of runs: the headline's)")
    parser.add_argument("--shared", action="store_true", help="one alpha and beta for all languages, by their gamma")
    parser.add_argument("--represent", type=Path, metavar="FILE", help="gamma from this alignment.json of `represent`")
    parser.add_argument("--model", metavar="NAME", help="whose gamma, where --represent has several models")
    parser.set_defaults(run=fit)


def fit(arguments: argparse.Namespace) -> int:
    """Write laws.json, print the laws, draw Figure 2."""
    from xling_bench.core.files import write_text
    from xling_bench.report.figures.scaling import law_curves
    from xling_bench.results.tables.rendering import aligned
    from xling_bench.scale import fitted, laws_file, points

    if arguments.model and not arguments.represent:
        raise UsageError("--model says whose gamma of --represent FILE is meant; give both.")
    (path,) = arguments.points
    there = points.of_metric(points.read_points(Path(path)), arguments.metric)
    sources = {"points": Path(path).name}
    if arguments.represent:
        there = points.with_gammas(there, points.read_gammas(arguments.represent, arguments.model))
        sources["gamma"] = arguments.represent.name
    found = (fitted.fit_shared if arguments.shared else fitted.fit_each)(there)
    write_text(arguments.output / laws_file.LAWS, fitted.as_json(found, sources))
    _draw(law_curves(found), arguments.output / "laws")
    show(aligned(fitted.table(found)), end="")
    show(fitted.summary(found))
    for note in found.notes:
        tell(f"note: {note}")
    show(f"{arguments.output / laws_file.LAWS}, and its figure beside it (.svg, .png)")
    return 0


def _draw(figure: Any, stem: Path) -> None:
    from xling_bench.core.files import write_bytes

    write_bytes(stem.with_suffix(".svg"), figure.svg)
    write_bytes(stem.with_suffix(".png"), figure.png)


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
    from xling_bench.core.files import write_text
    from xling_bench.report.figures.scaling import allocation_curves
    from xling_bench.results.tables.rendering import aligned
    from xling_bench.scale import allocation, budgets

    form = budgets.check_form(arguments.output)
    method = budgets.check_method(arguments.method)
    given = budgets.Inputs(arguments.laws, arguments.caps, allocation.read_budget(arguments.budget))
    found = budgets.allocated(given, method)
    write_text(arguments.output, budgets.as_file(found, form))
    _draw(allocation_curves(found.problem, found.pairs), arguments.output)
    show(aligned(budgets.table(found)), end="")
    for line in budgets.summary(found):
        show(line)
    for note in found.notes:
        tell(f"note: {note}")
    show(f"{arguments.output}, and its figure beside it (.svg, .png)")
    return 0
