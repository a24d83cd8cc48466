"""`xling-bench run`: evaluate a checkpoint."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

from xling_bench.cli.common import add_data, apply_data, comma_list, comma_numbers, show, tell
from xling_bench.core.text import number_of

# Of `run_config`: options of the same names.
OPTIONS = ("output", "name", "tasks", "suite", "langs", "pairs", "shots", "seeds", "demo_lang", "demos", "demo_encoder",
           "aligner", "limit", "split", "joiner", "metrics", "ns")  # fmt: skip
EXAMPLE = "example: xling-bench run --model hf:./ckpt --tasks xling_xnli,xling_xcopa --shots 0,5 -o runs/ckpt"


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("run", help="evaluate a checkpoint; resumes where it stopped", epilog=EXAMPLE)
    parser.add_argument(
        "--model", required=True, metavar="hf:PATH_OR_NAME|gguf:FILE|vllm:PATH_OR_NAME",
        help="model folder or hub name, or gguf:FILE; vllm:... generates with vLLM; lm-eval-hf:... ranks by lm-eval's "
        "own, slower code",
    )  # fmt: skip
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="RUN", help="folder for results")
    parser.add_argument("--name", help="what tables call the model (default: its folder, file, or name on the hub)")
    parser.add_argument(
        "--tasks", type=comma_list, default=[], metavar="NAME,...", help="benchmarks, or names, tags or globs of tasks"
    )
    parser.add_argument("--suite", help="a named selection of tasks/suites.toml, such as core or afp")
    parser.add_argument("--pairs", type=comma_list, default=[], metavar="a-b,...", help="further FLORES pairs")
    parser.add_argument("--langs", type=comma_list, default=[], metavar="CODE,...", help="only these languages")
    parser.add_argument("--shots", type=comma_numbers, default=[0], metavar="N,...", help="demonstrations (default 0)")
    parser.add_argument(
        "--seeds", type=comma_numbers, default=[0], metavar="N,...", help="which demonstrations (default 0)"
    )
    parser.add_argument("--demo-lang", metavar="CODE", help="language of demonstrations (default: the task's)")
    parser.add_argument(
        "--demos",
        default="fixed",
        help="fixed (default), aligned (items all languages have), semantic (nearest), afp (AFP's code, PAWS-X only)",
    )
    parser.add_argument(
        "--demo-encoder", metavar="hf:PATH_OR_NAME", help="whose states say what is near (default: the model's own)"
    )
    parser.add_argument("--aligner", action="store_true", help="a sentence on the item's language after English ones")
    parser.add_argument("--ns", default="drop", help="PAWS-X's untranslated rows: drop (default), or keep, as AFP does")
    parser.add_argument("--limit", type=int, metavar="N", help="score only the first N items of each task")
    parser.add_argument("--split", default="test", help="test (default), or dev where a benchmark has it")
    parser.add_argument(
        "--joiner", default="paper", help="after each demonstration: `paper`, or `auto`, the model's own end token"
    )
    parser.add_argument(
        "--metrics", type=comma_list, default=[], metavar="NAME,...", help="report only these (default: all of a task)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be done and stop")
    add_model(parser)
    add_data(parser)
    parser.set_defaults(run=run)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Options handed to the model; their names are ModelConfig's fields."""
    parser.add_argument("--revision", help="branch, tag or commit of a hub model")
    parser.add_argument("--dtype", default="auto", help="auto (default), float32, bfloat16, float16")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 (default: cuda when there is one)")
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help="generate at most N texts at once (default: by tokens; vLLM: 512)"
    )
    parser.add_argument("--token-budget", type=int, metavar="N", help="tokens scored at once (default: by the device)")
    parser.add_argument(
        "--likelihood", metavar="ENGINE", help="with vllm: who ranks, shared-prefix (default) or vllm, as lm-eval does"
    )
    parser.add_argument(
        "--tensor-parallel", type=int, default=1, metavar="N", help="with vllm: GPUs that share the model (default 1)"
    )
    parser.add_argument(
        "--data-parallel", type=int, default=1, metavar="N", help="with vllm: processes that share the work (default 1)"
    )
    parser.add_argument(
        "--engine", metavar="auto", help="auto: vLLM generates, in a process of its own; candidates are ranked here"
    )
    parser.add_argument(
        "--vllm-python", metavar="PYTHON", help="the interpreter of vLLM's environment (default: this one)"
    )
    parser.add_argument("--max-length", type=int, help="context length to use instead of the model's")
    parser.add_argument("--peft", metavar="PATH", help="adapter to load on top of the model")
    parser.add_argument(
        "--prefix-token", type=int, metavar="ID", help="token before an empty prompt (default: natural)"
    )
    parser.add_argument("--chat-template", action="store_true", help="apply the tokenizer's chat template")
    parser.add_argument(
        "--fewshot-as-multiturn",
        action=argparse.BooleanOptionalAction,
        help="with a chat template: demonstrations as turns of user and assistant (default), or all in one turn",
    )
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="run code that comes with the model: dangerous"
    )


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, print the table, and return 0; 2 when something failed, or was asked for by name and has no data.

    By name: tasks, pairs, and benchmarks in the languages of `--langs`; suites and globs take what there is.
    """
    apply_data(arguments)
    from xling_bench.catalog.names import languages_lacking
    from xling_bench.core.chatter import quiet
    from xling_bench.evaluation import launch
    from xling_bench.evaluation.configure import model_config, run_config
    from xling_bench.evaluation.runner import Runner
    from xling_bench.models.config import ModelConfig

    quiet()
    settings = {f.name: getattr(arguments, f.name) for f in fields(ModelConfig) if f.name != "spec"}
    config = run_config(
        model_config(arguments.model, engine=arguments.engine, **settings),
        naming="--name",
        **{name: getattr(arguments, name) for name in OPTIONS},
    )
    if lacking := languages_lacking(arguments.tasks, arguments.langs, arguments.suite):
        tell(f"note: {lacking}")
    runner = Runner(config, progress=tell)
    if arguments.dry_run:
        return _dry_run(runner)
    report = launch.run(runner)
    if report is None:
        return 0  # one of several processes, which the first one answers for
    return _finish(runner, report, _asked(arguments))


def _asked(arguments: argparse.Namespace) -> set[str]:
    """The tasks that were asked for by name."""
    from xling_bench.catalog import select
    from xling_bench.catalog.names import emit_spec, find_task, is_glob

    words = [word for word in arguments.tasks if not is_glob(word)]
    if not arguments.langs:
        words = [word for word in words if find_task(word)]
    specs = select(words) if words else []
    return {spec.name for spec in (*specs, *map(emit_spec, arguments.pairs))}


def _dry_run(runner: Any) -> int:
    plan, done = runner.preview()
    for unit, facts in plan.units:
        demos = f", demonstrations from {facts.demo_origin}" if facts.shots else ""
        state = " (already there)" if unit in done else ""
        show(f"{unit}: {number_of(facts.items, 'item')} of {facts.origin}, data {facts.data}{demos}{state}")
    for note in (*plan.notes, *plan.unavailable()):
        show(f"note: {note}")
    units, items = number_of(len(plan.units), "unit"), number_of(plan.items, "item")
    show(f"{units}, {items}, {number_of(len(done), 'unit')} already there; nothing was run.")
    _print_problems(runner)
    return 2 if runner.report.failed or not plan.units else 0


def _finish(runner: Any, report: Any, asked: set[str]) -> int:
    from xling_bench.evaluation.writing import write_text
    from xling_bench.results import further_metrics, language_table, markdown, read_run, to_csv

    if report.finished:
        lost: list[str] = []
        cells = read_run(report.output, lost)
        lines = language_table(cells, shown=set(report.finished))
        show(markdown(lines), end="")
        write_text(report.output / "table.md", markdown(language_table(cells)))
        write_text(report.output / "table.csv", to_csv(cells))
        again = f" ({report.reused} there already)" if report.reused else ""
        results = number_of(len(report.finished), "result")
        show(f"{results} in {report.output}{again}; all of the folder's in table.md and table.csv")
        if more := further_metrics(report.finished):
            show(f"further metrics: {' '.join(more)} (xling-bench table {shlex.quote(str(report.output))})")
        for message in lost:
            tell(f"warning: not in the table: {message}")
    for name, message in report.warnings.items():
        tell(f"warning: {name}: {message}")
    _print_problems(runner)
    without = {"without data": report.missing, "not to be scored here": report.unmet, "failed": report.failed}
    if any(without.values()):
        scored, tasks = {folder.parent for folder in report.finished}, number_of(len(runner.config.specs), "task")
        said = ", ".join(f"{len(found):,} {what}" for what, found in without.items() if found)
        goes_on = "" if report.settled else " The same command goes on with them."
        tell(f"{len(scored):,} of {tasks} scored and kept in {report.output}; {said}, named above.{goes_on}")
    return 2 if report.failed or asked & {*report.missing, *report.unmet} or not report.finished else 0


def _print_problems(runner: Any) -> None:
    """What has no results and why, a line per benchmark that lacks data and one that says how to get them."""
    from xling_bench.data.source import where_to_get

    lacking: dict[str, list[Any]] = {}
    for spec in runner.config.specs:
        if spec.name in runner.report.missing:
            lacking.setdefault(spec.tag, []).append(spec)
    for tag, specs in lacking.items():
        name = specs[0].name if len(specs) == 1 else f"{tag}, {len(specs)} tasks ({', '.join(s.unit for s in specs)})"
        tell(f"no data: {name}: {runner.report.missing[specs[0].name]}")
    for benchmark in {specs[0].benchmark.key: specs[0].benchmark for specs in lacking.values()}.values():
        tell(where_to_get(benchmark))
    for name, message in runner.report.unmet.items():
        tell(f"not run: {name}: {message}")
    for name, message in runner.report.failed.items():
        tell(f"failed: {name}: {message}")
