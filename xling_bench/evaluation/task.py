"""From a spec to an evaluated lm-eval task."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xling_bench.catalog import TaskSpec
from xling_bench.catalog.compile import Function, leaf
from xling_bench.core.chatter import no_bars_of
from xling_bench.core.errors import DataError
from xling_bench.core.lm_eval_versions import task_dict
from xling_bench.evaluation.generate import resumable
from xling_bench.evaluation.partial import PartialTexts
from xling_bench.evaluation.units import Evaluation
from xling_bench.harness.adapter import Docs, metric_list, shown
from xling_bench.harness.demos import choose_nearest, twins_of
from xling_bench.metrics.registry import METRICS
from xling_bench.models.config import ModelConfig
from xling_bench.models.encoder import embedder
from xling_bench.results.facts import Facts
from xling_bench.results.naming import name_here
from xling_bench.results.seal import Result, Sample


def resolve(value: Any) -> Any:
    """Replace every `Function` in compiled data by the object it names, as lm-eval's YAML loader does."""
    if isinstance(value, Function):
        module, _, name = value.rpartition(".")
        return getattr(importlib.import_module(module), name)
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item) for item in value]
    return value


def build(spec: TaskSpec, metadata: dict[str, object], joiner: str | None) -> Any:
    """lm-eval's task object, the same as from the compiled YAML, plus the run's metadata and joiner."""
    from lm_eval.api.task import ConfigurableTask

    config = resolve(leaf(spec))
    made_by = config.pop("class", ConfigurableTask)
    config["metadata"] |= metadata
    config["metric_list"] = metric_list(METRICS[name] for name in config["metadata"]["metrics"])
    if joiner is not None:
        config["fewshot_delimiter"] = joiner
    return made_by(config=config)


@contextmanager
def _unheard(name: str) -> Iterator[None]:
    """The logger without an audience: what it says of every request, the result says once."""
    logger, silence = logging.getLogger(name), logging.NullHandler()
    logger.addHandler(silence)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(silence)
        logger.propagate = True


def evaluate(
    lm: Any, unit: Evaluation, facts: Facts, *, limit: int | None, model: ModelConfig, kept: PartialTexts
) -> tuple[Result, list[Sample], int]:
    """Evaluate one unit. Returns (lm-eval's results without samples, samples, items that had twins among the
    demonstrations).

    Texts are generated into `kept`, where an earlier start may have left some.
    Raises DataError when the rows are not those `facts` were taken from, or when an item does not fit the model.
    """
    task = prepared(lm, unit, facts, limit)
    twins = _count_twins(task.dataset["test"], unit, limit)
    results = _asked(resumable(lm, kept), unit, task, model, limit=limit)
    for config in results["configs"].values():  # whose tokenizer is a path, where the model is
        config["metadata"] = {**config["metadata"], "tokenizer": name_here(str(lm.tokenizer.name_or_path))}
    return results, [_sample(s) for s in results.pop("samples")[unit.spec.name]], twins


def evaluate_items(
    lm: Any, unit: Evaluation, task: Any, numbers: Sequence[int], *, model: ModelConfig, kept: PartialTexts
) -> list[Sample]:
    """Samples of some of the items of a `prepared` task, by their `numbers` in it. What is computed stays in `kept`,
    where `evaluate` finds it."""
    wrapped = resumable(lm, kept, keep_ranks=True)
    chosen = {unit.spec.name: sorted(numbers)}
    results = _asked(wrapped, unit, task, model, samples=chosen, bootstrap_iters=0)
    return [_sample(s) for s in results["samples"][unit.spec.name]]


def prepared(lm: Any, unit: Evaluation, facts: Facts, limit: int | None) -> Any:
    """lm-eval's task of a unit, its rows read and its demonstrations chosen. Raises DataError when the rows are not
    those `facts` were taken from."""
    metadata: dict[str, object] = {"demo_seed": unit.seed, "split": facts.split, "metrics": list(facts.metrics)}
    metadata |= {"ns": facts.ns} if facts.ns else {}
    metadata |= {"tokenizer": lm.tokenizer.name_or_path, "revision": getattr(lm, "revision", None) or "main"}
    if unit.demonstrations is not None:
        metadata["demos"] = unit.demonstrations.policy
        if unit.demonstrations.language:
            metadata["demo_lang"] = unit.demonstrations.language
    task = build(unit.spec, metadata, facts.joiner)
    _prepare_demos(lm, unit, facts, task, limit)
    _check_data(task.dataset["test"], facts)
    task.set_config(key="num_fewshot", value=unit.shots)
    return task


def _asked(wrapped: Any, unit: Evaluation, task: Any, model: ModelConfig, **which: Any) -> Result:
    """lm-eval's results of a task with samples; `which` items are its own arguments."""
    from lm_eval import evaluator
    from lm_eval.api import task as requests

    with _unheard("lm_eval.models.huggingface"), no_bars_of(requests):
        found: Result = evaluator.evaluate(
            lm=wrapped,
            task_dict=task_dict(unit.spec.name, task),
            apply_chat_template=model.chat_template,
            fewshot_as_multiturn=model.turns,
            log_samples=True,
            **which,
        )
    return found


def _prepare_demos(lm: Any, unit: Evaluation, facts: Facts, task: Any, limit: int | None) -> None:
    """Choose each item's own demonstrations, and put the aligner's sentence before it, where the unit has these."""
    docs: Docs = task.dataset["test"]
    if unit.demonstrations is not None and unit.demonstrations.policy == "semantic":
        choose_nearest(docs[:limit], docs.demos, unit.shots, embedder(lm, unit.demonstrations.encoder))
    for doc in docs:
        if facts.aligner:
            doc["prompt"] = f"{facts.aligner}{task.config.fewshot_delimiter}{doc['prompt']}"


def _count_twins(docs: Docs, unit: Evaluation, limit: int | None) -> int:
    """How many items would have been shown their own content under another id."""
    if unit.demonstrations is None or unit.demonstrations.policy == "semantic":
        return 0  # chosen for each item among the others
    usual = [{doc["id"] for doc in shown({"id": doc["id"]}, docs.demos, unit.shots)} for doc in docs[:limit]]
    return sum(not ids.isdisjoint(twins_of(doc)) for doc, ids in zip(docs, usual, strict=False))


def _check_data(docs: Docs, facts: Facts) -> None:
    """The rows about to be scored must be the rows that were planned: files can change while a long run goes on."""
    found = docs[0]["data_hash"]
    demos = docs.demos[0]["data_hash"] if facts.shots else None
    if found != facts.data or (facts.shots and demos != facts.demo_data):
        raise DataError(f"the data of {facts.task} changed since the run started; start it again.")


def _sample(sample: Sample) -> Sample:
    """lm-eval's sample in the shape its own writer gives it."""
    from lm_eval.utils import sanitize_list

    arguments = {
        f"gen_args_{i}": {f"arg_{j}": value for j, value in enumerate(args)}
        for i, args in enumerate(sample["arguments"])
    }
    return {
        **sample,
        "arguments": arguments,
        "resps": sanitize_list(sample["resps"]),
        "filtered_resps": sanitize_list(sample["filtered_resps"]),
        "target": str(sample["target"]),
    }
