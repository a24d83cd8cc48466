"""`xling-bench gate`: a candidate against a baseline, for a build to pass or fail on."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.cli.common import add_allow_engines, add_data, apply_data, show, tell
from xling_bench.cli.run import add_model
from xling_bench.core.errors import OutputError, UsageError, XlingError
from xling_bench.core.reading import real

if TYPE_CHECKING:
    from xling_bench.regress.settings import GateConfig
    from xling_bench.regress.verdict import Gate
    from xling_bench.results.given import Given

Files = dict[str, Path | None]  # by the option that names it
# What is read of a run's folder, ours or lm-eval's.
OF_RUNS = ("items.parquet", "run.json", "*/*/results.json", "*/*/samples.jsonl", "**/results_*.json",
           "**/samples_*.jsonl")  # fmt: skip
EPILOG = (
    "exit codes: 0 no regression seen, 1 regression found, 2 bad input, 3 strict, and the gate could not see enough"
)


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("gate", help="fail when a candidate is worse than a baseline", epilog=EPILOG)
    parser.add_argument(
        "--baseline", metavar="[NAME=]RUN", help="folder of a run, or a file of --write-baseline; NAME names its model"
    )
    parser.add_argument("--candidate", metavar="[NAME=]RUN", help="folder of the run to judge")
    parser.add_argument("--config", type=Path, metavar="TOML", help="thresholds and slices (reports/gate.toml)")
    parser.add_argument("--strict", action="store_true", help="exit 3 when a required cell cannot be seen")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every verdict as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a comment for a pull request")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument(
        "--write-baseline", type=Path, metavar="FILE", help="instead: keep --candidate as a small baseline (.parquet)"
    )
    parser.add_argument("--allow-sample", action="store_true", help="take runs on the built-in sample")
    parser.add_argument(
        "--allow-contaminated",
        action="store_true",
        help="take numbers of a model that learnt the items it is tested on",
    )
    add_allow_engines(parser)
    before = {action.dest for action in parser._actions}
    _add_sequential(parser)
    own = {action.dest: (action.option_strings[-1], action.default) for action in parser._actions}
    parser.set_defaults(run=run, only_sequential={name: own[name] for name in own if name not in before})


def _add_sequential(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sequential", action="store_true",
        help="evaluate --model as the baseline was measured, and stop as soon as the answer is clear",
    )  # fmt: skip
    parser.add_argument("--model", metavar="hf:PATH_OR_NAME", help="with --sequential: the model to judge, as of `run`")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="RUN", help="with --sequential: folder for results, as of `run`"
    )
    parser.add_argument("--name", help="what tables call the model")
    parser.add_argument(
        "--batch", type=int, metavar="N",
        help="items of each language between two looks (default: a twentieth of the largest benchmark's, 50 at least)"
    )
    parser.add_argument("--order-seed", type=int, default=0, metavar="N", help="of the order of items (default 0)")
    parser.add_argument("--joiner", default="paper", help="after each demonstration, as the baseline's run had it")
    add_model(parser)
    add_data(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge, write what was asked for and print; or write a baseline."""
    _check(arguments)
    if arguments.write_baseline is not None and arguments.baseline is None:
        return _write_baseline(arguments)

    from xling_bench.regress import output, refusal

    files = {f"--{name}": getattr(arguments, name) for name in ("json", "markdown", "junit")}
    try:
        gate = _judge(arguments, files)
        _write(files, output, gate)
    except XlingError as error:
        safe = {name: path for name, path in files.items() if not _unsafe(name, files, arguments)}
        with contextlib.suppress(OutputError):  # what is wrong at first is what is said
            _write(safe, refusal, _public(str(error), arguments))
        raise
    _print(output.to_text(gate))
    return gate.exit_code


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    if not arguments.sequential:
        given = [option for name, (option, usual) in arguments.only_sequential.items()
                 if getattr(arguments, name) != usual]  # fmt: skip
        if given:
            raise UsageError(f"{', '.join(given)}: only with --sequential, which evaluates.")
        if arguments.candidate is None:
            raise UsageError("gate: expected --candidate RUN, or --sequential with --model and -o.")
        return
    for name in ("baseline", "model", "output"):
        if getattr(arguments, name) is None:
            raise UsageError(f"gate --sequential: expected --{name}: --baseline RUN --model hf:PATH_OR_NAME -o RUN.")
    for name in ("candidate", "write_baseline"):
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')}: not with --sequential, which evaluates its candidate.")
    from xling_bench.core.chatter import quiet

    quiet()  # before anything imports tqdm, which reads the environment then
    apply_data(arguments)
    arguments.candidate = str(arguments.output)


