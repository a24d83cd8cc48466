"""What a run will do: its units, and for each the facts its result depends on. Reads data, loads no model."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from xling_bench.benchmarks import implementation
from xling_bench.catalog import Benchmark, TaskSpec, get_benchmark
from xling_bench.catalog.benchmark import own_declaration
from xling_bench.catalog.prompt import Form, demo_form
from xling_bench.catalog.render import candidates
from xling_bench.core.errors import MissingDataError, MissingMetricError, UsageError, XlingError
from xling_bench.core.row import Row, text_in
from xling_bench.core.text import number_of
from xling_bench.core.version import VERSION
from xling_bench.data import Loaded, Source, load
from xling_bench.data.known import agreement
from xling_bench.data.source import check_ns
from xling_bench.evaluation.code import code_hash
from xling_bench.evaluation.generate import DECODING
from xling_bench.evaluation.units import Evaluation, make_evaluations
from xling_bench.harness.demos import FIXED, Demos, aligned_ids, aligner
from xling_bench.harness.reported import pick_metrics, rules_of
from xling_bench.metrics.registry import get_metric
from xling_bench.models.config import ModelConfig
from xling_bench.models.encoder import encoder_config, encoder_mark
from xling_bench.models.gguf_header import check_file
from xling_bench.models.vllm_start import installed
from xling_bench.results.chance import chance_by_item
from xling_bench.results.facts import Facts, Planned, item_ids
from xling_bench.results.lineage import Lineage, Standing
from xling_bench.results.naming import check_name

JOINERS = ("paper", "auto")
Reader = Callable[[str, str, str, Source], Loaded]  # of a benchmark, unit and split


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run. `specs` come from `catalog.select`; `limit` scores only the first N items,
    `metrics` reports only these (empty: all a task has); `ns` is what becomes of rows with a placeholder for a text
    (`drop`, `keep`: PAWS-X's `NS` rows, which AFP's code scores); `name` is what the model is called (None: see
    `results.naming`) and decides no result."""

    model: ModelConfig
    specs: tuple[TaskSpec, ...]
    output: Path
    shots: tuple[int, ...] = (0,)
    seeds: tuple[int, ...] = (0,)
    demos: Demos = FIXED
    limit: int | None = None
    split: str = "test"
    joiner: str = "paper"
    metrics: tuple[str, ...] = ()
    ns: str = "drop"
    name: str | None = None

    def check(self) -> None:
        """Raise UsageError for values that make no sense, before anything is read."""
        for name in self.metrics:
            get_metric(name)
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"--limit {self.limit}: expected a number >= 1")
        if self.joiner not in JOINERS:
            raise UsageError(f"--joiner {self.joiner!r}: expected one of {', '.join(JOINERS)}")
        if check_ns(self.ns) == "keep" and not any(spec.benchmark.placeholder for spec in self.specs):
            raise UsageError("--ns keep: none of the chosen tasks has untranslated rows; PAWS-X has (xling_pawsx)")
        if self.name is not None:
            check_name(self.name, "--name")
        self.demos.check()
        self.model.check()
        if any(self.model.program(spec.kind) == "vllm" for spec in self.specs):
            self._check_vllm()
        if self.demos.encoder is not None:
            encoder_config(self.demos.encoder).check()

    def _check_vllm(self) -> None:
        """Raise for what vLLM cannot do, or is not here to do."""
        if self.demos.policy == "semantic" and self.demos.encoder is None:
            raise UsageError("--demos semantic: vLLM shows no states of its model; give --demo-encoder hf:PATH_OR_NAME")
        if self.model.vllm_python is None:
            installed()
        elif shutil.which(self.model.vllm_python) is None:
            raise UsageError(f"--vllm-python {self.model.vllm_python}: no such program; expected vLLM's Python")

    def described(self, data: str) -> dict[str, object]:
        """What was asked for, for run.json; `data` is the kind of source."""
        return {
            "tasks": [spec.name for spec in self.specs],
            "shots": self.shots,
            "seeds": self.seeds,
            "demos": asdict(self.demos),
            "limit": self.limit,
            "split": self.split,
            "joiner": self.joiner,
            "batch_size": self.model.batch_size,
            "peft": self.model.peft,
            "data": data,
        }


