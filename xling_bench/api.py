"""`xling_bench.evaluate`: what `xling-bench run` does, from Python."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from xling_bench.catalog import select
from xling_bench.core.chatter import quiet
from xling_bench.core.errors import UsageError
from xling_bench.evaluation import launch
from xling_bench.evaluation.plan import RunConfig
from xling_bench.evaluation.run_report import RunReport
from xling_bench.evaluation.runner import Runner
from xling_bench.harness.demos import Demos
from xling_bench.models.config import ModelConfig
from xling_bench.results.naming import check_name


def evaluate(
    model: str | ModelConfig,
    *,
    output: str | Path,
    name: str | None = None,
    tasks: str | Sequence[str] = (),
    suite: str | None = None,
    langs: str | Sequence[str] = (),
    shots: Sequence[int] = (0,),
    seeds: Sequence[int] = (0,),
    demo_lang: str | None = None,
    demos: str = "fixed",
    demo_encoder: str | None = None,
    aligner: bool = False,
    limit: int | None = None,
    split: str = "test",
    joiner: str = "paper",
    metrics: str | Sequence[str] = (),
    ns: str = "drop",
    progress: Callable[[str], None] | None = None,
    **settings: Any,
) -> RunReport:
    """Evaluate a checkpoint and return what was finished, missing and failed.

    `model` is `"hf:PATH_OR_NAME"`, `"gguf:FILE"` or a ModelConfig; `settings` are ModelConfig's fields (dtype, ...);
    `name` is what tables call it (default: its folder, its file, or its name on the hub).
    `tasks` are names, tags or globs of `xling-bench tasks list`; data come from `XLING_DATA` / `XLING_DATA_DIR`.
    `demos`, `demo_lang`, `demo_encoder` and `aligner` choose the demonstrations: see `harness.demos.Demos`.
    `metrics` limits what is reported (names of `metrics.registry.METRICS`; default all that a task has).
    `ns` drops or keeps rows with a placeholder for a text (PAWS-X's `NS`).
    Results are written under `output` as each task ends; calling again continues. Raises XlingError for bad input
    or an unusable model; a single task's failure is in `RunReport.failed` and stops nothing else.
    """
    quiet()
    names = {f.name for f in fields(ModelConfig)} - {"spec"}
    if settings and (isinstance(model, ModelConfig) or not settings.keys() <= names):
        wrong = settings.keys() if isinstance(model, ModelConfig) else settings.keys() - names
        raise UsageError(
            f"unknown setting {', '.join(sorted(wrong))}: with a model name you may give {', '.join(sorted(names))}"
        )
    config = model if isinstance(model, ModelConfig) else ModelConfig(spec=model, **settings)
    specs = tuple(select(_listed(tasks), langs=_listed(langs), suite=suite))
    run = RunConfig(
        model=config,
        specs=specs,
        output=Path(output),
        name=None if name is None else check_name(name, "name"),
        shots=tuple(shots),
        seeds=tuple(seeds),
        demos=Demos(demos, demo_lang, demo_encoder, aligner),
        limit=limit,
        split=split,
        joiner=joiner,
        metrics=tuple(_listed(metrics)),
        ns=ns,
    )
    runner = Runner(run, progress or _to_stderr)
    return launch.run(runner) or runner.report


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
