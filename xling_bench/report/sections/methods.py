"""The methods section: prompts as text, where data and words come from, what numbers are at chance, what to cite."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from xling_bench.catalog import Benchmark, Form, TaskSpec, get_benchmark, get_family
from xling_bench.catalog.names import make_spec
from xling_bench.catalog.prompt import has_form, unreviewed
from xling_bench.metrics.registry import METRICS
from xling_bench.report.measure import Measured
from xling_bench.report.missing import missing
from xling_bench.report.printed import HEAD, Table, in_order, printed
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.report.setting import Setting
from xling_bench.results.mixing import signature_fields
from xling_bench.results.tables.uncertainty import BELOW

if TYPE_CHECKING:
    import pandas as pd

MODEL_COLUMNS = {
    "model": "Model",
    "fingerprint": "Fingerprint of its files",
    "revision": "Revision",
    "scoring": "Scored by",
    "lm_eval": "lm-eval",
    "v": "xling-bench",
    "code": "Code",
    "joiner": "After each demonstration",
    "dtype": "Numbers",
    "peft": "Adapter",
}
CHANCE_COLUMNS = {
    "model": HEAD["model"],
    "title": HEAD["benchmark"],
    "setting": HEAD["setting"],
    "count": "At chance",
    "languages": "Languages",
}


def context(report: Report) -> Context:
    """Models, data, metrics, cells at chance and prompts."""
    import pandas as pd

    measured = report.measured
    return {
        "models": printed(pd.DataFrame(_model_rows(measured.frame, measured.models)), MODEL_COLUMNS),
        "data": _data(measured.frame),
        "metrics": _meanings(measured.frame),
        "at_chance": _at_chance(measured),
        "prompts": _prompts(measured.frame),
        "draws": f"{report.options.draws:,}",
        "version": metadata.version("xling-bench"),
    }


@dataclass(frozen=True, slots=True)
class Prompt:
    """One benchmark's prompt in one family: `texts` [(its text, the units that have it)], what no paper gives, the
    units with words that a machine wrote and nobody has reviewed, and the units measured with another version of the
    prompt than the one installed here, whose text is not known."""

    benchmark: str
    family: str
    source: str
    chosen: str
    texts: list[tuple[str, list[str]]]
    unreviewed: list[str]
    unknown: list[str]


def _prompts(frame: pd.DataFrame) -> list[Prompt]:
    """Every prompt the numbers were measured with."""
    found = []
    for (benchmark, family), part in frame.groupby(["benchmark", "family"], sort=True):
        declared, prompt_family = get_benchmark(str(benchmark)), get_family(str(family))
        texts: dict[str, list[str]] = {}
        pending, unknown = [], []
        for unit, rows in part.groupby("language", sort=True):
            spec = make_spec(declared, prompt_family, str(unit))
            form = _form(spec)
            measured = {signature_fields(signature).get("template") for signature in rows["signature"]}
            if form is None or measured != {form.digest()}:
                unknown.append(str(unit))
                continue
            texts.setdefault(_as_text(form), []).append(str(unit))
            if unreviewed(prompt_family, declared.key, spec.language.key):
                pending.append(str(unit))
        origin = prompt_family.forms[declared.key]
        source = origin.source or prompt_family.source
        known = list(texts.items())
        found.append(Prompt(declared.title, prompt_family.key, source, origin.chosen, known, pending, unknown))
    return found


def _form(spec: TaskSpec) -> Form | None:
    """The form as declared here; None where the language has no words (any more)."""
    return spec.form() if has_form(spec.family, spec.benchmark, spec.language.key) else None


def _as_text(form: Form) -> str:
    """A form as a reader sees it: the prompt, then candidates or the answer, placeholders in braces."""
    lines = [form.prompt] if form.prompt and isinstance(form.prompt, str) else []
    if isinstance(form.prompt, dict):
        lines += [f"[{name}] {prompt}" for name, prompt in form.prompt.items()]
    if form.lettered:
        listed = [form.lettered.replace("{label}", word) for word in form.labels.values()] or [form.lettered]
        lines.append(f"⟨{{lettered}}: {' / '.join(listed)}⟩")
    if form.kind == "generate":
        return "\n".join([*lines, f"⟨the model continues; the answer: {form.answer}⟩"])
    candidates = form.candidate if isinstance(form.candidate, dict) else {"": form.candidate}
    for name, candidate in candidates.items():
        head = f"[{name}] " if name else ""
        if "{label}" in candidate:
            lines += [f"{head}{label}: {candidate.replace('{label}', word)}" for label, word in form.labels.items()]
        else:
            lines.append(f"{head}{candidate}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Data:
    """What a benchmark is, and of its rows that were measured where they came from, their splits and limits."""

    benchmark: Benchmark
    sources: str
    splits: str
    limit: str


def _data(frame: pd.DataFrame) -> list[Data]:
    rows = []
    for key, part in frame.groupby("benchmark", sort=True):
        declared = get_benchmark(str(key))
        fields = [signature_fields(signature) for signature in part["signature"]]
        limits = {found["limit"] for found in fields if "limit" in found}
        sources, splits = (", ".join(sorted(set(part[name]))) for name in ("source", "split"))
        rows.append(Data(declared, sources, splits, ", ".join(sorted(limits))))
    return rows


def _model_rows(frame: pd.DataFrame, models: list[str]) -> list[dict[str, str]]:
    """Who was measured, and by what: fingerprint of the model's files, scoring backend, versions."""
    rows = []
    for model in models:
        part = frame[frame["model"] == model]
        fields = [signature_fields(signature) for signature in part["signature"].drop_duplicates()]
        row = {"model": model, "fingerprint": str(part["fingerprint"].iloc[0]) or "(plain lm_eval: not recorded)"}
        for name in ("revision", "scoring", "lm_eval", "v", "code", "joiner", "dtype", "peft"):
            row[name] = ", ".join(sorted({found[name] for found in fields if name in found}))
        rows.append(row)
    return rows


