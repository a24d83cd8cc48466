"""The rows figures are drawn from, typed, and in an order that does not depend on the table's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from xling_bench.report.missing import missing
from xling_bench.report.setting import Setting
from xling_bench.results.gaps import AT_LEAST, NOTHING
from xling_bench.results.marks import CONTAMINATED, title_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Cell:
    """One score in percent or points; `low` and `high` are NaN where it has no interval."""

    model: str
    benchmark: str
    setting: Setting
    metric: str
    language: str
    value: float
    low: float
    high: float
    at_chance: bool
    contaminated: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """English minus the mean of the others (where lower is better, the other way round), in percent or points, and how
    it is to be read (`results.gaps`; empty where nobody knows)."""

    model: str
    benchmark: str
    setting: Setting
    gap: float
    low: float
    high: float
    reading: str
    metric: str = ""
    contaminated: bool = False

    @property
    def idle(self) -> bool:
        """English is at chance: the gap means nothing."""
        return self.reading == NOTHING

    @property
    def bounded(self) -> bool:
        """English is above chance and others are not: the gap is at least this."""
        return self.reading == AT_LEAST


Row = TypeVar("Row", Cell, Gap)


def read_cells(frame: pd.DataFrame) -> list[Cell]:
    """The scores that exist, by setting, benchmark and language."""
    rows = [
        Cell(
            *_head(row),
            metric=str(row["metric"]),
            language=str(row["language"]),
            value=float(row["value"]),
            low=_number(row["low"]),
            high=_number(row["high"]),
            at_chance=not missing(row["at_chance"]) and bool(row["at_chance"]),
            contaminated=bool(row.get(CONTAMINATED)),
        )
        for row in frame.to_dict("records")
        if _number(row["value"]) == _number(row["value"])
    ]
    return sorted(rows, key=lambda cell: (cell.setting, cell.benchmark, cell.language))


def read_gaps(frame: pd.DataFrame) -> list[Gap]:
    """The gaps that exist, in the table's order, which decides what model comes first."""
    return [
        Gap(
            *_head(row),
            gap=float(row["gap"]),
            low=_number(row["gap_low"]),
            high=_number(row["gap_high"]),
            reading=str(row["gap_is"]),
            metric=str(row["metric"]),
            contaminated=bool(row.get(CONTAMINATED)),
        )
        for row in frame.to_dict("records")
        if _number(row["gap"]) == _number(row["gap"])
    ]


class Learnt(Protocol):
    """What may be contaminated."""

    @property
    def benchmark(self) -> str: ...

    @property
    def contaminated(self) -> bool: ...


def learnt_note(rows: Sequence[Learnt]) -> str:
    """What a caption says of numbers whose items the model learnt; empty where there are none."""
    titles = list(dict.fromkeys(title_of(row.benchmark) for row in rows if row.contaminated))
    return f" Contaminated (\N{DAGGER}), for a model learnt the items: {', '.join(titles)}." if titles else ""


def by_setting(rows: Sequence[Row]) -> dict[Setting, list[Row]]:
    """The rows of every setting, settings in order."""
    found: dict[Setting, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.setting):
        found.setdefault(row.setting, []).append(row)
    return found


def _head(row: dict[Any, Any]) -> tuple[str, str, Setting]:
    return str(row["model"]), str(row["benchmark"]), Setting(int(row["shots"]), str(row["demos"]))


def _number(value: Any) -> float:
    """None, pandas' NA and NaN are all missing: NaN."""
    import pandas as pd

    return float("nan") if pd.isna(value) else float(value)
