"""A canonical row and a form make what the model sees. Pure: strings in, strings out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.catalog.prompt import Form, fill
from xling_bench.core.errors import DataError


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the model is shown.

    `choices` are the texts scored after `prompt`, `gold` the index of the right one. For generation `choices` is
    empty, `gold` is -1 and `answer` is what a demonstration shows.
    """

    prompt: str
    choices: tuple[str, ...]
    gold: int
    answer: str


def render(benchmark: Benchmark, form: Form, row: dict[str, Any]) -> Rendered:
    """Render one canonical row. Raises DeclarationError for a placeholder the row does not have."""
    values = {name: row[name] for name, kind in benchmark.fields.items() if kind == "text"}
    prompt = fill(form.prompt, values)
    if form.kind == "generate":
        golds = row[benchmark.gold]
        gold = golds if isinstance(golds, str) else (golds[0] if golds else form.no_answer)
        return Rendered(prompt, (), -1, fill(form.answer, {**values, benchmark.gold: gold}))
    template = form.candidate
    if isinstance(template, dict):
        if row[form.by] not in template:
            raise DataError(f"item {row['id']}: {form.by} is {row[form.by]!r}; expected one of {', '.join(template)}")
        template = template[row[form.by]]
    if benchmark.labels:
        slots = [{"label": form.labels[name]} for name in benchmark.labels]
    else:
        slots = [{"choice": choice} for choice in candidates(benchmark, row)]
    choices = tuple(fill(template, {**values, **slot}) for slot in slots)
    return Rendered(prompt, choices, row["label"], choices[row["label"]])


def candidates(benchmark: Benchmark, row: dict[str, Any]) -> list[str]:
    """The row's candidate answers in order."""
    found: list[str] = []
    for field in benchmark.choices:
        value = row[field]
        found += [value] if isinstance(value, str) else value
    return found
