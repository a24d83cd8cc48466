"""The runner's own table: one line per language, the headline metric, and the gap to English."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from xling_bench.catalog import get_benchmark
from xling_bench.errors import DataError

PIVOT = "en"
PERCENT = {"acc", "f1", "exact", "contains"}  # metrics in [0, 1], printed in percent


@dataclass(frozen=True, slots=True)
class Cell:
    """One number: the headline metric of one finished unit, in percent or (chrF++) points of 100."""

    benchmark: str
    unit: str
    family: str
    shots: int
    seed: int
    demos: str
    metric: str
    value: float
    items: int
    source: str
    signature: str


def read_run(folder: Path) -> list[Cell]:
    """All finished units of a run, in path order. Raises DataError for a folder without results."""
    paths = sorted(folder.glob("*/*/results.json"))
    if not paths:
        raise DataError(f"{folder} holds no results (<task>/<shots>-<seed>-<demos>/results.json).")
    return [_cell(json.loads(path.read_text(encoding="utf-8")), path) for path in paths]


def _cell(result: dict[str, Any], path: Path) -> Cell:
    try:
        own, facts = result["xling"], result["xling"]["facts"]
        metric = facts["metrics"][0]
        value = result["results"][facts["task"]][f"{metric},none"]
    except KeyError as error:
        raise DataError(f"{path}: no field {error}; is it a result of `xling-bench run`?") from error
    return Cell(
        benchmark=own["benchmark"],
        unit=own["unit"],
        family=own["family"],
        shots=facts["shots"],
        seed=facts["seed"] or 0,
        demos=facts["demos"],
        metric=metric,
        value=100 * value if metric in PERCENT else value,
        items=facts["items"],
        source=facts["source"],
        signature=own["signature"],
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line: the mean over seeds, and the gap to English (percentage points, English minus this)."""

    benchmark: str
    family: str
    shots: int
    demos: str
    metric: str
    unit: str
    value: float
    gap: float | None
    items: int
    seeds: int
    source: str


def language_table(cells: Iterable[Cell]) -> list[Line]:
    """Cells averaged over seeds, by benchmark, shots and language; the gap only where English was scored too.

    FLORES pairs have no gap: a translation into English and one out of it are different tasks.
    """
    groups: dict[tuple[str, str, int, str, str, str], list[Cell]] = {}
    for cell in cells:
        key = (cell.benchmark, cell.family, cell.shots, cell.demos, cell.metric, cell.unit)
        groups.setdefault(key, []).append(cell)
    means = {key: fmean(cell.value for cell in found) for key, found in groups.items()}
    lines = []
    for key, found in groups.items():
        english = means.get((*key[:5], PIVOT))
        gap = english - means[key] if english is not None and "-" not in key[5] else None
        lines.append(Line(*key, means[key], gap, found[0].items, len(found), found[0].source))
    return sorted(lines, key=lambda x: (x.benchmark, x.family, x.shots, x.demos, x.unit != PIVOT, x.unit))


HEADER = ("benchmark", "family", "shots", "demos", "metric", "language", "score", "gap to en", "items")


def _cells(line: Line) -> tuple[str, ...]:
    gap = "" if line.gap is None else f"{line.gap + 0.0:.1f}"
    title = get_benchmark(line.benchmark).title
    return (
        title,
        line.family,
        str(line.shots),
        line.demos,
        line.metric,
        line.unit,
        f"{line.value:.1f}",
        gap,
        str(line.items),
    )


def markdown(lines: Sequence[Line]) -> str:
    """The table as Markdown, columns aligned so that it reads well in a terminal too."""
    rows = [HEADER, *map(_cells, lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    texts = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    texts.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    if any(line.source == "sample" for line in lines):
        texts += ["", "**Sample data: invented items that show how things work. These are not benchmark scores.**"]
    return "\n".join(texts) + "\n"


def to_csv(cells: Iterable[Cell]) -> str:
    """Every number with its signature, one per line, values in full."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Cell.__slots__)
    for cell in cells:
        writer.writerow([getattr(cell, name) for name in Cell.__slots__])
    return out.getvalue()
