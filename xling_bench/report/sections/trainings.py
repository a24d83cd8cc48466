"""What each model was trained from, by which recipe, on what, and which test sets it learnt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xling_bench.core.text import visible
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.results.ancestry import trained_from
from xling_bench.results.given import Run, given
from xling_bench.results.lineage import Lineage, by_place, lineage_in
from xling_bench.results.marks import ANCESTORS, PROVENANCE, title_of
from xling_bench.results.schema import PATH
from xling_bench.results.training_record import Teacher, Training

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import JsonValue

LONGEST = 20_000  # characters of a recipe that are shown
# Keys of a recipe's parts, and of its objective, that the small table shows, where they are there.
RUN = ("steps", "epochs", "pairs", "instructions", "pair_length", "length", "lr", "schedule", "warmup", "seed")
DATA = ("languages", "pivot", "p_src", "template", "translation", "allocation", "overlap")
MODEL = ("precision", "untie")
ADAPTER = ("kind", "rank", "alpha", "targets")
LOSS = ("layer", "pooling", "temperature")


@dataclass(frozen=True, slots=True)
class Step:
    """A training as the page shows it: `facts` by what they are called, `settings` of the recipe that matter most, the
    whole recipe as JSON."""

    title: str
    facts: list[tuple[str, str]]
    settings: list[tuple[str, str]]
    recipe: str


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, the model of this report that it was trained from (""), and its trainings, the oldest first. `lost`:
    its results know of a record that is not there."""

    model: str
    base: str
    steps: list[Step]
    lost: bool
    partly: bool


def context(report: Report) -> Context | None:
    """`trained` models and the names of those of which nothing is on record; None where that is all of them."""
    frame = report.measured.frame
    bases = trained_from(frame)
    found = {name: _trained(name, frame[frame["model"] == name], bases, report.runs) for name in report.measured.models}
    unknown = [name for name, trained in found.items() if trained is None]
    trained = [each for each in found.values() if each is not None]
    return {"trained": trained, "unknown": unknown} if trained else None


def _trained(model: str, rows: pd.DataFrame, bases: dict[str, str], runs: Sequence[Run]) -> Trained | None:
    if not any(rows[ANCESTORS]):
        return None
    lineages = [lineage_in(given(runs[int(number)]).path) for number in sorted(set(rows[PATH]))]
    lineage = next((each for each in lineages if each is not None), None)
    partly = bool((rows[PROVENANCE] == "unknown").any())
    return Trained(model, bases.get(model, ""), _steps(lineage), lineage is None, partly)


def _steps(lineage: Lineage | None) -> list[Step]:
    if lineage is None:
        return []
    return [Step(each.title, _facts(each), _settings(each), _recipe(each)) for each in lineage.trainings]


def _settings(training: Training) -> list[tuple[str, str]]:
    """What of a recipe one looks for first: losses by weight, how long, how much at once, how fast, in what. A record
    may be of any version: what it does not say is left out."""
    parts = {name: value for name, value in training.recipe.items() if isinstance(value, dict)}
    told = [("Loss", ", ".join(_losses(training.objective)))]
    method = parts.get("method", {})
    told += [(what.capitalize(), _value(method[what])) for what in ("mode", "learn") if what in method]
    told += [("Run", _named(parts.get("run", {}), RUN)), ("Data", _named(parts.get("data", {}), DATA))]
    told += [("Model", _named(parts.get("model", {}), MODEL))]
    if parts.get("adapter", {}).get("kind", "none") != "none":
        told.append(("Adapter", _named(parts["adapter"], ADAPTER)))
    return [(name, value) for name, value in told if value]


def _losses(objective: Mapping[str, JsonValue]) -> Iterator[str]:
    """`1.5 x instruction (per token, average update)` of each that has a weight."""
    ends = "_weight"
    for key, weight in objective.items():
        if key.endswith(ends) and isinstance(weight, int | float) and weight > 0:
            yield f"{weight:g} x {key.removesuffix(ends).replace('_', ' ')}"
    told = ", ".join(f"{key} {_value(value)}" for key, value in objective.items() if key in LOSS)
    if told:
        yield told


