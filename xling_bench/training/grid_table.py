"""What came out of a grid: a row a point, and one figure of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.core.reading import parse_json, read_text
from xling_bench.results.lineage import FILE, read_lineage
from xling_bench.training.claim import ALIGNMENT, LOG, MODEL
from xling_bench.training.grid import Axis, Point

if TYPE_CHECKING:
    from xling_bench.report.figures.drawing import Figure

TABLE, FIGURE = "grid.csv", "grid"
NO_RESULT = ("step", "grad_norm", "learning_rate")  # of a log's lines
SEED = "run.seed"
Cells = dict[str, Any]


def row(output: Path, point: Point) -> Cells:
    """What a finished point has: its values, tokens and updates learnt, the last losses and development scores of its
    log, and the last alignment measures, `<measure>/<pair>/<layer>`."""
    folder = output / point.name
    found: Cells = {"point": point.name, **{key: _shown(value) for key, value in point.values.items()}}
    record = read_lineage(folder / MODEL / FILE)
    if record is not None:
        learnt = record.trainings[-1].learnt
        found |= {"updates": learnt.updates, "pair_tokens": learnt.pair_tokens,
                  "instruction_tokens": learnt.instruction_tokens}  # fmt: skip
    for line in _lines(folder / LOG):
        found |= {name: value for name, value in line.items() if name not in NO_RESULT}
    for line in _lines(folder / ALIGNMENT)[-1:]:
        found |= {f"{each['measure']}/{each['pair']}/{each['layer']}": each["value"] for each in line["records"]}
    return found


def csv(rows: Sequence[Cells]) -> str:
    """All columns of all rows, in the order they first come; what a point lacks is empty."""
    from xling_bench.results.tables.rendering import to_csv

    columns = list(dict.fromkeys(name for each in rows for name in each))
    return to_csv([columns, *([each.get(name, "") for name in columns] for each in rows)])


def figure(rows: Sequence[Cells], axes: Sequence[Axis]) -> Figure | None:
    """The measure that says most of what the rows have (`measure_of`) over the first axis with several values: a line
    for each combination of the others; over `run.seed` the mean, with the seeds' range as a band. None where no axis
    but the seed has several values."""
    from xling_bench.report.figures.curves import MOST, Line, Panel, curves

    varied = [each for each in axes if each.key != SEED and len(each.values) > 1]
    measured = measure_of(rows)
    if not varied or measured is None:
        return None
    name, columns = measured
    x, others = varied[0], varied[1:]
    places = _places(x)
    lines: dict[str, dict[float, list[float]]] = {}
    for each in rows:
        label = ", ".join(f"{other.key} {each[other.key]}" for other in others) or name
        values = [float(each[column]) for column in columns if column in each]
        if values:
            at = places[str(each[x.key])]
            lines.setdefault(label, {}).setdefault(at, []).append(sum(values) / len(values))
    drawn = []
    for label, found in list(lines.items())[:MOST]:
        ordered = sorted(found.items())
        means = [sum(values) / len(values) for _, values in ordered]
        several = any(len(values) > 1 for _, values in ordered)
        low, high = ([pick(values) for _, values in ordered] if several else [] for pick in (min, max))
        drawn.append(Line(label, [at for at, _ in ordered], means, low, high))
    seeds = next((len(each.values) for each in axes if each.key == SEED), 1)
    caption = f"{name} over {x.key}: {len(rows)} finished points" + (
        f"; lines are means of {seeds} seeds, bands from the lowest to the highest" if seeds > 1 else ""
    ) + (f"; {len(lines) - MOST} lines more are in {TABLE} only" if len(lines) > MOST else "")  # fmt: skip
    ticks = [(at, text) for text, at in places.items()]
    return curves(FIGURE, f"{name} by {x.key}", f"{caption}.", [Panel("", drawn)], (x.key, name), ticks=ticks)


def measure_of(rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]] | None:
    """What is drawn, and the columns whose mean it is: the development score; else retrieval of held-out translations;
    else the loss."""
    names = list(dict.fromkeys(name for each in rows for name in each))
    if "dev/mean" in names:
        return "accuracy on development items", ["dev/mean"]
    if found := [name for name in names if name.startswith("retrieval_weak/")]:
        return "weak retrieval, mean of pairs and layers", found
    return ("loss", ["loss"]) if "loss" in names else None


def _places(axis: Axis) -> dict[str, float]:
    """Where values stand: numbers by their size, others one after the other."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in axis.values)
    return {
        str(_shown(value)): float(value) if numbers else float(place)  # type: ignore[arg-type] # numbers, as was asked
        for place, value in enumerate(axis.values)
    }


def _shown(value: object) -> object:
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [parse_json(line, path.name) for line in read_text(path).splitlines()] if path.is_file() else []
