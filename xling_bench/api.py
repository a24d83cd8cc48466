"""The Python interface that computes: `evaluate` and `train` do what `xling-bench run` and `xling-bench train` do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xling_bench.core.chatter import quiet
from xling_bench.data.source import current_source, source_of, using
from xling_bench.evaluation import launch
from xling_bench.evaluation.configure import Words, model_config, run_config
from xling_bench.evaluation.run_report import RunReport
from xling_bench.evaluation.runner import Runner
from xling_bench.models.config import ModelConfig
from xling_bench.training.recipe import resolve
from xling_bench.training.start import prepare

Progress = Callable[[str], None]


def evaluate(
    model: str | ModelConfig,
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
    data: str | None = None,
    data_dir: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> RunReport:
    """Evaluate a checkpoint and return what was finished, missing and failed.

    `model` is `"hf:PATH_OR_NAME"`, `"vllm:PATH_OR_NAME"`, `"gguf:FILE"` or a ModelConfig; `settings` are ModelConfig's
    fields (dtype, ...) and `engine="auto"`, with which vLLM generates in a process of its own (`vllm_python`);
    `name` is what tables call it (default: its folder, its file, or its name on the hub).
    `tasks` are names, tags or globs of `xling-bench tasks list`, `pairs` further FLORES pairs (`deu_Latn-fra_Latn`).
    Rows come from `data` (files, hub or sample) and `data_dir`, by default from `XLING_DATA` and `XLING_DATA_DIR`.
    `demos`, `demo_lang`, `demo_encoder` and `aligner` choose the demonstrations: see `harness.demos.Demos`.
    `metrics` limits what is reported (names of `metrics.registry.METRICS`; default all that a task has).
    `ns` drops or keeps rows with a placeholder for a text (PAWS-X's `NS`).
    Results are written under `output` as each task ends; calling again continues. Raises XlingError for bad input
    or an unusable model; a single task's failure is in `RunReport.failed` and stops nothing else.
    """
    quiet()
    config = run_config(
        model_config(model, **settings), output=output, name=name, tasks=tasks, suite=suite, langs=langs, pairs=pairs,
        shots=shots, seeds=seeds, demo_lang=demo_lang, demos=demos, demo_encoder=demo_encoder, aligner=aligner,
        limit=limit, split=split, joiner=joiner, metrics=metrics, ns=ns,
    )  # fmt: skip
    with using(source_of(data, data_dir) if data or data_dir else current_source()):
        runner = Runner(config, progress or _to_stderr)
        return launch.run(runner) or runner.report


def train(
    recipe: str,
    *,
    output: str | Path,
    model: str | None = None,
    settings: Sequence[str] = (),
    data: str | None = None,
    data_dir: str | Path | None = None,
    trust_remote_code: bool = False,
    extend: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Train an aligned checkpoint, or go on where an earlier call stopped; returns the folder of the finished model.

    `recipe` is MODEL/DATA/METHOD, a .toml file or a recipe's name (`xling-bench train list`), `settings` change values
    of it (`"run.steps=100"`), `model` (a name in that list, a folder, a hub name) takes the place of the recipe's;
    `extend` lets a run that is there have more updates, whatever its schedule. Training data are below `data_dir`
    (default: `XLING_DATA_DIR`); `data` says where the rows of early evaluation and of the overlap check come from.
    Raises XlingError for what does not fit.
    """
    quiet()
    with using(source_of(data, data_dir) if data or data_dir else current_source()):
        prepared = prepare(
            resolve(recipe, settings, model),
            Path(output),
            data=data,
            data_dir=data_dir,
            trust_remote_code=trust_remote_code,
            extend=extend,
        )
        for line in prepared.lines:
            (progress or _to_stderr)(line)
        return prepared.train()


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
