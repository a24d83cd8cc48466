"""Numbers of models that learnt the items they are tested on: how they are marked wherever they stand, what is said.

Only these are marked. That nothing is on record of a model is said once for it, not at each of its numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from xling_bench.catalog import benchmarks, get_benchmark
from xling_bench.core.text import flat, line
from xling_bench.results.lineage import FILE, Lineage, Standing
from xling_bench.results.schema import Row

if TYPE_CHECKING:
    import pandas as pd

MARK = "\N{DAGGER}"
CONTAMINATED = "contaminated"
PROVENANCE, LEARNT, ANCESTORS = "provenance", "learnt", "ancestors"
LEGEND = f"{MARK}: contaminated, for the model learnt texts of the items it is tested on"
MOST_OF_ONE = 300  # characters of one model's name, and why nothing is on record of it
LONGEST = 2000  # characters of what is said of a record, which may be anybody's
Cell = tuple[str, str, str]  # model, benchmark, language


def known_of(standing: Standing) -> Row:
    """The columns of a results table that say what is known."""
    return {PROVENANCE: standing.state, LEARNT: standing.counts, ANCESTORS: " ".join(standing.ancestors)}


def marked(value: str, *, contaminated: bool) -> str:
    """A printed number, with the sign where it is contaminated."""
    return f"{value}{MARK}" if contaminated else value


def sentence(numbers: Iterable[tuple[str, str]]) -> str:
    """The legend of marked numbers, from what they are of (`XNLI`, `XNLI of aligned`) and what was learnt of it; empty
    where there are none."""
    found = dict.fromkeys(f"{of} ({line(learnt, LONGEST)})" for of, learnt in numbers)
    return f"{LEGEND}: {'; '.join(found)}" if found else ""


def contaminated(frame: pd.DataFrame) -> list[str]:
    """The legend of a results table, by model where there are several; empty where no number is contaminated."""
    told = sentence(learnt_in(frame))
    return [told] if told else []


def learnt_in(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """[(what contaminated numbers are of, which texts of it were learnt)]: `XNLI`, where there are several models
    `XNLI of aligned`."""
    rows = _contaminated(frame)
    several = frame["model"].nunique() > 1
    return [
        (f"{title_of(str(key))}{f' of {flat(model)}' if several else ''}", str(learnt))
        for key, model, learnt in sorted(set(zip(rows["benchmark"], rows["model"], rows[LEARNT], strict=True)))
    ]


def cells_of(frame: pd.DataFrame) -> set[Cell]:
    """(model, benchmark, language) of the numbers that are contaminated."""
    rows = _contaminated(frame)
    return set(zip(*(rows[name].map(str) for name in ("model", "benchmark", "language")), strict=True))


def _contaminated(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of contaminated numbers; none of a table that somebody made without the column."""
    return frame[frame[PROVENANCE] == CONTAMINATED] if PROVENANCE in frame else frame[:0].assign(**{LEARNT: ""})


def with_marks(table: pd.DataFrame, frame: pd.DataFrame, pair: Sequence[str] = ()) -> pd.DataFrame:
    """A table made of results, with a column `contaminated` where any of them is: the sign, or, in a comparison of a
    `pair`, which of the two (A, B). A row over languages or benchmarks is where one of its numbers is."""
    cells = cells_of(frame)
    if not cells:
        return table
    sides = dict(zip(pair, "AB", strict=False))
    told = []
    for row in table.to_dict(orient="records"):
        models = pair or (str(row["model"]),)
        found = [model for model in models if is_of(cells, model, row)]
        told.append(", ".join(sides[model] for model in found) if pair else MARK * bool(found))
    return table.assign(**{CONTAMINATED: told})


def is_of(cells: Set[Cell], model: str, row: Mapping[Any, Any]) -> bool:
    """Whether a model's row is made of any of these numbers. A language in brackets, `(mean)`, stands for several, a
    row without one for all, and a benchmark in brackets for those with accuracies."""
    key, unit = str(row["benchmark"]), str(row.get("language", "("))
    if not key.startswith("(") and not unit.startswith("("):
        return (model, key, unit) in cells
    return any(
        name == model
        and unit in (language, "(mean)", "(gap to en)", "(")
        and key in (benchmark, _pooled(key, benchmark))
        for name, benchmark, language in cells
    )


def _pooled(key: str, benchmark: str) -> str:
    return key if key.startswith("(") and get_benchmark(benchmark).chance is not None else ""


def title_of(benchmark: str) -> str:
    """A benchmark's title; somebody else's key as it is."""
    return benchmarks()[benchmark].title if benchmark in benchmarks() else flat(benchmark)


def provenance_of(lineage: Lineage | None) -> str:
    """What is on record of a model, in one sentence."""
    if lineage is None:
        return f"provenance unknown: the model has no {FILE}, so that nobody can tell what it learnt"
    if not lineage.trainings:
        return line(f"provenance unknown: nothing is on record of {', '.join(map(flat, lineage.unknown))}", LONGEST)
    said = f"provenance: {' -> '.join(map(line, lineage.names))}"
    if lineage.teachers:
        said += f"; taught by {', '.join(map(line, lineage.teachers))}"
    if lineage.unrecorded:
        said += f"; nothing is on record of {', '.join(line(each, MOST_OF_ONE) for each in lineage.unrecorded)}"
    learnt = [
        f"{title_of(key)} ({', '.join(f'{language} {count:,}' for language, count in sorted(texts.items()))})"
        for key, texts in lineage.contaminated.items()
    ]
    return line(f"{said}; it learnt texts of benchmarks' items: {'; '.join(learnt)}" if learnt else said, LONGEST)
