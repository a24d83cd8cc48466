"""What a gap to English says where languages are at chance: the gap, at least that much, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from xling_bench.core.languages import PIVOT

MEASURED: Final = "measured"
AT_LEAST: Final = "at least"
NOTHING: Final = "nothing"
MEANINGS = {
    AT_LEAST: "English is above chance, and of the languages held against it some are not, which guessing keeps there: "
    "the gap may be larger than it looks",
    NOTHING: "English is at chance or below: the gap means nothing",
}


def gap_is(flags: Mapping[str, bool] | None, units: Iterable[str]) -> str | None:
    """How the gap between English and the mean of the other `units` is to be read, one of three.

    `flags` say which languages are not above chance (`uncertainty.chance_flags`). English is not: NOTHING. English is,
    one or more of the others are not: AT_LEAST. All are: MEASURED. None where nobody knows (a metric without a chance
    level, no item scores of one of them) and where there is no gap.
    """
    others = [unit for unit in units if unit != PIVOT]
    if flags is None or PIVOT not in flags or not others:
        return None
    if flags[PIVOT]:
        return NOTHING
    if any(flags.get(unit, False) for unit in others):
        return AT_LEAST
    return MEASURED if all(unit in flags for unit in others) else None


def explained(readings: Iterable[object]) -> list[str]:
    """A sentence for each of AT_LEAST and NOTHING that is among the readings."""
    found = {str(reading) for reading in readings}
    return [f"gap “{name}”: {meaning}" for name, meaning in MEANINGS.items() if name in found]