def _meanings(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """[(metric, its meaning)] of the metrics in the table."""
    used = set(frame["metric"])
    return [(name, metric.meaning) for name, metric in METRICS.items() if name in used]


def _at_chance_rows(measured: Measured) -> list[dict[str, str]]:
    """Cells at chance or below, by model, benchmark and setting, with the classes the model chose."""
    cells = measured.cells[measured.cells["leading"]]
    flagged = cells[cells["at_chance"].map(lambda known: not missing(known) and bool(known))]  # or no chance is known
    rows = []
    for key, part in flagged.groupby(["model", "benchmark", "shots", "demos"], sort=True):
        model, benchmark, shots, demos = key
        same = cells[(cells["model"] == model) & (cells["benchmark"] == benchmark)]
        same = same[(same["shots"] == shots) & (same["demos"] == demos)]
        units = []
        for unit, shares, known in zip(part["language"], part["predicted"], part["at_chance"], strict=True):
            said = [BELOW] if known == BELOW else []
            said += [_chosen(str(benchmark), shares)] if shares else []
            units.append(f"{unit} ({': '.join(said)})" if said else str(unit))
        setting = Setting(int(str(shots)), str(demos)).label
        row = {"model": str(model), "title": get_benchmark(str(benchmark)).title, "setting": setting}
        rows.append({**row, "count": f"{len(part)} of {len(same)}", "languages": ", ".join(units)})
    return rows


def _at_chance(measured: Measured) -> Table | None:
    import pandas as pd

    rows = _at_chance_rows(measured)
    return printed(in_order(pd.DataFrame(rows), measured.models), CHANCE_COLUMNS) if rows else None


def _chosen(benchmark: str, shares: str) -> str:
    """`0.40 0.60` with the classes' names, or the candidates' numbers."""
    values = shares.split()
    labels = get_benchmark(benchmark).labels
    names = labels if len(labels) == len(values) else [str(n + 1) for n in range(len(values))]
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))


HTML = """
<h3>Models</h3>{{ plain_table("models", models) }}
<h3>Data</h3>
{% for part in data %}{% set b = part.benchmark %}<h4>{{ b.title }}</h4><p class="data-of">{{ b.task|capitalize }}{% if b.chance == "items" %}, chance by item{% elif b.chance is not none %}, chance {{ "%.1f"|format(100 * b.chance) }} %{% endif %}, {{ "parallel" if b.parallel else "not parallel" }}. Split: {{ part.splits }}; from: {{ part.sources }}{% if part.limit %}; first {{ part.limit }} items{% endif %}. {{ b.notes }} <strong>Licence of the data:</strong> {{ b.licence }}. <strong>Cite:</strong> {{ b.citation }}, <a href="{{ b.url }}" rel="noreferrer">{{ b.url }}</a></p>
{% endfor %}
<h3>Metrics</h3><dl>{% for name, meaning in metrics %}<dt><code>{{ name }}</code></dt><dd>{{ meaning }}</dd>{% endfor %}</dl>
<h3>At chance</h3>
{% if at_chance %}<p>A cell is at chance when its interval holds the chance level, when a guesser would come as near in more than 5 % of cases, or when nearly every item gets the same answer; it is below where its whole interval is. Marks and counts of cells at chance have both: neither is above it. In brackets: shares of the candidates chosen.</p>{{ plain_table("at-chance", at_chance) }}{% else %}<p>No cell is at chance or below.</p>{% endif %}
<h3>Prompts</h3>
<p>Words in braces are the item's fields. Each language's own words stand in its prompt.</p>
{% for prompt in prompts %}<details><summary>{{ prompt.benchmark }}, family {{ prompt.family }}{% if prompt.unreviewed %} (words nobody has reviewed: {{ prompt.unreviewed|join(", ") }}){% endif %}</summary>
<p>Source: {{ prompt.source }}.{% if prompt.chosen %} {{ prompt.chosen }}{% endif %}</p>
{% if prompt.unreviewed %}<p class="banner">Machine-translated words that no speaker has reviewed: {{ prompt.unreviewed|join(", ") }}.</p>{% endif %}
{% if prompt.unknown %}<p class="banner">Measured with another version of this prompt than the one installed where this page was made, so that its text is not shown: {{ prompt.unknown|join(", ") }}. The signatures hold its hash.</p>{% endif %}
{% for text, units in prompt.texts %}<h4>{{ units|join(", ") }}</h4><pre dir="auto">{{ text }}</pre>{% endfor %}
</details>
{% endfor %}
<h3>How intervals are made</h3>
<p>Items of parallel benchmarks are translations of each other, so an item is drawn for all languages and models at once ({{ draws }} draws): pooling languages as if they were independent would make intervals of averages about 2.8 times too narrow. Items that share a premise (XNLI), a passage (XQuAD, MLQA, IndicQA), an article (FLORES), a sentence (PAWS-X), a subject (mLAMA) or all but a word (XWinograd) are drawn together, too. Corpus scores (chrF++, BLEU, P@1 over relations) are no means over items and have no interval here. With several seeds, items are averaged over seeds first; intervals do not hold the variation of demonstrations.</p>
<h3>How to cite</h3>
<p>Cite the benchmarks (under Data), and the software with the signatures of the numbers you quote:</p>
<pre>@software{xling_bench,
  title   = {xling-bench: cross-lingual benchmarks for language models},
  version = {{ "{" }}{{ version }}{{ "}" }}
}</pre>
"""

SECTION = Section("methods", "Methods", 110, HTML, context=context)
