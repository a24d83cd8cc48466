"""A run portion by portion: some items of every unit at a time, in an order that others choose.

What is computed is kept beside the units' folders, as texts of a run in flight are (`partial.py`): an ordinary run into
the folder takes it from there, and what is missing it computes. Until then no unit has a result.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from xling_bench.core.errors import DataError, UsageError
from xling_bench.evaluation import task as tasks
from xling_bench.evaluation.launch import several_processes
from xling_bench.evaluation.partial import PartialTexts, partial_path
from xling_bench.evaluation.run_file import refuse_mixed
from xling_bench.evaluation.run_report import RunReport
from xling_bench.evaluation.runner import Runner
from xling_bench.evaluation.units import Evaluation, read_result
from xling_bench.evaluation.writing import prepare
from xling_bench.harness.adapter import Docs
from xling_bench.results.facts import Facts
from xling_bench.results.items import item_scores, scores_of
from xling_bench.results.record import Record
from xling_bench.results.seal import RESULTS

if TYPE_CHECKING:
    import pandas as pd

Head = tuple[Any, ...]  # benchmark, family, shots, demonstrations, metric
ItemScores = dict[str, dict[str, float]]  # by metric, by item


class Portions:
    """`runner`'s run. `units` are what is asked, with the facts of each; `drawn` is how many items were scored."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.units: list[tuple[Evaluation, Facts]] = []
        self.drawn = 0
        self._scores: dict[tuple[Any, ...], dict[int, dict[str, float]]] = {}  # by cell and metric, by seed
        self._tasks: dict[str, Any] = {}

    def begin(self) -> None:
        """Plan. Raises UsageError for a run that cannot go by portions, DataError where a unit cannot be done, and
        OutputError where the folder is another run's."""
        config = self.runner.config
        if config.model.apart or several_processes():
            raise UsageError("--sequential: one process computes; leave out --engine, --data-parallel and launchers.")
        if len({config.model.program(spec.kind) for spec in config.specs}) > 1:
            raise UsageError("--sequential: one program computes; gate tasks that generate and that choose apart.")
        if config.demos.policy == "semantic":
            raise UsageError("--sequential: semantic demonstrations are chosen for all items at once.")
        config.check()
        prepare(config.output)
        self.units = self.runner.begin()
        report = self.runner.report
        lost = {**report.missing, **report.unmet, **report.failed}
        if lost:
            name, why = next(iter(lost.items()))
            raise DataError(f"{name}: {why}" + (f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""))
        if self.units:
            refuse_mixed(config.output, self.units[0][1])

    def records(self) -> dict[tuple[str, int, str, int], Record]:
        """What the units' results will say of how they were measured, by task, shots, demonstrations and seed."""
        return {_place(unit): self._record(unit, facts) for unit, facts in self.units}

    def items(self) -> dict[tuple[str, int, str, int], dict[str, str]]:
        """{item: the first item of its cluster} of each unit, in its order. Loads the model."""
        found = {}
        for unit, facts in self.units:
            found[_place(unit)] = {str(doc["id"]): str(doc["cluster"]) for doc in self._docs(unit, facts)}
        return found

    @property
    def complete(self) -> bool:
        """Whether all units have results, of an ordinary run into the folder."""
        return all(read_result(self.runner.config.output / unit.folder) is not None for unit, _ in self.units)

    def draw(self, wanted: Mapping[tuple[Head, str], Collection[str]]) -> None:
        """Have these items scored, by benchmark, family, shots, demonstrations, metric, and language."""
        for unit, facts in self.units:
            items: set[str] = set()
            for (head, language), ids in wanted.items():
                if (*head[:4], language) == _cell(unit):
                    items.update(ids)
            if not items:
                continue
            self.drawn += len(items)
            for metric, scores in self.scores(unit, facts, items).items():
                self._scores.setdefault((*_cell(unit), metric), {}).setdefault(unit.seed, {}).update(scores)

    def scores_of(self, head: Head) -> dict[str, pd.Series[float]]:
        """What was drawn so far of a benchmark ... metric: {language: scores by item}, means over seeds."""
        import pandas as pd

        found: dict[str, pd.Series[float]] = {}
        for (*cell, language, metric), seeds in self._scores.items():
            if (*cell, metric) == head:
                series = [pd.Series(scores, dtype="float64") for scores in seeds.values()]
                found[str(language)] = pd.concat(series, axis=1).mean(axis=1)
        return found

    def scores(self, unit: Evaluation, facts: Facts, items: Collection[str]) -> ItemScores:
        """Scores of these items, by metric: of a result that is there, of what is kept, or computed now."""
        folder = self.runner.config.output / unit.folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(folder.parent / f".{folder.name}.lock")):
            record = read_result(folder)
            if record is not None:
                return self._finished(unit, facts, record, items)
            docs = self._docs(unit, facts)
            lm = self.runner.held.loaded
            lm.start_afresh()
            header: Mapping[str, object] = {"key": facts.key, **lm.circumstances()}
            samples = tasks.evaluate_items(
                lm, unit, self._tasks[unit.folder],
                [number for number, doc in enumerate(docs) if doc["id"] in items],
                model=self.runner.config.model,
                kept=PartialTexts(partial_path(folder), header, self.runner.say),
            )  # fmt: skip
        found: ItemScores = {}
        for sample in samples:
            for metric, item, score, _, _ in scores_of(sample, facts.metrics):
                found.setdefault(metric, {})[item] = score
        return found

    def finish(self) -> RunReport:
        """The ordinary run: results of all units."""
        self._tasks.clear()
        return self.runner.run()

    def _docs(self, unit: Evaluation, facts: Facts) -> Docs:
        """The items to be scored. Loads the model, whose tokenizer some metrics ask."""
        if unit.folder not in self._tasks:
            self.runner.take_model(unit)
            config = self.runner.config
            self._tasks[unit.folder] = tasks.prepared(self.runner.held.loaded, unit, facts, config.limit)
        docs: Docs = self._tasks[unit.folder].dataset["test"]
        return Docs(docs[: facts.items], docs.demos, docs.demo_form)

    def _finished(self, unit: Evaluation, facts: Facts, record: Record, items: Collection[str]) -> ItemScores:
        if record.facts is None or (changed := facts.differs_from(record.facts)):
            what = ", ".join(changed) if record.facts else "another origin"
            folder = self.runner.config.output / unit.folder
            raise DataError(
                f"{unit}: its result was made with {what}, by a run into the gate's folder. Remove {folder} "
                "and what else that run made, or give another -o folder."
            )
        found: ItemScores = {}
        for metric, item, score, _, _ in item_scores(record.samples, facts.metrics):
            if item in items:
                found.setdefault(metric, {})[item] = score
        return found

    def _record(self, unit: Evaluation, facts: Facts) -> Record:
        spec = unit.spec
        return Record.of(
            facts, path=self.runner.config.output / unit.folder / RESULTS, name=self.runner.name, identity=facts.model,
            benchmark=spec.benchmark.key, unit=spec.unit, family=spec.family.key, values={},
        )  # fmt: skip


def _place(unit: Evaluation) -> tuple[str, int, str, int]:
    return unit.spec.name, unit.shots, unit.demos, unit.seed


def _cell(unit: Evaluation) -> tuple[str, str, int, str, str]:
    return unit.spec.benchmark.key, unit.spec.family.key, unit.shots, unit.demos, str(unit.spec.unit)
