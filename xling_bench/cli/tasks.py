"""`xling-bench tasks list|show|compile|check|audit|emit`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from xling_bench.cli.common import comma_list, show, tell
from xling_bench.core.errors import DeclarationError
from xling_bench.core.text import number_of


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("tasks", help="list, show, compile and check the tasks")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="print every task")
    listing.add_argument("pattern", nargs="*", help="benchmarks, or names, tags or globs of tasks (default: all)")
    listing.add_argument("--langs", type=comma_list, default=[], metavar="CODE,...")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_list)
    show = actions.add_parser("show", help="print one task: its YAML and one rendered sample item")
    show.add_argument("task")
    show.add_argument("--shots", type=int, default=0)
    show.set_defaults(run=_show)
    actions.add_parser("compile", help="write tasks/*/*.yaml from the declarations").set_defaults(run=_compile)
    actions.add_parser("check", help="compare the written YAML with the declarations, byte for byte").set_defaults(
        run=_check
    )
    audit = actions.add_parser("audit", help="are prompts of one shape in every language?")
    audit.add_argument("pattern", nargs="*", help="benchmarks, or names, tags or globs of tasks (default: all)")
    audit.set_defaults(run=_audit)
    emit = actions.add_parser("emit", help="write the tasks of other FLORES pairs to a folder of yours")
    emit.add_argument("benchmark", choices=("flores",))
    emit.add_argument(
        "--pairs", type=comma_list, required=True, metavar="a-b,...", help="for example deu_Latn-fra_Latn"
    )
    emit.add_argument("--family", help="prompt family (default: xglm)")
    emit.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    emit.set_defaults(run=_emit)


def _list(arguments: argparse.Namespace) -> int:
    from xling_bench.catalog import select, task_specs
    from xling_bench.catalog.names import languages_lacking

    specs = select(arguments.pattern or list(task_specs()), langs=arguments.langs)
    if lacking := languages_lacking(arguments.pattern, arguments.langs):
        tell(f"note: {lacking}")
    rows = [spec.describe() for spec in specs]
    if arguments.json:
        show(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        mark = f"  (family {row['family']}{', the default' if row['default'] else ''})"
        show(f"{row['name']!s:{width}}  {row['kind']:8}  {row['metric']}{mark}")
    tell(number_of(len(rows), "task"))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from xling_bench.catalog import get_task
    from xling_bench.catalog.compile import compile_spec
    from xling_bench.cli.preview import preview

    spec = get_task(arguments.task)
    show(compile_spec(spec))
    show(preview(spec, arguments.shots))
    return 0


def _compile(arguments: argparse.Namespace) -> int:
    from xling_bench.catalog.compile import compile_all
    from xling_bench.catalog.compiled import write_compiled
    from xling_bench.catalog.declarations import check_declarations
    from xling_bench.core import content

    _raise_if(check_declarations(), "nothing was written.")
    changed, removed, total = write_compiled(content.tasks_folder(), compile_all())
    show(f"{number_of(total, 'file')} in {content.tasks_folder()}: {changed} written, {removed} removed")
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    from xling_bench.catalog import select, task_specs
    from xling_bench.catalog.audit import audit

    specs = select(arguments.pattern or list(task_specs()))
    _raise_if(list(map(str, audit(specs))), "mend the words, or say in the form's `differs` why it is so.")
    groups = len({(spec.family.key, spec.benchmark.key) for spec in specs})
    show(f"{number_of(len(specs), 'task')} of {number_of(groups, 'form')}: in every language the same blanks, order, "
         "markers and instructions. Wording is not compared.")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from xling_bench.catalog import task_specs
    from xling_bench.catalog.audit import audit
    from xling_bench.catalog.compile import compile_all
    from xling_bench.catalog.compiled import compare
    from xling_bench.catalog.declarations import check_declarations
    from xling_bench.cli.pieces import missing_pieces
    from xling_bench.core import content

    problems = check_declarations() + missing_pieces() + compare(content.tasks_folder(), compile_all())
    problems += map(str, audit(task_specs().values()))
    _raise_if(problems, "for stale files run `xling-bench tasks compile`.")
    show("tasks/ and templates/ are in order.")
    return 0


def _raise_if(problems: list[str], then: str) -> None:
    for problem in problems:
        tell(problem)
    if problems:
        raise DeclarationError(f"{number_of(len(problems), 'problem')}; {then}")


def _emit(arguments: argparse.Namespace) -> int:
    from xling_bench.catalog.compile import compile_modules, compile_spec
    from xling_bench.catalog.compiled import write_new
    from xling_bench.catalog.names import emit_spec
    from xling_bench.core.lm_eval_versions import is_old

    files = {
        f"{spec.name}.yaml": compile_spec(spec) for spec in (emit_spec(p, arguments.family) for p in arguments.pairs)
    }
    write_new(arguments.output, files | (compile_modules() if is_old() else {}))
    names = ",".join(name.removesuffix(".yaml") for name in files)
    show(
        f"{number_of(len(files), 'task')} in {arguments.output}. "
        f"Run them: lm_eval --include_path {arguments.output} --tasks {names}"
    )
    return 0
