"""`tasks show`: what the model would read for one sample item."""

from __future__ import annotations

from xling_bench.catalog import TaskSpec
from xling_bench.catalog.prompt import unreviewed
from xling_bench.catalog.render import render
from xling_bench.core.errors import MissingDataError
from xling_bench.data import Source, load


def preview(spec: TaskSpec, shots: int = 0) -> str:
    """One rendered item of the built-in sample, as comments below the YAML; demonstrations first."""
    notes = [f"# default suite: {'yes' if spec.is_default else 'no'}; licence of the data: {spec.benchmark.licence}"]
    pending = unreviewed(spec.family, spec.benchmark.key, spec.language.key)
    if pending:
        notes.append(f"# machine-translated words nobody has reviewed yet: {', '.join(pending)}")
    benchmark, form = spec.benchmark, spec.form()
    try:
        rows = load(benchmark, spec.unit, benchmark.test_split, Source("sample")).rows
    except MissingDataError as error:
        return "\n".join([*notes, f"# no example: {error}"])
    shown = [render(benchmark, form, row) for row in rows[: shots + 1]]
    context = "".join(s.prompt + form.separator + s.answer + spec.family.joiner for s in shown[1:]) + shown[0].prompt
    lines = [
        *notes,
        "# one invented sample item:",
        "",
        context + "⟨the model continues⟩" if not shown[0].choices else context,
    ]
    lines += [f"{'>' if i == shown[0].gold else ' '} {choice}" for i, choice in enumerate(shown[0].choices)]
    if not shown[0].choices:
        lines.append(f"> {shown[0].answer}")
    return "\n".join(lines)