def _named(part: Mapping[str, JsonValue], keys: Sequence[str]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {_value(part[key])}" for key in keys if part.get(key) is not None)


def _value(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _recipe(training: Training) -> str:
    told = {"recipe": training.recipe, "objective": training.objective}
    return visible(json.dumps(told, ensure_ascii=False, indent=1), LONGEST)


def _facts(training: Training) -> list[tuple[str, str]]:
    base, learnt = training.base, training.learnt
    revision = f", revision {base.revision}" if base.revision else ""
    record = "" if base.on_record else "; nothing is on record of it: what it learnt is unknown"
    amounts = {
        "pairs": learnt.pairs, "instructions": learnt.instructions, "tokens of pairs": learnt.pair_tokens,
        "tokens of instructions": learnt.instruction_tokens, "tokens predicted": learnt.targets,
    }  # fmt: skip
    told = [f"{count:,} {what}" for what, count in amounts.items() if count]
    uncounted = [what for what, count in amounts.items() if count is None]
    told += [f"not counted: {', '.join(uncounted)}"] if uncounted else []
    return [
        ("From", f"{base.name} ({base.fingerprint}{revision}){record}"),
        ("Learnt", ", ".join([_updates(training), *told])),
        ("Languages", ", ".join(training.languages)),
        ("Data", "; ".join(f"{each.name} ({each.use}, {each.hash})" for each in training.data)),
        *([("Teachers", "; ".join(map(_teacher, training.teachers)))] if training.teachers else []),
        ("Test sets", _overlaps(training)),
        ("By", f"code {training.code}, {', '.join(f'{k} {v}' for k, v in sorted(training.versions.items()))}"),
    ]


def _updates(training: Training) -> str:
    """`8 updates of 12`, where the recipe has more than were learnt: stopped early, ended, or a checkpoint."""
    learnt, run = training.learnt.updates, training.recipe.get("run")
    steps = run.get("steps") if isinstance(run, dict) else None
    more = f" of {steps:,}" if isinstance(steps, int) and steps > learnt else ""
    return f"{learnt:,} updates{more}"


def _teacher(teacher: Teacher) -> str:
    if not teacher.trainings:
        return f"{teacher.name} ({teacher.fingerprint}); nothing is on record of it: what it learnt is unknown"
    known = Lineage(teacher.trainings)
    learnt = [f"{title_of(key)} {_counts(texts)}" for key, texts in known.contaminated.items()]
    said = f"; texts of test sets LEARNT: {', '.join(learnt)}" if learnt else ""
    return f"{teacher.name} ({teacher.fingerprint}), {' -> '.join(known.names)}{said}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{place} {n}" for place, n in sorted(counts.items()))


def _overlaps(training: Training) -> str:
    """What became of training texts that are texts of benchmarks' items."""
    if training.policy == "unchecked":
        return "not compared with any"
    said = f"compared with {', '.join(title_of(key) for key, each in training.overlaps.items() if each.checked)}"
    parts = []
    for key, each in training.overlaps.items():
        if counts := by_place(each.found):
            parts.append(f"{title_of(key)} {_counts(counts)}")
    if not parts:
        return f"{said}: none of their texts was in the data"
    return f"{said}; texts of theirs {'LEARNT' if training.policy == 'allow' else 'left out'}: {'; '.join(parts)}"


HTML = """
<p>What lies beside a model's weights as <code>xling_training.json</code>, oldest training first. Of models that had no such file, as a first base whose pre-training is on no record, it says so.</p>
{% for each in trained %}<h3><bdi>{{ each.model|line }}</bdi></h3>
{% if each.base %}<p>Trained from <bdi>{{ each.base|line }}</bdi> of this report.</p>{% endif %}
{% if each.partly %}<p class="banner">A part of it, an adapter say, has no record: what that learnt is unknown.</p>{% endif %}
{% if each.lost %}<p class="banner">Its run was given without run.json, which holds the record: the recipe is not shown.</p>{% endif %}
{% for step in each.steps %}<h4>{{ loop.index }}. {{ step.title|line }}</h4>
<dl>{% for name, value in step.facts %}<dt>{{ name }}</dt><dd>{{ value|line(2000) }}</dd>{% endfor %}</dl>
<div class="scroll"><table><caption>Recipe</caption>{% for name, value in step.settings %}<tr><th scope="row">{{ name }}</th><td>{{ value|line(500) }}</td></tr>{% endfor %}</table></div>
<details><summary>The whole recipe</summary><pre>{{ step.recipe }}</pre></details>
{% endfor %}{% endfor %}
{% if unknown %}<p>Provenance unknown, for nothing is on record: {% for name in unknown %}<bdi>{{ name|line }}</bdi>{{ ", " if not loop.last }}{% endfor %}.</p>{% endif %}
"""

SECTION = Section("trainings", "Trainings", 105, HTML, context=context, heading="What the models were trained from")
