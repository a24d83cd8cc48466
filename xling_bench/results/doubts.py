"""What says little about the model: items that lost their beginning, ties, COMET of a checkpoint never trained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xling_bench.catalog import get_benchmark
from xling_bench.metrics.comet import RANDOM, is_random
from xling_bench.metrics.reasoning import without_value
from xling_bench.results.schema import ABSENT

if TYPE_CHECKING:
    import pandas as pd

    from xling_bench.results.record import Record

TRUNCATED, TIES = "truncated", "ties"
SENTENCES = {
    TRUNCATED: "{count} of {items} items were longer than the model's context and lost their beginning ({units})",
    TIES: "{count} of {items} items are ties: their best candidates score the same, and the first was taken ({units})",
}
UNTRAINED = f"{RANDOM}: the checkpoint's weights were never trained; its scores say nothing"
NAMED = 4  # units in one sentence


@dataclass(frozen=True, slots=True)
class Counted:
    """A number's items, and how many of them lost their beginning or are ties; None where nobody counted. `of` is what
    the sentence begins with, `unit` what it names in brackets."""

    of: str
    unit: str
    items: int
    truncated: int | None
    ties: int | None


def sentences(numbers: Iterable[Counted]) -> list[str]:
    """One for each `of` and kind of doubt that has any items, with the worst units named."""
    listed, found = list(numbers), []
    for name, text in SENTENCES.items():
        for of in dict.fromkeys(number.of for number in listed):
            counts = dict[str, int]()
            for number in listed:
                if number.of == of and getattr(number, name):
                    counts[number.unit] = counts.get(number.unit, 0) + getattr(number, name)
            worst = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            if worst:
                units = ", ".join(f"{unit} {count}" for unit, count in worst[:NAMED])
                units += f" and {len(worst) - NAMED} more" if worst[NAMED:] else ""
                items = sum(n.items for n in listed if n.of == of)
                found.append(f"{of}: {text.format(count=sum(counts.values()), items=items, units=units)}")
    return found


def doubtful(frame: pd.DataFrame) -> list[str]:
    """The sentences of a results table, by benchmark and metric, and by model where there are several."""
    several = frame["model"].nunique() > 1
    found = sentences(_counted(row, several=several) for row in frame.to_dict(orient="records"))
    rules = frame.loc[frame["metric"] == "comet", "signature"]
    found += _without_value(frame, several=several)
    return found + ([UNTRAINED] if any(is_random(str(rule)) for rule in rules) else [])


def _without_value(frame: pd.DataFrame, *, several: bool) -> list[str]:
    """What results lack of metrics that no item has a score of, with the units of each."""
    units: dict[tuple[str, str], dict[str, None]] = {}
    for row in frame.to_dict(orient="records"):
        if absent := row.get(ABSENT):
            why = without_value(absent, get_benchmark(row["benchmark"]).answer_language(row["language"]))
            of = get_benchmark(row["benchmark"]).title + (f", {row['model']}" if several else "")
            if why:
                units.setdefault((of, why), {})[f"{row['language']} {row['shots']}-shot"] = None
    found = []
    for (of, why), listed in units.items():
        named = ", ".join([*listed][:NAMED]) + (f" and {len(listed) - NAMED} more" if len(listed) > NAMED else "")
        found.append(f"{of}: {why} ({named})")
    return found


def _counted(row: dict[Any, Any], *, several: bool) -> Counted:
    of = f"{get_benchmark(row['benchmark']).title} {row['metric']}" + (f", {row['model']}" if several else "")
    counts = [None if row[name] is None or row[name] != row[name] else int(row[name]) for name in (TRUNCATED, TIES)]
    return Counted(of, f"{row['language']} {row['shots']}-shot", row["n"], *counts)


def counts_of(record: Record, metric: str) -> dict[str, int | None]:
    """{truncated, ties} of a result's metric; None where nobody counted."""
    return {TRUNCATED: record.truncated, TIES: record.ties.get(metric)}