class DemoFacts(TypedDict, total=False):
    """What of `Planned` is of demonstrations."""

    seed: int
    demo_data: str
    demo_template: str
    demo_ids: str
    demo_encoder: str
    aligner: str
    demo_origin: str


@dataclass
class Plan:
    """Units with data, and what became of the others.

    `missing` maps a task without data, `unmet` one whose headline metric cannot be computed here, and `failed` a unit
    that cannot be run, to its reason; `notes` say what is unusual about data that are there.
    """

    units: list[tuple[Evaluation, Planned]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    unmet: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def unavailable(self) -> list[str]:
        """One sentence per benchmark and metric that cannot be computed here, with the first reason."""
        found: dict[tuple[str, str], list[str]] = {}
        for unit, facts in self.units:
            for name, why in (facts.unavailable or {}).items():
                found.setdefault((unit.spec.benchmark.title, name), []).append(why)
        return [
            f"{title}: no {name}: {why}" + (f" (and in {number_of(len(others), 'more unit')})" if others else "")
            for (title, name), (why, *others) in found.items()
        ]

    @property
    def items(self) -> int:
        """Items to score in all units together."""
        return sum(facts.items for _, facts in self.units)


def make_plan(config: RunConfig, source: Source) -> Plan:
    """Plan all units. Bad data of one task end up in the plan; only a senseless configuration raises, or a benchmark
    without code."""
    config.check()
    for key in {spec.benchmark.key: None for spec in config.specs}:
        implementation(key)
    source = replace(source, ns=check_ns(config.ns))

    @lru_cache(maxsize=4)  # a task's units, one after the other, have the same rows
    def rows(key: str, unit: str, split: str, source: Source) -> Loaded:
        return load(get_benchmark(key), unit, split, source)

    plan = Plan()
    for unit in make_evaluations(config.specs, config.shots, config.seeds, config.demos.check()):
        try:
            plan.units.append((unit, _facts(config, source, unit, plan.notes, rows)))
        except MissingDataError as error:
            plan.missing[unit.spec.name] = str(error)
        except MissingMetricError as error:
            plan.unmet[unit.spec.name] = str(error)
        except XlingError as error:
            plan.failed[str(unit)] = str(error)
    return plan


def _facts(config: RunConfig, source: Source, unit: Evaluation, notes: dict[str, None], rows: Reader) -> Planned:
    spec = unit.spec
    benchmark = spec.benchmark
    if config.model.chat_template and spec.kind == "choose" and not spec.form().prompt:
        raise UsageError(
            "--chat-template: this task scores whole texts, which have no user's turn; run it without the template, or "
            "in a prompt family with a question (cf, mcf)"
        )
    if config.split not in benchmark.splits:
        raise UsageError(f"--split {config.split}: {benchmark.title} has {', '.join(benchmark.splits)}")
    data = rows(benchmark.key, spec.unit, config.split, source)
    _note_deviation(spec, spec.unit, config.split, data, notes)
    demos: DemoFacts = {}
    if unit.demonstrations is not None:
        demo_unit, form = demo_form(spec.family, benchmark, spec.unit, spec.form(), unit.demonstrations.language)
        demo_split = benchmark.demos_from(config.split)
        demo_data = rows(benchmark.key, demo_unit, demo_split, unit.demonstrations.source(source))
        # What has no order is said now.
        unit.demonstrations.order(benchmark, demo_split, demo_data.rows, unit.seed, source)
        _note_deviation(spec, demo_unit, demo_split, demo_data, notes)
        demos = {"seed": unit.seed, "demo_data": demo_data.hash, "demo_template": form.digest()}
        demos |= _policy_facts(unit.demonstrations, spec, form, demo_unit, demo_split, source)
        demos["demo_origin"] = demo_data.origin
    names = pick_metrics(benchmark, spec.kind, spec.unit, config.metrics)
    if config.model.chat_template:
        _check_untemplated(names)
    metrics, unavailable = rules_of(benchmark, spec.form(), spec.unit, names)
    ids = [text_in(row, "id") for row in data.rows]
    items = min(config.limit or len(ids), len(ids))
    if items < len(ids):
        _note_classes(spec, data.rows[:items], notes)
    return Planned(
        task=spec.name,
        language=spec.code,
        split=config.split,
        form=ids[0].partition("-")[0],  # mLAMA comes in several, with other items
        data=data.hash,
        source=data.source,
        origin=data.origin,
        items=items,
        ids=item_ids(ids[:items]),
        dropped=data.dropped,
        ns=source.ns if benchmark.placeholder and source.ns == "keep" else None,
        template=spec.form().digest(),
        declaration=own_declaration(benchmark.key),
        shots=unit.shots,
        demos=unit.demos,
        limit=items if items < len(ids) else None,
        metrics=metrics,
        headline=names[0],
        unavailable=unavailable,
        decoding=DECODING if spec.kind == "generate" else None,
        chance=_chance(benchmark, data.rows[:items]),
        **demos,
    )


def _check_untemplated(names: Sequence[str]) -> None:
    """Raise UsageError for metrics that are of a prompt, which a chat template makes another."""
    needing = [name for name in names if get_metric(name).needs_tokens or get_metric(name).needs_unconditional]
    if needing:
        raise UsageError(
            f"--chat-template: {', '.join(needing)} would be computed from the prompt without the template; leave out "
            "one or the other"
        )


def _chance(benchmark: Benchmark, rows: Sequence[Row]) -> float | None:
    """What guessing gets of these rows, where their numbers of candidates differ."""
    return chance_by_item(benchmark, (len(candidates(benchmark, row)) for row in rows))


def _policy_facts(
    demonstrations: Demos, spec: TaskSpec, shown: Form, demo_unit: str, split: str, source: Source
) -> DemoFacts:
    """What the choice of demonstrations depends on besides seed, data and template."""
    facts: DemoFacts = {}
    if demonstrations.policy == "aligned":
        facts["demo_ids"] = item_ids(sorted(aligned_ids(spec.benchmark, split, source)))
    if demonstrations.policy == "semantic":
        facts["demo_encoder"] = encoder_mark(demonstrations.encoder)
    if demonstrations.aligner:
        facts["aligner"] = aligner(spec, spec.form(), shown, demo_unit)
    return facts


def _note_classes(spec: TaskSpec, rows: Sequence[Row], notes: dict[str, None]) -> None:
    """Files may be sorted by class (SIB-200's are): their first items say little of the whole."""
    labels = spec.benchmark.labels
    there = {row["label"] for row in rows} if labels else set()
    if labels and len(there) < len(labels):
        note = f"the first {len(rows)} items hold {len(there)} of its {len(labels)} classes"
        notes[f"{spec.benchmark.title}: {note}; a score of them is none of the benchmark"] = None


def _note_deviation(spec: TaskSpec, unit: str, split: str, data: Loaded, notes: dict[str, None]) -> None:
    if deviation := agreement(spec.benchmark, unit, split, data).deviation:
        notes[f"{spec.benchmark.title} {unit} {split}: {deviation}"] = None


def with_model(
    planned: Planned, config: RunConfig, unit: Evaluation, fingerprint: str, joiner: str | None,
    lineage: Lineage | None = None,
) -> Facts:  # fmt: skip
    """All facts: with those that come from the model and the software. `joiner` is the model's end token under `auto`,
    `lineage` what is on record of its trainings."""
    header = check_file(config.model.gguf) if config.model.gguf else None
    engine = config.model.engine(unit.spec.kind)
    key, place = unit.spec.benchmark.key, str(unit.spec.unit)
    standing = Standing() if lineage is None else lineage.standing(key, place, planned.split)
    return planned.with_model(
        model=fingerprint,
        settings=config.model.settings(),
        lm_eval=version("lm_eval"),
        xling_bench=VERSION,
        code=code_hash(),
        gguf=header.quantisation if header else None,
        gguf_tensors=header.mixture if header else None,
        engine=engine,  # asked for
        scoring=engine if unit.spec.kind == "choose" else None,  # who did it, which may change
        joiner=(joiner or unit.spec.family.joiner) if unit.shots else None,
        provenance=standing.written(),
    )
