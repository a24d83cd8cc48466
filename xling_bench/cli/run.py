"""`xling-bench run`: evaluate a checkpoint."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from xling_bench.cli.common import add_data, apply_data, comma_list, comma_numbers
from xling_bench.errors import UsageError

EXAMPLE = "example: xling-bench run --model hf:./ckpt --tasks xling_xnli,xling_xcopa --shots 0,5 -o runs/ckpt"


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("run", help="evaluate a checkpoint; resumes where it stopped", epilog=EXAMPLE)
    parser.add_argument("--model", required=True, metavar="hf:PATH_OR_NAME", help="model folder or hub name")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="RUN", help="folder for results")
    parser.add_argument("--tasks", type=comma_list, default=[], metavar="NAME,...", help="task names, tags or globs")
    parser.add_argument("--suite", help="a named selection of tasks/suites.toml, such as core or afp")
    parser.add_argument("--langs", type=comma_list, default=[], metavar="CODE,...", help="only these languages")
    parser.add_argument("--shots", type=comma_numbers, default=[0], metavar="N,...", help="demonstrations (default 0)")
    parser.add_argument(
        "--seeds", type=comma_numbers, default=[0], metavar="N,...", help="which demonstrations (default 0)"
    )
    parser.add_argument("--demo-lang", metavar="CODE", help="language of demonstrations (default: the task's)")
    parser.add_argument("--limit", type=int, metavar="N", help="score only the first N items of each task")
    parser.add_argument("--split", default="test", help="test (default), or dev where a benchmark has it")
    parser.add_argument(
        "--joiner",
        choices=("paper", "auto"),
        default="paper",
        help="after each demonstration: the family's own text, or the model's end token",
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be done and stop")
    add_model(parser)
    add_data(parser)
    parser.set_defaults(run=run)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Options handed to the model."""
    parser.add_argument("--revision", help="branch, tag or commit of a hub model")
    parser.add_argument("--dtype", default="auto", help="auto (default), float32, bfloat16, float16")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 (default: cuda when there is one)")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, help="context length to use instead of the model's")
    parser.add_argument("--peft", metavar="PATH", help="adapter to load on top of the model")
    parser.add_argument(
        "--prefix-token", type=int, metavar="ID", help="token id before an empty prompt (default: the tokenizer's)"
    )
    parser.add_argument("--chat-template", action="store_true", help="apply the tokenizer's chat template")
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="run code that comes with the model (dangerous)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, print the table, and return 0, or 2 when something asked for could not be had."""
    apply_data(arguments)
    from xling_bench.catalog import select
    from xling_bench.harness.chatter import quiet
    from xling_bench.harness.model import ModelConfig
    from xling_bench.harness.runner import RunConfig, Runner

    quiet()
    names = (
        "revision",
        "dtype",
        "device",
        "peft",
        "batch_size",
        "max_length",
        "prefix_token",
        "chat_template",
        "trust_remote_code",
    )
    model = ModelConfig(spec=arguments.model, **{name: getattr(arguments, name) for name in names})
    if arguments.batch_size < 1:
        raise UsageError(f"--batch-size {arguments.batch_size}: expected a number >= 1")
    config = RunConfig(
        model=model,
        specs=tuple(select(arguments.tasks, langs=arguments.langs, suite=arguments.suite)),
        output=arguments.output,
        shots=tuple(arguments.shots),
        seeds=tuple(arguments.seeds),
        demo_lang=arguments.demo_lang,
        limit=arguments.limit,
        split=arguments.split,
        joiner=arguments.joiner,
    )
    runner = Runner(config, progress=_say)
    if arguments.dry_run:
        return _dry_run(runner)
    report = runner.run()
    return _finish(runner, report, arguments.tasks)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _dry_run(runner: Any) -> int:
    runner.config.model.check()
    planned = runner.plan()
    for unit, facts in planned:
        print(
            f"{unit}: {facts['items']} items from {facts['origin']}, data {facts['data']}, template {facts['template']}"
        )
    print(f"{len(planned)} units, {sum(facts['items'] for _, facts in planned)} items; nothing was run.")
    _print_problems(runner.report)
    return 2 if runner.report.failed or not planned else 0


def _finish(runner: Any, report: Any, asked: list[str]) -> int:
    from xling_bench.results import language_table, markdown, read_run

    if report.finished:
        mine = {str(folder) for folder in report.finished}
        cells = [c for c, path in _with_paths(report.output, read_run(report.output)) if str(path) in mine]
        print(markdown(language_table(cells)), end="")
        again = f" ({report.reused} were there already)" if report.reused else ""
        print(f"{len(report.finished)} results in {report.output}{again}")
    _print_problems(report)
    named = [name for name in report.missing if name in asked]
    return 2 if report.failed or named or not report.finished else 0


def _with_paths(output: Path, cells: list[Any]) -> list[tuple[Any, Path]]:
    return list(zip(cells, (path.parent for path in sorted(output.glob("*/*/results.json"))), strict=True))


def _print_problems(report: Any) -> None:
    for name, message in report.missing.items():
        print(f"no data: {name}: {message}", file=sys.stderr)
    for name, message in report.failed.items():
        print(f"failed: {name}: {message}", file=sys.stderr)