def _judge(arguments: argparse.Namespace, files: Files) -> Gate:
    from xling_bench.regress.gate import run_gate
    from xling_bench.results.given import Given, given

    if arguments.baseline is None or arguments.write_baseline is not None:
        raise UsageError("gate: expected either --baseline RUN to compare with, or --write-baseline FILE to make one.")
    other = Given(arguments.output) if arguments.sequential else given(arguments.candidate)
    sides = given(arguments.baseline), other
    config = _config(arguments)
    for name in files:
        if said := _unsafe(name, files, arguments):
            raise UsageError(said)
    allowed = {name: getattr(arguments, name) for name in ("allow_sample", "allow_engines", "allow_contaminated")}
    if arguments.sequential:
        return _evaluate(arguments, sides[0], config, allowed)
    return run_gate(*sides, config, **allowed)


def _evaluate(arguments: argparse.Namespace, baseline: Given, config: GateConfig, allowed: dict[str, Any]) -> Gate:
    from xling_bench.api import gate_sequentially
    from xling_bench.evaluation.configure import model_config
    from xling_bench.models.config import ModelConfig

    settings = {f.name: getattr(arguments, f.name) for f in fields(ModelConfig) if f.name != "spec"}
    names = ("output", "batch", "order_seed", "name", "joiner")
    own: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    model = model_config(arguments.model, engine=arguments.engine, **settings)
    return gate_sequentially(baseline, model, config=config, progress=tell, **own, **allowed)


def _config(arguments: argparse.Namespace) -> GateConfig:
    from xling_bench.regress.settings import GateConfig, read_config

    config = GateConfig() if arguments.config is None else read_config(arguments.config)
    return config.model_copy(update={"strict": True}) if arguments.strict else config


def _write(files: Files, form: Any, content: Any) -> None:
    """Write the files asked for, by the functions of `form`: each of them, though one cannot be written."""
    from xling_bench.core.files import write_text

    failed: list[OutputError] = []
    for name, path in files.items():
        try:
            if path is not None:
                write_text(path, getattr(form, f"to_{name.removeprefix('--')}")(content))
        except OutputError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _public(reason: str, arguments: argparse.Namespace) -> str:
    """What is wrong, for others: names of runs and settings, not their paths, which may be private."""
    for path in (*map(_path, (arguments.baseline, arguments.candidate)), arguments.config):
        if path is not None and path.name and os.sep in str(path):
            reason = reason.replace(str(path), real(path).name)
    return reason


def _path(run: str | None) -> Path | None:
    """The path in `[NAME=]RUN`; None where that is no run."""
    from xling_bench.results.given import given

    try:
        return None if run is None else given(run).path
    except XlingError:
        return None


def _print(text: str) -> None:
    """Print. A reader that has gone (`| head`) does not change the exit code."""
    try:
        show(text, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to fail at exit


def _unsafe(name: str, files: Files, arguments: argparse.Namespace) -> str:
    """Why the file that option `name` names must not be written: it is read here, belongs to a run, or stands twice.
    Empty where it may."""
    path = files[name]
    if path is None:
        return ""
    place, runs = real(path), [_path(arguments.baseline), _path(arguments.candidate)]
    candidate = "-o" if arguments.sequential else "--candidate"
    known = {candidate: runs[1], "--config": arguments.config, "--baseline": runs[0]}
    known |= {other: files[other] for other in list(files)[: list(files).index(name)]}
    taken = {real(path): option for option, path in known.items() if path is not None}
    if place in taken and not (path.exists() and not path.is_file()):
        return f"{name} {path} is what {taken[place]} names, and would overwrite it."
    if path.is_file() and any(place in _files_of(run) for run in runs if run is not None and run.is_dir()):
        return f"{name} {path} would overwrite a file of a run. Give another name."
    return ""


def _files_of(run: Path) -> set[Path]:
    """The files that readers of a run's folder read, wherever links lead."""
    found = (path for pattern in OF_RUNS for path in run.glob(pattern))
    return {real(path) for path in found}


def _write_baseline(arguments: argparse.Namespace) -> int:
    from xling_bench.regress.gate import read_side
    from xling_bench.results.baseline import write_baseline
    from xling_bench.results.given import given

    asked = [f"--{name}" for name in ("json", "markdown", "junit") if getattr(arguments, name) is not None]
    if asked:
        raise UsageError(f"{', '.join(asked)}: --write-baseline compares nothing, so that there is nothing to write.")
    if said := _unsafe("--write-baseline", {"--write-baseline": arguments.write_baseline}, arguments):
        raise UsageError(said)
    candidate = given(arguments.candidate)
    name, frame = read_side(candidate, _config(arguments), allow_sample=arguments.allow_sample)
    size = write_baseline(frame, arguments.write_baseline)
    items = sum(len(scores) for scores in frame["items"] if scores is not None)
    show(f"{arguments.write_baseline}: {len(frame)} numbers of {name}, {items} item scores, {size / 1000:.0f} kB")
    return 0
