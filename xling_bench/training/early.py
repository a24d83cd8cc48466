"""Early evaluation: a model in training on development splits, by the scoring engine. Never on a test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xling_bench.catalog import TaskSpec, select
from xling_bench.catalog.render import render
from xling_bench.core.errors import MissingDataError, UsageError
from xling_bench.core.row import Row
from xling_bench.data.source import Source, explain, load
from xling_bench.models.prefix import first_token
from xling_bench.scoring.budget import ON_CPU
from xling_bench.scoring.decoder import Decoder
from xling_bench.scoring.engine import Engine
from xling_bench.scoring.tree import PrefixTree


@dataclass(frozen=True)
class Task:
    """One task's items: where each one's candidates stand among the tree's requests, and which is right."""

    name: str
    golds: list[int]
    widths: list[int]


class EarlyEvaluation:
    """Accuracies of ranking tasks at 0 shots on the first `limit` items of their development splits.

    As `xling-bench run --split dev --limit N` scores them: the candidate with the largest sum of log-probabilities.
    Items are read and tokenised once. Raises what `with_data` does.
    """

    def __init__(self, patterns: Sequence[str], tokenizer: Any, source: Source, limit: int) -> None:
        self.tree, self.tasks = PrefixTree(), list[Task]()
        before = first_token(tokenizer)
        if before is None:
            raise UsageError("early evaluation: the tokenizer has no bos or eos token to begin a text with.")
        for spec, rows in with_data(patterns, source)[0]:
            golds, widths = [], []
            for row in rows[:limit]:
                shown = render(spec.benchmark, spec.form(), row)
                for choice in shown.choices:
                    context = tokenizer(shown.prompt)["input_ids"] if shown.prompt else [before]
                    tokens = tokenizer(choice, add_special_tokens=False)["input_ids"]
                    self.tree.add([*context, *tokens], len(context))
                golds.append(shown.gold)
                widths.append(len(shown.choices))
            self.tasks.append(Task(spec.name, golds, widths))

    def __call__(self, model: Any) -> dict[str, float]:
        """{task: accuracy, 0 to 1}, and their `mean`. The model is as it was before: its mode, its weights."""
        training = model.training
        model.eval()
        try:
            scores = [score.sum for score in Engine(Decoder(model), ON_CPU).score(self.tree)]
        finally:
            model.train(training)
        found, start = {}, 0
        for task in self.tasks:
            right = 0
            for gold, width in zip(task.golds, task.widths, strict=True):
                candidates = scores[start : start + width]
                right += candidates.index(max(candidates)) == gold
                start += width
            found[task.name] = right / len(task.golds)
        return found | {"mean": sum(found.values()) / len(found)}


def with_data(patterns: Sequence[str], source: Source) -> tuple[list[tuple[TaskSpec, list[Row]]], list[str]]:
    """The tasks whose development splits are there, with their rows, and the names of those whose are not.

    Raises UsageError for an unknown name, a task that generates or that has no development split, MissingDataError
    where no task has data.
    """
    there, missing = [], []
    try:
        wanted = select(patterns)
    except UsageError as error:
        raise UsageError(f"evaluate.tasks: {error}") from error
    for spec in wanted:
        if spec.kind != "choose":
            raise UsageError(f"evaluate.tasks: {spec.name} generates text; name tasks that rank candidates.")
        split = _split(spec)
        try:
            there.append((spec, load(spec.benchmark, spec.unit, split, source).rows))
        except MissingDataError as error:
            missing.append(spec.name)
            last = explain(spec.benchmark, error)
    if not there:
        raise MissingDataError(f"evaluate.tasks: no development split is here. {last}")
    return there, missing


def _split(spec: TaskSpec) -> str:
    if not spec.benchmark.demo_split:
        raise UsageError(
            f"evaluate.tasks: {spec.benchmark.title} has no development split, and choosing a checkpoint on its test "
            "items would make every later score of them worthless. Name a task that has one, such as xling_xnli_de."
        )
    return spec.benchmark.demo_split
