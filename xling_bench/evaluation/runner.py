"""The runner: task by task, each result atomic and keyed by what it depends on; a second start goes on where the
first one stopped, and two processes may share a folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from xling_bench.core.errors import OutputError, XlingError
from xling_bench.core.text import number_of
from xling_bench.data import Source, current_source
from xling_bench.evaluation.held_model import HeldModel
from xling_bench.evaluation.item_scores import write_items
from xling_bench.evaluation.kept_ranks import blocks_of, with_blocks
from xling_bench.evaluation.partial import PartialTexts, discard, partial_path
from xling_bench.evaluation.plan import Plan, RunConfig, make_plan, with_model
from xling_bench.evaluation.quality import doubts, name_near_ties
from xling_bench.evaluation.run_file import Claim, claim, note_asked, refuse_in_gate, refuse_mixed
from xling_bench.evaluation.run_report import RunReport
from xling_bench.evaluation.units import Evaluation, read_result
from xling_bench.evaluation.writing import prepare, remove_leftovers, result_texts, write_folder
from xling_bench.metrics.registry import METRICS, check_value
from xling_bench.models.config import Provenance
from xling_bench.models.fingerprint import fingerprint
from xling_bench.models.history import lineage_of
from xling_bench.models.load import LOADERS, check_chat_template, end_token
from xling_bench.results.facts import Facts
from xling_bench.results.lineage import Lineage
from xling_bench.results.marks import provenance_of
from xling_bench.results.naming import name_here
from xling_bench.results.record import Record
from xling_bench.results.seal import RESULTS, Sample

Progress = Callable[[str], None]
MOST_NOTES = 8


class Runner:
    """One run over one folder. `run` is the whole life; the methods are its steps."""

    def __init__(self, config: RunConfig, progress: Progress) -> None:
        self.config = config
        self.say = progress
        self.source: Source = current_source()
        self.report = RunReport(config.output)
        self.held = HeldModel(config.model, config.output, progress)
        self.fingerprint = ""
        self.lineage: Lineage | None = None
        self.name = config.name or name_here(config.model.name, config.model.peft)
        self.left_out = ""  # a kind of tasks
        self.asked: list[str] = []  # folders of all units of this run
        self.made_otherwise: list[str] = []  # what is said of finished results that this run would give otherwise
        self.joiners: list[str] = []  # between their demonstrations
        self.seconds: list[float] = []
        self.noted: set[str] = set()

    def plan(self) -> Plan:
        """What would be done; tasks that cannot be done go to the report."""
        specs = tuple(spec for spec in self.config.specs if spec.kind != self.left_out)
        plan = make_plan(replace(self.config, specs=specs), self.source)
        self.report.missing, self.report.unmet, self.report.failed = plan.missing, plan.unmet, plan.failed
        return plan

    def leave_out(self, kind: str) -> None:
        """Leave tasks of this kind to others."""
        self.left_out = kind

    def preview(self) -> tuple[Plan, list[Evaluation]]:
        """The plan and the units of it that are finished already. Writes nothing and loads no weights."""
        plan = self.plan()
        if not plan.units:
            return plan, []
        known = self._with_model(plan)
        return plan, [unit for unit, facts in known if self._settled(unit, facts) and str(unit) not in plan.failed]

    def run(self) -> RunReport:
        """Do all units that are not done yet. Raises for what stops everything: the model or the output folder."""
        self.config.check()
        new = prepare(self.config.output)
        try:
            return self._run()
        finally:
            if new:
                with contextlib.suppress(OSError):  # there is something in it
                    self.config.output.rmdir()

    def begin(self) -> list[tuple[Evaluation, Facts]]:
        """The units and their facts; says what there is to say of them, and refuses a folder of another run."""
        plan = self.plan()
        for note in list(plan.notes)[:MOST_NOTES]:
            self._note(note)
        if len(plan.notes) > MOST_NOTES:
            more = len(plan.notes) - MOST_NOTES
            self._note(f"{more} more splits are not as published; see `xling-bench data check`")
        for sentence in plan.unavailable():
            self._note(sentence)
        if plan.unmet:
            unmet = number_of(len(plan.unmet), "task")
            self.say(f"not run, {unmet}, named at the end: {next(iter(plan.unmet.values()))}")
        if not plan.units:
            return []
        known = self._with_model(plan)
        self._note(provenance_of(self.lineage))
        self.asked = [unit.folder for unit, _ in known]
        self.joiners = sorted({facts.joiner for _, facts in known if facts.joiner is not None})
        self._claim_folder(write=False)
        return known

    def _note(self, sentence: str) -> None:
        """Say it, once: a gate that looks meanwhile begins twice."""
        if sentence not in self.noted:
            self.noted.add(sentence)
            self.say(f"note: {sentence}")

    def _run(self) -> RunReport:
        known = self.begin()
        if not known:
            return self.report
        todo = [(unit, facts) for unit, facts in known if not self._settled(unit, facts)]
        todo.sort(key=lambda each: list(LOADERS).index(self.config.model.program(each[0].spec.kind)))
        if todo:  # else the folder would hold results of both, which nothing compares
            if self.made_otherwise:
                raise OutputError(self.made_otherwise[0])
            refuse_mixed(self.config.output, known[0][1])
            refuse_in_gate(self.config.output, [unit.folder for unit, _ in todo], self.config.limit)
        for folder in self.report.finished:
            discard(folder)  # of a process killed just after its result was in place
        busy = []
        for position, (unit, facts) in enumerate(todo, start=1):
            left = sum(later.items for _, later in todo[position - 1 :])
            label = f"[{position}/{len(todo)}] {unit}"
            if not self._one(unit, facts, label, left, wait=False):
                busy.append((unit, facts, label))
        for unit, facts, label in busy:
            self.say(f"{label}: another process is at it, waiting for its result")
            self._one(unit, facts, label, facts.items, wait=True)
        if self.report.finished:
            self._keep_items()
        return self.report

    def _keep_items(self) -> None:
        try:
            write_items(self.config.output)
        except XlingError as error:
            self.report.warnings["items.parquet"] = f"not brought up to date: {error}"

    def _with_model(self, plan: Plan) -> list[tuple[Evaluation, Facts]]:
        self.fingerprint = fingerprint(self.config.model)
        check_chat_template(self.config.model)  # before the model is loaded, and the folder is taken
        self.lineage = lineage_of(self.config.model)
        joiner = end_token(self.config.model) if self.config.joiner == "auto" else None
        more = (self.fingerprint, joiner, self.lineage)
        return [(unit, with_model(planned, self.config, unit, *more)) for unit, planned in plan.units]

    def _claim_folder(self, *, write: bool) -> None:
        """Check that the folder's run is of the same model and settings, and take its name; `write` run.json where
        there is none: once the model is loaded, so that a mistyped option does not claim the folder."""
        model = self.config.model
        mine = Claim(model=model.name, name=self.name, fingerprint=self.fingerprint, settings=model.settings(),
                     engines=model.engines,
                     trainings=(self.lineage.written() or None) if self.lineage else None)  # fmt: skip
        command = self.config.described(self.source.kind) if write else None
        self.name = claim(self.config.output, mine, command, named=self.config.name is not None)

    def _ranking(
        self, facts: Facts, kept: PartialTexts, samples: list[Sample], warnings: list[str]
    ) -> dict[str, Provenance]:
        """How a unit's candidates were ranked, for the results file; empty where nothing was."""
        if facts.decoding is not None:
            return {}
        ranking = with_blocks(self.held.loaded.provenance(), blocks_of(kept), samples)
        warnings += name_near_ties(ranking, samples)
        self.held.note_ranking(ranking)
        return {"scoring": ranking}

    def _settled(self, unit: Evaluation, facts: Facts) -> bool:
        """Whether nothing is left to do: the unit is finished, or its folder cannot be used.

        A finished result of other facts is a failure of this run, and is never overwritten.
        """
        folder = self.config.output / unit.folder
        try:
            record = read_result(folder)
        except OutputError as error:
            self.report.failed[str(unit)] = str(error)
            return True
        if record is None or record.facts is None:
            return False
        changed, only_metrics = facts.differs_from(record.facts), facts.metrics_to_add(record.facts)
        if changed and only_metrics:
            self.report.failed[str(unit)] = (
                f"{folder} lacks {', '.join(only_metrics)}: `xling-bench score {self.config.output}` adds what can be "
                "computed to the kept answers."
            )
            self.report.settled.append(str(unit))
        elif changed and only_metrics is None:
            said = f"{folder} was made with {', '.join(changed)}; it is left as it is. Use another -o folder."
            self.report.failed[str(unit)] = said
            self.report.settled.append(str(unit))
            self.made_otherwise.append(said)
        else:
            self.report.finish(unit, record.warnings)
            self.report.reused += 1
        return True

    def _one(self, unit: Evaluation, facts: Facts, label: str, items_left: int, *, wait: bool) -> bool:
        """Do one unit. Returns False when another process holds it and `wait` is not set."""
        folder = self.config.output / unit.folder
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(str(folder.parent / f".{folder.name}.lock"), timeout=-1 if wait else 0):
                if self._settled(unit, facts):
                    return True
                remove_leftovers(folder)
                self.take_model(unit)
                self.say(f"{label}: {number_of(facts.items, 'item')}{self._eta(items_left)}")
                self.report.finish(unit, self._evaluate(unit, facts, folder))
        except Timeout:
            return False
        except XlingError as error:
            if self.held.lm is None:
                raise  # no model, or the folder is another run's: the same for every unit that is left
            self._failed(unit, str(error))
        except Exception as error:  # noqa: BLE001 - one task's crash must not lose the others'
            self._failed(unit, f"{type(error).__name__}: {error}")
        return True

    def take_model(self, unit: Evaluation) -> None:
        """Have the model held by the program that does this unit."""
        config, kind = self.config.model, unit.spec.kind
        program = config.program(kind)
        generates = any(spec.kind == "generate" for spec in self.config.specs) and config.program("generate") == program
        self.held.take(program, generates=generates, joiners=self.joiners, claim=self._claim_and_note)

    def _claim_and_note(self) -> None:
        self._claim_folder(write=True)
        note_asked(self.config.output, self.asked)

    def _eta(self, items_left: int) -> str:
        if not self.seconds:
            return ""
        minutes, seconds = divmod(round(items_left * sum(self.seconds) / len(self.seconds)), 60)
        return f", about {minutes}:{seconds:02d} left"

    def _failed(self, unit: Evaluation, message: str) -> None:
        self.say(f"  failed: {message}")
        try:
            self.report.fail(unit, message)
        except OutputError as error:
            self.say(f"  (its traceback could not be kept: {error})")

    def _evaluate(self, unit: Evaluation, facts: Facts, folder: Path) -> list[str]:
        from xling_bench.evaluation import task

        lm = self.held.loaded
        lm.start_afresh()
        kept = PartialTexts(partial_path(folder), {"key": facts.key, **lm.circumstances()}, self.say)
        started, model = time.monotonic(), self.config.model
        results, samples, twins = task.evaluate(lm, unit, facts, limit=self.config.limit, model=model, kept=kept)
        if not kept.reused:
            self.seconds.append((time.monotonic() - started) / facts.items)
        numbers = results["results"][facts.task]
        for name in facts.metrics:
            if f"{name},none" in numbers:
                check_value(METRICS[name], numbers[f"{name},none"])
        counts, warnings = doubts(lm, unit.spec.kind, samples, unit.spec.answer_language.key)
        ranking = self._ranking(facts, kept, samples, warnings)
        if ranking:
            facts = replace(facts, scoring=ranking["scoring"]["backend"])
        facts = replace(facts, **counts, twins=twins or None)
        arguments = {  # names: paths stay in run.json
            "pretrained": name_here(model.name),
            **({"peft": name_here(model.peft)} if model.peft else {}),
            "dtype": lm.dtype,
            "prefix_token_id": lm.prefix_token_id,
        }
        results["config"] = {"model": lm.called, "model_args": arguments, "limit": self.config.limit}
        record = Record.of(
            facts,
            path=folder / RESULTS,
            name=self.name,
            identity=self.fingerprint,
            benchmark=unit.spec.benchmark.key,
            unit=unit.spec.unit,
            family=unit.spec.family.key,
            values={},
            warnings=tuple(warnings),
            more={"batch_size": lm.batch_limits[0], **ranking},
        )
        write_folder(folder, result_texts(results, record, samples))
        discard(folder)
        return warnings
