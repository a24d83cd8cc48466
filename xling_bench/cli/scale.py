"""`xling-bench scale`: how a score grows with translation pairs, and how to spend a budget of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xling_bench.cli.common import show, tell
from xling_bench.core.errors import UsageError, did_you_mean

FIT = "example: xling-bench scale fit points.csv -o laws"
ALLOCATE = ("example: xling-bench scale allocate --laws laws/laws.json --budget 1.2M --caps caps.csv "
            "-o allocation.toml")  # fmt: skip


def add(commands: Any) -> None:
    """Register the commands."""
    parser = commands.add_parser("scale", help="scaling laws of translation data; a budget of pairs over languages",
                                 epilog=f"{FIT}; {ALLOCATE.removeprefix('example: ')}")  # fmt: skip
    kinds = parser.add_subparsers(dest="scale_command", required=True, metavar="COMMAND")
    _add_fit(kinds)
    _add_allocate(kinds)


def _add_fit(kinds: Any) -> None:
    parser = kinds.add_parser("fit", help="fit S = 100 - alpha (gamma X)^-beta to scores at several sizes", epilog=FIT)
    parser.add_argument("points", nargs="+", metavar="POINTS.csv|[NAME=]RUN",
                        help="language,pairs,score,metric[,gamma]; or runs of models trained on --pairs")  # fmt: skip
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="folder for laws and figures")
    parser.add_argument("--metric", metavar="NAME", help="which, where there are several (of runs: the first)")
    parser.add_argument("--pairs", type=Path, metavar="FILE",
                        help="what the runs' models were trained on, CSV: model,language,pairs")  # fmt: skip
    parser.add_argument("--benchmark", metavar="KEY", help="of runs: whose scores the law is of (default flores)")
    parser.add_argument("--direction", metavar="en-x|x-en", help="of FLORES: into the language (default), or out of it")
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
    there, sources = _points_of_runs(arguments) if arguments.pairs else _points_of_file(arguments)
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
    show(f"{arguments.output / laws_file.LAWS}, and figures beside it (.svg, .png)")
    return 0


def _points_of_file(arguments: argparse.Namespace) -> tuple[Any, dict[str, str]]:
    from xling_bench.scale import points

    path, *more = map(Path, arguments.points)
    if more or path.is_dir() or path.suffix.lower() != ".csv":
        raise UsageError("expected one POINTS.csv (language,pairs,score,metric[,gamma]), or runs with --pairs FILE, "
                         "which says what their models were trained on (model,language,pairs).")  # fmt: skip
    if arguments.benchmark or arguments.direction:
        raise UsageError("--benchmark and --direction are for runs (with --pairs).")
    return points.of_metric(points.read_points(path), arguments.metric), {"points": path.name}


def _points_of_runs(arguments: argparse.Namespace) -> tuple[Any, dict[str, str]]:
    """The points; the benchmarks' figure is drawn on the way."""
    from xling_bench.catalog.benchmark import find_benchmark
    from xling_bench.report.figures.scaling import benchmark_curves
    from xling_bench.results.frame import load_results
    from xling_bench.results.marks import contaminated
    from xling_bench.results.mixing import refuse_mixed
    from xling_bench.results.tables import by_size
    from xling_bench.scale.points import of_metric

    way = arguments.direction or by_size.DIRECTIONS[0]
    if way not in by_size.DIRECTIONS:
        close = did_you_mean(way, by_size.DIRECTIONS)
        raise UsageError(f"--direction {way!r}: expected {' or '.join(by_size.DIRECTIONS)}.{close}")
    benchmark = arguments.benchmark or "flores"
    key = found.key if (found := find_benchmark(benchmark)) else benchmark
    frame, sizes = load_results(arguments.points), by_size.read_sizes(arguments.pairs)
    refuse_mixed(frame)
    there = by_size.points_by_size(frame, sizes, key, arguments.metric, way)
    if (frame["source"] == "sample").any():
        tell("sample data: invented items that show how things work, not benchmark scores")
    for sentence in contaminated(frame):
        tell(f"note: {sentence}")
    if means := by_size.means_by_size(frame, sizes):
        _draw(benchmark_curves(means), arguments.output / "benchmarks")
    return of_metric(there, None), {"points": "runs", "pairs": arguments.pairs.name}


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
