"""`xling-bench gate`: a candidate against a baseline, for a build to pass or fail on."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.cli.common import show
from xling_bench.core.reading import real
from xling_bench.errors import UsageError, XlingError

if TYPE_CHECKING:
    from xling_bench.regress.config import GateConfig

OF_RUNS = ("items.parquet", "results.json", "run.json", "samples.jsonl")  # names that runs give
EPILOG = (
    "exit codes: 0 no regression seen, 1 regression found, 2 bad input, 3 strict, and the gate could not see enough"
)


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("gate", help="fail when a candidate is worse than a baseline", epilog=EPILOG)
    parser.add_argument(
        "--baseline", metavar="[NAME=]RUN", help="folder of a run, or a file of --write-baseline; NAME names its model"
    )
    parser.add_argument("--candidate", metavar="[NAME=]RUN", required=True, help="folder of the run to judge")
    parser.add_argument("--config", type=Path, metavar="TOML", help="thresholds and slices (reports/gate.toml)")
    parser.add_argument("--strict", action="store_true", help="exit 3 when a required cell cannot be seen")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every verdict as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a comment for a pull request")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument(
        "--write-baseline", type=Path, metavar="FILE", help="instead: keep --candidate as a small baseline (.parquet)"
    )
    parser.add_argument("--allow-sample", action="store_true", help="take runs on the built-in sample")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Judge, print and write what was asked for; or write a baseline."""
    from xling_bench.results.given import given

    arguments.candidate = given(arguments.candidate)
    arguments.baseline = arguments.baseline and given(arguments.baseline)
    if (arguments.baseline is None) == (arguments.write_baseline is None):
        raise UsageError("gate: expected either --baseline RUN to compare with, or --write-baseline FILE to make one.")
    if arguments.baseline is None:
        return _write_baseline(arguments)

    from xling_bench.regress import output, refusal
    from xling_bench.regress.gate import run_gate

    files = {f"--{name}": getattr(arguments, name) for name in ("json", "markdown", "junit")}
    _refuse_overwriting({name: path for name, path in files.items() if path is not None}, arguments)
    try:
        config = _config(arguments)
        gate = run_gate(arguments.baseline, arguments.candidate, config, allow_sample=arguments.allow_sample)
    except XlingError as error:
        _write(files, refusal, _public(str(error), arguments))
        raise
    _print(output.to_text(gate))
    _write(files, output, gate)
    return gate.exit_code


def _config(arguments: argparse.Namespace) -> GateConfig:
    from xling_bench.regress.config import GateConfig, read_config

    config = GateConfig() if arguments.config is None else read_config(arguments.config)
    return config.model_copy(update={"strict": True}) if arguments.strict else config


def _write(files: dict[str, Path | None], form: Any, content: Any) -> None:
    """Write the files asked for, by the functions of `form`."""
    from xling_bench.files import write_text

    for name, path in files.items():
        if path is not None:
            write_text(path, getattr(form, f"to_{name.removeprefix('--')}")(content))


def _public(reason: str, arguments: argparse.Namespace) -> str:
    """What is wrong, for others: names of runs and settings, not their paths, which may be private."""
    for path in (arguments.baseline.path, arguments.candidate.path, arguments.config):
        if path is not None and os.sep in str(path):
            reason = reason.replace(str(path), real(path).name)
    return reason


def _print(text: str) -> None:
    """Print. A reader that has gone (`| head`) does not change the exit code."""
    try:
        show(text, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to fail at exit


def _refuse_overwriting(files: dict[str, Path], arguments: argparse.Namespace) -> None:
    """Raise UsageError for a file to write that is read here, belongs to a run, or is named twice."""
    known = {"--candidate": arguments.candidate.path, "--config": arguments.config}
    known["--baseline"] = arguments.baseline and arguments.baseline.path
    taken = {real(path): name for name, path in known.items() if path is not None}
    for name, path in files.items():
        place = real(path)
        if place in taken and not (path.exists() and not path.is_file()):
            raise UsageError(f"{name} {path} is what {taken[place]} names, and would overwrite it.")
        taken[place] = name
        inside = any(place.is_relative_to(run) for run in taken if run.is_dir())
        if inside and path.is_file() and path.name in OF_RUNS:
            raise UsageError(f"{name} {path} would overwrite a file of a run. Give another name.")


def _write_baseline(arguments: argparse.Namespace) -> int:
    from xling_bench.regress.gate import read_side
    from xling_bench.results.baseline import write_baseline

    asked = [f"--{name}" for name in ("json", "markdown", "junit") if getattr(arguments, name) is not None]
    if asked:
        raise UsageError(f"{', '.join(asked)}: --write-baseline compares nothing, so that there is nothing to write.")
    _refuse_overwriting({"--write-baseline": arguments.write_baseline}, arguments)
    name, frame = read_side(arguments.candidate, _config(arguments), allow_sample=arguments.allow_sample)
    size = write_baseline(frame, arguments.write_baseline)
    items = sum(len(scores) for scores in frame["items"] if scores is not None)
    show(f"{arguments.write_baseline}: {len(frame)} numbers of {name}, {items} item scores, {size / 1000:.0f} kB")
    return 0
