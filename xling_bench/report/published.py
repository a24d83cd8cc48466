"""The papers' numbers on the page: never mixed with measured ones, never ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from pydantic import ValidationError

from xling_bench.core import content
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DeclarationError, UsageError, did_you_mean, reason_of
from xling_bench.core.reading import read_toml
from xling_bench.report.leaderboard import Row, Score
from xling_bench.report.setting import Setting
from xling_bench.results.tables.reference import Published, notes, published

if TYPE_CHECKING:
    import pandas as pd


class Paper(Strict):
    """A paper in `reports/page/reference.toml`: its name, its table of means, and those of single languages."""

    title: str
    means: str
    cells: tuple[str, ...]


class PublishedCell(TypedDict):
    """A paper's number of one language, in percent or points, as the page's scripts read it."""

    model: str
    benchmark: str
    language: str
    shots: int
    value: float
    source: str


def reference_rows(name: str, benchmarks: list[str], settings: list[Setting]) -> tuple[list[Row], list[PublishedCell]]:
    """(leaderboard rows, cells of single languages) of a paper in `reports/page/reference.toml`.

    Only benchmarks and numbers of shots that were measured here come back. Raises UsageError for an unknown name.
    """
    path = content.file("reports/page/reference.toml")
    known = read_toml(path)
    if name not in known:
        raise UsageError(f"--reference {name!r}:{did_you_mean(name, known)} expected one of {', '.join(known)}")
    try:
        entry = Paper(**known[name])
    except (ValidationError, TypeError) as error:
        raise DeclarationError(f"{path} [{name}]: expected title, means and cells: {reason_of(error)}") from error
    shots = {setting.shots for setting in settings}
    rows = [row for row in _means(published(entry.means), benchmarks, entry) if row.setting.shots in shots]
    cells: list[PublishedCell] = []
    for table in entry.cells:
        for number in published(table):
            column = number.column
            wanted = column.benchmark in benchmarks and column.shots and int(column.shots) in shots
            if wanted and column.statistic == "score" and column.language != "avg":
                cells.append(
                    PublishedCell(
                        model=_name(number),
                        benchmark=column.benchmark,
                        language=column.language,
                        shots=int(column.shots),
                        value=number.value,
                        source=f"{entry.title}, {_table(table)}",
                    )
                )
    return rows, cells


def reference_notes(name: str, rows: list[Row], cells: list[PublishedCell], frame: pd.DataFrame) -> list[str]:
    """What must be known of a paper's rows and cells on the page beside our numbers in `frame`."""
    shown = {(row.model, key) for row in rows for key in row.scores} | {(c["model"], c["benchmark"]) for c in cells}
    signatures = {str(key): list(group) for key, group in frame.groupby("benchmark")["signature"]}
    return notes([name], sorted(shown), signatures)


def _means(numbers: tuple[Published, ...], benchmarks: list[str], entry: Paper) -> list[Row]:
    """One row per published model and number of shots, from `mean` and `std` of each benchmark."""
    found: dict[tuple[str, int], dict[str, dict[str, float]]] = {}
    for number in numbers:
        column = number.column
        if column.benchmark in benchmarks and column.shots and column.statistic in ("mean", "std"):
            scores = found.setdefault((_name(number), int(column.shots)), {})
            scores.setdefault(column.benchmark, {})[column.statistic] = number.value
    source = f"{entry.title}, {_table(entry.means)}"
    return [
        Row(
            model,
            Setting(shots, "same" if shots else "none"),
            published=source,
            scores={key: Score(s["mean"], std=s.get("std")) for key, s in scores.items() if "mean" in s},
        )
        for (model, shots), scores in found.items()
    ]


def _name(number: Published) -> str:
    return number.model + ("" if number.method in ("", "base") else f" {number.method}")


def _table(name: str) -> str:
    return f"Table {int(name.rpartition('table')[2])}"
