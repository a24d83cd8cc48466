"""The runner: task by task, each result atomic and keyed by what it depends on; a second start goes on where the
first one stopped, and two processes may share a folder."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import xling_bench
from xling_bench import languages
from xling_bench.catalog import TaskSpec, resolve_form
from xling_bench.data import Loaded, Source, load, source_from_environment
from xling_bench.data.source import explain
from xling_bench.errors import MissingDataError, OutputError, UsageError, XlingError
from xling_bench.harness import model as models
from xling_bench.harness.output import prepare, remove_leftovers, to_json, to_line, write_folder, write_text
from xling_bench.harness.units import INCIDENTAL, Unit, make_units, read_result, signature, unit_key


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run. `specs` come from `catalog.select`; `limit` scores only the first N items."""

    model: models.ModelConfig
    specs: tuple[TaskSpec, ...]
    output: Path
    shots: tuple[int, ...] = (0,)
    seeds: tuple[int, ...] = (0,)
    demo_lang: str | None = None
    limit: int | None = None
    split: str = "test"
    joiner: str = "paper"


@dataclass
class RunReport:
    """What a run did. `failed` and `missing` map a unit (or task) to its error; `finished` are result folders."""

    output: Path
    finished: list[Path] = field(default_factory=list)
    reused: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def results(self) -> list[dict[str, Any]]:
        """The finished units' results.json."""
        return [json.loads((folder / "results.json").read_text(encoding="utf-8")) for folder in self.finished]


Progress = Callable[[str], None]


