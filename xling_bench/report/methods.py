"""The methods section: prompts as text, where data and words come from, what numbers are at chance, what to cite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xling_bench.catalog import Form, TaskSpec, get_benchmark, get_family
from xling_bench.catalog.names import make_spec
from xling_bench.catalog.prompt import has_form, unreviewed
from xling_bench.metrics.registry import METRICS
from xling_bench.report.measure import Measured
from xling_bench.report.select import Setting
from xling_bench.results.mixing import signature_fields

if TYPE_CHECKING:
    import pandas as pd


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


def prompts(frame: pd.DataFrame) -> list[Prompt]:
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
            texts.setdefault(as_text(form), []).append(str(unit))
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


def as_text(form: Form) -> str:
    """A form as a reader sees it: the prompt, then candidates or the answer, placeholders in braces."""
    lines = [form.prompt] if form.prompt else []
    if form.kind == "generate":
        return "\n".join([*lines, f"⟨the model continues; the answer: {form.answer}⟩"])
    candidates = form.candidate if isinstance(form.candidate, dict) else {"": form.candidate}
    for name, candidate in candidates.items():
        head = f"[{name}] " if name else ""
        if form.labels:
            lines += [f"{head}{label}: {candidate.replace('{label}', word)}" for label, word in form.labels.items()]
        else:
            lines.append(f"{head}{candidate}")
    return "\n".join(lines)


def benchmark_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What each benchmark is, where its rows came from, its licence and citation."""
    rows = []
    for key, part in frame.groupby("benchmark", sort=True):
        declared = get_benchmark(str(key))
        fields = [signature_fields(signature) for signature in part["signature"]]
        limits = {found["limit"] for found in fields if "limit" in found}
        rows.append(
            {
                "title": declared.title,
                "task": declared.task,
                "licence": declared.licence,
                "citation": declared.citation,
                "url": declared.url,
                "notes": declared.notes,
                "parallel": declared.parallel,
                "chance": declared.chance,
                "sources": ", ".join(sorted(set(part["source"]))),
                "splits": ", ".join(sorted(set(part["split"]))),
                "limit": ", ".join(sorted(limits)),
            }
        )
    return rows


def model_rows(frame: pd.DataFrame, models: list[str]) -> list[dict[str, str]]:
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


def metric_rows(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """[(metric, its meaning)] of the metrics in the table."""
    used = set(frame["metric"])
    return [(name, metric.meaning) for name, metric in METRICS.items() if name in used]


def at_chance_rows(measured: Measured) -> list[dict[str, Any]]:
    """Cells at chance, by model, benchmark and setting, with the classes the model chose."""
    cells = measured.cells[measured.cells["leading"]]
    flagged = cells[cells["at_chance"].eq(True)]  # None: no chance is known
    rows = []
    for key, part in flagged.groupby(["model", "benchmark", "shots", "demos"], sort=True):
        model, benchmark, shots, demos = key
        same = cells[(cells["model"] == model) & (cells["benchmark"] == benchmark)]
        same = same[(same["shots"] == shots) & (same["demos"] == demos)]
        pairs = zip(part["language"], part["predicted"], strict=True)
        units = [f"{unit} ({_chosen(str(benchmark), shares)})" if shares else str(unit) for unit, shares in pairs]
        setting = Setting(int(str(shots)), str(demos)).label
        row = {"model": str(model), "title": get_benchmark(str(benchmark)).title, "setting": setting}
        rows.append({**row, "count": f"{len(part)} of {len(same)}", "languages": ", ".join(units)})
    return rows


def _chosen(benchmark: str, shares: str) -> str:
    """`0.40 0.60` with the classes' names, or the candidates' numbers."""
    values = shares.split()
    labels = get_benchmark(benchmark).labels
    names = labels if len(labels) == len(values) else [str(n + 1) for n in range(len(values))]
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
