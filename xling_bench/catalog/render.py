"""A canonical row and a form make what the model sees. Pure: strings in, strings out."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.catalog.prompt import Form, fill
from xling_bench.core.errors import DataError
from xling_bench.core.row import Row, index_in, text_in, texts_in


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


def render(benchmark: Benchmark, form: Form, row: Row) -> Rendered:
    """Render one canonical row. Raises DeclarationError for a placeholder the row does not have."""
    values = {name: text_in(row, name) for name, kind in benchmark.fields.items() if kind == "text"}
    values |= {name: values[name].strip() for name in form.stripped}
    prompt = _by(form, form.prompt, row)
    if form.kind == "generate":
        golds = texts_in(row, benchmark.gold)
        gold = golds[0] if golds else form.no_answer
        return Rendered(fill(prompt, values), (), -1, fill(form.answer, {**values, benchmark.gold: gold}))
    if benchmark.labels:
        slots = [{"label": form.labels[name]} for name in benchmark.labels]
    else:
        slots = [{"choice": choice} for choice in candidates(benchmark, row)]
    if form.lettered:
        slots = [{**slot, "letter": letter} for slot, letter in zip(slots, _letters(row, len(slots)), strict=True)]
        values["lettered"] = "\n".join(fill(form.lettered, slot) for slot in slots)
    template = _by(form, form.candidate, row)
    choices = tuple(fill(template, {**values, **slot}) for slot in slots)
    label = index_in(row, "label")
    return Rendered(fill(prompt, values), choices, label, choices[label])


def _by(form: Form, template: str | dict[str, str], row: Row) -> str:
    """The template that the row's field `by` picks, where there are several."""
    if isinstance(template, str):
        return template
    if (by := text_in(row, form.by)) not in template:
        raise DataError(f"item {row['id']}: {form.by} is {by!r}; expected one of {', '.join(template)}")
    return template[by]


def _letters(row: Row, count: int) -> str:
    """`ABCD`: the letters of so many candidates, Latin in every language, as multilingual sets print them."""
    if count > len(ascii_uppercase):
        raise DataError(f"item {row['id']}: {count} candidates; letter forms have {len(ascii_uppercase)} letters")
    return ascii_uppercase[:count]


def candidates(benchmark: Benchmark, row: Row) -> list[str]:
    """The row's candidate answers in order."""
    return [text for field in benchmark.choices for text in texts_in(row, field)]
