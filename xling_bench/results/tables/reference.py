"""The papers' published numbers (`reports/reference/`) and the layouts of their tables (`reports/layouts.toml`)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from pydantic import Field, ValidationError

from xling_bench.core import content
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DeclarationError, UsageError, did_you_mean
from xling_bench.core.reading import read_text, read_toml

SPREAD = {"mean", "std"}
OWN_NUMBERS = {"translation_pairs"}  # columns that say how a model was trained, not how it scored


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a published table. Empty benchmark, language or shots mean "all of the layout's"."""

    benchmark: str
    language: str
    shots: str
    statistic: str


@dataclass(frozen=True, slots=True)
class Published:
    """One published number, as printed."""

    row: str
    model: str
    method: str
    column: Column
    printed: str

    @property
    def value(self) -> float:
        """The number itself."""
        return float(self.printed)


class Layout(Strict):
    """A paper's table: its columns are those of the published one, or `columns` where that one is not readable.

    A column is (benchmark, language, shots, statistic). `family` is the prompt family whose numbers stand in it (else
    each benchmark's default), `undefined` names statistics the paper prints without saying what they are. A paper's
    languages are its own, whatever we add to a benchmark: where neither columns nor `languages` name them,
    `languages_of` says for each benchmark which other layout's columns do. `also`: {what follows the model's
    name: prompt family}, further rows of a model, which it has where it was asked in that family.
    """

    title: str
    reference: str = ""
    columns: tuple[tuple[str, str, str, str], ...] = ()
    benchmarks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    languages_of: dict[str, str] = Field(default_factory=dict)
    shots: tuple[int, ...] = ()
    metric: str = ""
    family: str = ""
    also: dict[str, str] = Field(default_factory=dict)
    undefined: tuple[str, ...] = ()
    rename: dict[str, str] = Field(default_factory=dict)


class Note(Strict):
    """What must be known where a published row stands beside ours: `reports/reference/notes.toml`."""

    tables: str
    benchmarks: tuple[str, ...]
    models: tuple[str, ...] = ("",)
    unless: str | None = None
    text: str

    def holds(self, table: str, cells: Iterable[tuple[str, str]], signatures: Mapping[str, Sequence[str]]) -> bool:
        """Whether it is about one of `cells` (published model, benchmark) of `table`; `signatures` are of our numbers
        by benchmark."""
        found = {
            benchmark
            for model, benchmark in cells
            if benchmark in self.benchmarks and model.startswith(self.models) and table.startswith(self.tables)
        }
        if self.unless is None:
            return bool(found)
        return any(self.unless not in text for key in found for text in signatures.get(key, ()))


def notes(
    tables: Iterable[str], cells: Iterable[tuple[str, str]], signatures: Mapping[str, Sequence[str]]
) -> list[str]:
    """Sentences on the published `cells` (model, benchmark) of `tables`; see `Note`."""
    path = content.file("reports/reference/notes.toml")
    declared = [Note(**entry) for entry in read_toml(path)["note"]]
    shown, names = list(cells), list(tables)
    return [note.text for note in declared if any(note.holds(name, shown, signatures) for name in names)]


@cache
def layouts() -> dict[str, Layout]:
    """All declared layouts by name. Raises DeclarationError naming the entry at fault."""
    path = content.file("reports/layouts.toml")
    found = {}
    for name, entry in read_toml(path).items():
        try:
            found[name] = Layout(**entry)
        except ValidationError as error:
            raise DeclarationError(f"{path} [{name}]: {error.errors()[0]['msg']}") from error
        except TypeError as error:
            raise DeclarationError(f"{path}: {name} is no table") from error
    return found


def get_layout(name: str) -> Layout:
    """Return the layout, or raise UsageError with the nearest names."""
    if name not in layouts():
        raise UsageError(f"unknown layout {name!r}.{did_you_mean(name, layouts())} Known: {', '.join(layouts())}.")
    return layouts()[name]


@cache
def published(reference: str) -> tuple[Published, ...]:
    """The numbers of one published table, in printed order."""
    path = content.file(f"reports/reference/{reference}.csv")
    rows = csv.DictReader(io.StringIO(read_text(path, DeclarationError)))
    try:
        found = tuple(
            Published(
                row["row"],
                row["model"],
                row["method"],
                Column(row["benchmark"], row["language"], row["shots"], row["statistic"]),
                row["value"],
            )
            for row in rows
        )
        if not found:
            raise ValueError("no row")
        for number in found:
            if not math.isfinite(number.value) or not (number.column.shots or "0").isdecimal():
                raise ValueError(f"{number.row}: {number.printed} at {number.column.shots} shots")
    except (csv.Error, KeyError, TypeError, ValueError) as error:
        raise DeclarationError(f"{path}: not a table of published numbers ({error!r})") from error
    return found


def columns(layout: Layout) -> list[Column]:
    """The table's score columns in printed order."""
    if layout.columns:
        return [Column(*column) for column in layout.columns]
    seen = dict.fromkeys(number.column for number in published(layout.reference))
    return [c for c in seen if c.statistic not in OWN_NUMBERS and not c.statistic.endswith("_delta")]