class Runner:
    """One run over one folder. `run` is the whole life; the methods are its steps."""

    def __init__(self, config: RunConfig, progress: Progress) -> None:
        self.config = config
        self.say = progress
        self.source: Source = source_from_environment()
        self.report = RunReport(config.output)
        self.lm: Any = None
        self.fingerprint = ""
        self.seconds: list[float] = []
        if config.limit is not None and config.limit < 1:
            raise UsageError(f"--limit {config.limit}: expected a number >= 1")
        self.demo_lang = languages.get(config.demo_lang).key if config.demo_lang else None

    def plan(self) -> list[tuple[Unit, dict[str, Any]]]:
        """Every unit with data, and the facts its result depends on. Tasks without data go to `report.missing`."""
        planned = []
        for unit in make_units(self.config.specs, self.config.shots, self.config.seeds, self.demo_lang):
            if unit.spec.name in self.report.missing:
                continue
            try:
                planned.append((unit, self._facts(unit)))
            except MissingDataError as error:
                self.report.missing[unit.spec.name] = str(explain(unit.spec.benchmark, error))
            except XlingError as error:
                self.report.failed[str(unit)] = str(error)
        return planned

    def _facts(self, unit: Unit) -> dict[str, Any]:
        spec = unit.spec
        if self.config.model.chat_template and spec.kind == "choose":
            raise UsageError(
                "--chat-template: this task scores whole texts, which have no user's turn; run it without the template"
            )
        split = self._split(spec)
        data = self._data(spec, spec.unit, split)
        demos: dict[str, Any] = {}
        if unit.shots:
            other = None if unit.demos == "same" else languages.get(unit.demos)
            demo_unit = other.key if other else spec.unit
            form = resolve_form(spec.family, spec.benchmark, other) if other else spec.form()
            demos["demo_data"] = self._data(spec, demo_unit, spec.benchmark.demos_from(split)).hash
            demos["demo_template"] = form.digest()
        rows = len(data.rows) if self.config.limit is None else min(self.config.limit, len(data.rows))
        return {
            "task": spec.name,
            "language": spec.code,
            "split": split,
            "data": data.hash,
            "source": data.source,
            "origin": data.origin,
            "items": rows,
            "dropped": data.dropped,
            "template": spec.form().digest(),
            "shots": unit.shots,
            "seed": unit.seed if unit.shots else None,
            "demos": unit.demos,
            **demos,
            "limit": self.config.limit,
            "metrics": list(spec.metrics),
        }

    def _split(self, spec: TaskSpec) -> str:
        split = self.config.split
        if split not in spec.benchmark.splits:
            raise UsageError(f"--split {split}: {spec.benchmark.title} has {', '.join(spec.benchmark.splits)}")
        return split

    def _data(self, spec: TaskSpec, unit: str, split: str) -> Loaded:
        return load(spec.benchmark, unit, split, self.source)

    def run(self) -> RunReport:
        """Do all units that are not done yet. Raises for what stops everything (model, output folder)."""
        self.config.model.check()
        prepare(self.config.output)
        planned = self.plan()
        if not planned:
            return self.report
        self.fingerprint = models.fingerprint(self.config.model)
        self._claim_folder()
        todo = []
        for unit, facts in planned:
            known = facts | self._model_facts(unit)
            if not self._already(unit, known):
                todo.append((unit, known))
        for position, (unit, facts) in enumerate(todo, start=1):
            self._one(unit, facts, position, todo)
        return self.report

    def _model_facts(self, unit: Unit) -> dict[str, Any]:
        return {
            "model": self.fingerprint,
            "settings": self.config.model.settings(),
            "joiner": unit.spec.family.joiner if self.config.joiner == "paper" else self.config.joiner,
            "lm_eval": version("lm_eval"),
            "xling_bench": xling_bench.__version__,
        }

    def _claim_folder(self) -> None:
        """Write run.json, or check that the folder's run is of the same model."""
        path = self.config.output / "run.json"
        with FileLock(str(self.config.output / ".run.lock")):
            remove_leftovers(self.config.output)
            mine = {
                "model": self.config.model.name,
                "fingerprint": self.fingerprint,
                "settings": self.config.model.settings(),
            }
            if path.is_file():
                theirs = json.loads(path.read_text(encoding="utf-8"))
                for name in ("fingerprint", "settings"):
                    if theirs[name] != mine[name]:
                        detail = _difference(theirs, mine, name)
                        raise OutputError(
                            f"{self.config.output} holds another run: {detail}. Choose another folder with -o."
                        )
                return
            versions = {name: version(name) for name in ("lm_eval", "transformers", "torch", "datasets", "xling-bench")}
            made = {"command": self._described(), "versions": versions, "python": sys.version.split()[0]}
            write_text(path, to_json({**mine, **made}))

    def _described(self) -> dict[str, Any]:
        config = self.config
        return {
            "tasks": [spec.name for spec in config.specs],
            "shots": config.shots,
            "seeds": config.seeds,
            "demo_lang": self.demo_lang,
            "limit": config.limit,
            "split": config.split,
            "joiner": config.joiner,
            "batch_size": config.model.batch_size,
            "data": self.source.kind,
        }

    def _already(self, unit: Unit, facts: dict[str, Any]) -> bool:
        """Whether the unit is finished; a finished result of other facts is an error, never overwritten."""
        folder = self.config.output / unit.folder
        result = read_result(folder)
        if result is None:
            return False
        if result["xling"]["key"] != unit_key(facts):
            theirs = result["xling"]["facts"]
            changed = [k for k in facts if k not in INCIDENTAL and theirs.get(k) != json.loads(json.dumps(facts[k]))]
            self.report.failed[str(unit)] = (
                f"{folder} was made with another {', '.join(changed)}; it is left as it is. Use another -o folder."
            )
        else:
            self.report.finished.append(folder)
            self.report.reused += 1
        return True

    def _one(self, unit: Unit, facts: dict[str, Any], position: int, todo: list[tuple[Unit, dict[str, Any]]]) -> None:
        folder = self.config.output / unit.folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(folder.parent / f".{folder.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.say(f"[{position}/{len(todo)}] {unit}: another process is at it, waiting")
            lock.acquire()
        try:
            if self._already(unit, facts):
                return
            remove_leftovers(folder.parent)
            self._load_model()
            self.say(f"[{position}/{len(todo)}] {unit}: {facts['items']} items{self._eta(position, todo)}")
            started = time.monotonic()
            self._evaluate(unit, facts, folder)
            self.seconds.append((time.monotonic() - started) / max(1, facts["items"]))
            self.report.finished.append(folder)
        except XlingError as error:
            self._failed(unit, str(error))
        except Exception as error:  # noqa: BLE001 - one task's crash must not lose the others'
            self._failed(unit, f"{type(error).__name__}: {error}")
        finally:
            lock.release()

    def _load_model(self) -> None:
        if self.lm is None:
            self.say(f"loading {self.config.model.name}")
            self.lm = models.load(self.config.model)

    def _eta(self, position: int, todo: list[tuple[Unit, dict[str, Any]]]) -> str:
        if not self.seconds:
            return ""
        left = sum(facts["items"] for _, facts in todo[position - 1 :])
        minutes, seconds = divmod(round(left * sum(self.seconds) / len(self.seconds)), 60)
        return f", about {minutes}:{seconds:02d} left"

    def _failed(self, unit: Unit, message: str) -> None:
        self.report.failed[str(unit)] = message
        self.say(f"  failed: {message}")
        path = self.config.output / "errors" / f"{unit.folder.replace('/', '_')}.txt"
        write_text(path, traceback.format_exc())

    def _evaluate(self, unit: Unit, facts: dict[str, Any], folder: Path) -> None:
        from xling_bench.harness import task

        joiner = self.lm.tokenizer.eos_token if self.config.joiner == "auto" else None
        metadata = {"demo_seed": unit.seed, "split": facts["split"]}
        if unit.demos not in ("none", "same"):
            metadata["demo_lang"] = unit.demos
        results, samples, warnings = task.evaluate(
            self.lm,
            unit,
            metadata,
            joiner=joiner,
            limit=self.config.limit,
            chat_template=self.config.model.chat_template,
        )
        own = {
            "key": unit_key(facts),
            "signature": signature(facts),
            "facts": facts,
            "warnings": warnings,
            "benchmark": unit.spec.benchmark.key,
            "unit": unit.spec.unit,
            "family": unit.spec.family.key,
        }
        results["config"] = {
            "model": "hf",
            "model_args": {"pretrained": self.config.model.name},
            "limit": self.config.limit,
        }
        write_folder(
            folder,
            {"results.json": to_json({**results, "xling": own}), "samples.jsonl": "".join(map(to_line, samples))},
        )


def _difference(theirs: dict[str, Any], mine: dict[str, Any], name: str) -> str:
    if name == "fingerprint":
        return f"model {theirs['model']} with fingerprint {theirs['fingerprint']}, not {mine['fingerprint']}"
    changed = [k for k in mine[name] if theirs[name].get(k) != mine[name][k]]
    return ", ".join(f"{k} was {theirs[name].get(k)!r}, now {mine[name][k]!r}" for k in changed)
