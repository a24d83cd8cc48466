"""The Python interface that computes: `evaluate`, `train` and `gate_sequentially` do what `xling-bench run`, `train`
and `gate --sequential` do."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xling_bench.core.chatter import quiet
from xling_bench.core.errors import DataError
from xling_bench.data.source import current_source, source_of, using
from xling_bench.evaluation import launch
from xling_bench.evaluation.as_measured import config_as
from xling_bench.evaluation.configure import Words, model_config, run_config
from xling_bench.evaluation.portions import Portions
from xling_bench.evaluation.run_report import RunReport
from xling_bench.evaluation.runner import Runner
from xling_bench.models.config import ModelConfig
from xling_bench.regress import sequence_file
from xling_bench.regress.decision import gate_of, look
from xling_bench.regress.drawing import Group, batch_size, check_metric, check_settings
from xling_bench.regress.gate import read_side, run_gate
from xling_bench.regress.opening import check_alike, digest_of, opened
from xling_bench.regress.sequential import left_for_everything
from xling_bench.regress.settings import GateConfig
from xling_bench.regress.verdict import Gate, Seen
from xling_bench.results.given import Run
from xling_bench.results.marks import Cell
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
    `tasks` are benchmarks, or names, tags or globs of `xling-bench tasks list`; `pairs` further FLORES pairs
    (`deu_Latn-fra_Latn`).
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


def gate_sequentially(
    baseline: Run,
    model: str | ModelConfig,
    *,
    output: str | Path,
    config: GateConfig | None = None,
    batch: int | None = None,
    order_seed: int = 0,
    name: str | None = None,
    joiner: str = "paper",
    allow_sample: bool = False,
    allow_engines: bool = False,
    allow_contaminated: bool = False,
    data: str | None = None,
    data_dir: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Gate:
    """Evaluate a model as `baseline` was measured and judge it meanwhile, which ends when the answer is clear.

    Items are drawn in the order of a hash of `order_seed` and their cluster, `batch` of each language at a time
    (default: a twentieth of the largest benchmark, 50 at least), and after each batch it is asked whether something has
    regressed, or whether nothing can be called so any more (`regress.sequential` says what is promised). Without an
    answer before the end, `run_gate` judges everything, at what of alpha is left. `output` is the folder of an ordinary
    run, which `evaluate` completes; calling again continues. `model`, `settings`, `joiner`, `data`, `data_dir`: see
    `evaluate`; the rest: see `run_gate`. Raises as both do, and UsageError for what cannot be judged item by item.
    """
    quiet()
    config = config or GateConfig()
    check_settings(config)
    known, frame = read_side(baseline, config, allow_sample=allow_sample)
    for benchmark, metric in sorted(set(zip(frame["benchmark"], frame["metric"], strict=True))):
        check_metric(str(metric), str(benchmark))
    planned = config_as(frame, model_config(model, **settings), output, name=name, joiner=joiner)
    say = progress or _to_stderr
    with using(source_of(data, data_dir) if data or data_dir else current_source()):
        portions = Portions(Runner(planned, say))
        portions.begin()
        allowed = {"allow_engines": allow_engines, "allow_contaminated": allow_contaminated}
        notes, learnt = check_alike(frame, portions.records(), **allowed)
        groups = opened(frame, portions.items(), config, order_seed)
        size = batch_size(groups, batch)
        rules = {"baseline": digest_of(frame), "batch": size, "order_seed": order_seed,
                 "settings": config.model_dump(mode="json")}  # fmt: skip
        sequence_file.begin(planned.output, rules)
        early = _look_until_clear((known, portions.runner.name), groups, portions, size, config, rules, (notes, learnt))
        if early is not None:
            return early
        report = portions.finish()
        sequence_file.end(planned.output, rules)
        if report.failed:
            raise DataError("; ".join(f"{unit}: {why}" for unit, why in report.failed.items()))
    rest = config.model_copy(update={"alpha": left_for_everything(config.alpha)})
    whole = run_gate(baseline, planned.output, rest, allow_sample=allow_sample, **allowed)
    total = sum(len(items) for items in portions.items().values())
    spent = f"Sequential: undecided before the end; all items are judged at alpha {rest.alpha:.3g}, for looking before."
    return replace(whole, notes=(spent, *whole.notes), seen=Seen(total, total, math.ceil(total / size), early=False))


def _look_until_clear(
    names: tuple[str, str], groups: Sequence[Group], portions: Portions, size: int, config: GateConfig,
    rules: Mapping[str, object], known: tuple[list[str], set[Cell]],
) -> Gate | None:  # fmt: skip
    """Draw batch after batch; the gate's answer, or None where everything but the last batch was drawn without one."""
    most = max(group.items for group in groups)
    total = sum(len(items) for items in portions.items().values())
    drawn = [0] * len(groups)
    for number in range(1, math.ceil(most / size)):
        before, drawn = drawn, [group.drawn_after(number * size) for group in groups]
        portions.draw({
            (group.head, unit): group.ids_of(unit, range(old, new))
            for group, old, new in zip(groups, before, drawn, strict=True) for unit in group.units
        })  # fmt: skip
        candidates = [group.candidate(portions.scores_of(group.head)) for group in groups]
        found = look(groups, candidates, drawn, config)
        seen = Seen(portions.drawn, total, number, early=found.answer is not None)
        sequence_file.note(portions.runner.config.output, rules, seen)
        portions.runner.say(f"look {number}: {seen.items} of {total} items: {found.answer or 'not clear yet'}")
        if found.answer is not None:
            return gate_of(names, groups, candidates, found, config, seen, *known, complete=portions.complete)
    return None


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
