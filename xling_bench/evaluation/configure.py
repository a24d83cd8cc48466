"""Options of a run, as the command line and Python give them, made into what a run is made of: in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from xling_bench.catalog import TaskSpec, select
from xling_bench.catalog.names import emit_spec
from xling_bench.core.errors import UsageError
from xling_bench.evaluation.plan import RunConfig
from xling_bench.harness.demos import Demos
from xling_bench.models.config import ModelConfig
from xling_bench.results.naming import check_name

Words = str | Sequence[str]


def model_config(model: str | ModelConfig, **settings: Any) -> ModelConfig:
    """`hf:PATH_OR_NAME` with ModelConfig's other fields, or one that is made already.

    Raises UsageError for a setting that there is not.
    """
    names = {f.name for f in fields(ModelConfig)} - {"spec"}
    if settings and (isinstance(model, ModelConfig) or not settings.keys() <= names):
        wrong = settings.keys() if isinstance(model, ModelConfig) else settings.keys() - names
        raise UsageError(
            f"unknown setting {', '.join(sorted(wrong))}: with a model name you may give {', '.join(sorted(names))}"
        )
    return model if isinstance(model, ModelConfig) else ModelConfig(spec=model, **settings)


def run_config(
    model: ModelConfig,
    *,
    output: str | Path,
    name: str | None = None,
    tasks: Words = (),
    suite: str | None = None,
    langs: Words = (),
    pairs: Words = (),
    shots: Sequence[int] = (0,),
    seeds: Sequence[int] = (0,),
    demo_lang: str | None = None,
    demos: str = "fixed",
    demo_encoder: str | None = None,
    aligner: bool = False,
    limit: int | None = None,
    split: str = "test",
    joiner: str = "paper",
    metrics: Words = (),
    ns: str = "drop",
    naming: str = "name",
) -> RunConfig:
    """What a run is made of. `naming` is what an error calls the option for `name`.

    Raises UsageError for tasks, languages, pairs or a name that there cannot be; the rest is checked by the run.
    """
    called = None if name is None else check_name(name, naming)
    return RunConfig(
        model=model,
        specs=_specs(listed(tasks), listed(langs), suite, listed(pairs)),
        output=Path(output),
        name=called,
        shots=tuple(shots),
        seeds=tuple(seeds),
        demos=Demos(demos, demo_lang, demo_encoder, aligner),
        limit=limit,
        split=split,
        joiner=joiner,
        metrics=tuple(listed(metrics)),
        ns=ns,
    )


def _specs(tasks: list[str], langs: list[str], suite: str | None, pairs: list[str]) -> tuple[TaskSpec, ...]:
    """Pairs first, then what tasks, suite and languages select: all, if nothing is named."""
    specs = [emit_spec(pair) for pair in pairs]
    if tasks or suite or not specs:
        specs += select(tasks, langs=langs, suite=suite)
    return tuple({spec.name: spec for spec in specs}.values())


def listed(names: Words) -> list[str]:
    """One name, or several."""
    return [names] if isinstance(names, str) else list(names)
