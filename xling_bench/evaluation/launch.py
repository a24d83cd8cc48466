"""One run in one process, in the several that `torchrun` or `accelerate launch` started, or with vLLM in its own."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from xling_bench.core.errors import ModelError, UsageError, XlingError
from xling_bench.evaluation.apart import generate_apart
from xling_bench.evaluation.run_report import RunReport
from xling_bench.evaluation.runner import Runner
from xling_bench.models import load as loading
from xling_bench.models.config import ModelConfig


def several_processes() -> bool:
    """Whether the environment says that this process is one of several (WORLD_SIZE and RANK)."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def run(runner: Runner) -> RunReport | None:
    """Do the run. Of several processes the first one does all that a run does, and the report is its own; the others
    help it to compute, touch no file, and get None."""
    if runner.config.model.apart:
        return _in_parts(runner)
    if not several_processes():
        return runner.run()
    from xling_bench.scoring.parallel import Command, Team

    team = Team(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    if not team.leads:
        team.follow(lambda: _helper(loading.load(runner.config.model)))
        return None

    def load(config: ModelConfig, program: str = "transformers") -> Any:
        team.tell(Command.LOAD)
        lm = team.loaded(lambda: loading.load(config, program))
        lm.team = team
        runner.say(f"{team.size} processes share the work")
        return lm

    runner.held.load = load
    try:
        report = runner.run()
    except XlingError:
        _stop(team)
        raise  # of anything else, Ctrl-C above all, the others hear by the closed connection
    _stop(team)
    return report


def _in_parts(runner: Runner) -> RunReport:
    """vLLM's part first, in processes of its own, which leave no memory taken; then the others' here."""
    runner.config.check()
    kinds = {spec.kind for spec in runner.config.specs}
    if several_processes():
        raise UsageError("--engine auto and --data-parallel start their own processes: no launcher, such as torchrun")
    if "generate" not in kinds:
        return runner.run()
    apart = generate_apart(runner.config, runner.say)
    if kinds != {"generate"}:
        runner.leave_out("generate")
        runner.run()
    runner.report.add(apart)
    return runner.report


def _stop(team: Any) -> None:
    from xling_bench.scoring.parallel import Command

    with contextlib.suppress(ModelError, RuntimeError):  # a process that is gone need not be told
        team.tell(Command.STOP)
        team.close()


def _helper(lm: Any) -> tuple[Any, Any]:
    return getattr(lm, "engine", None), lm.texts
