"""Results of models by how many translation pairs they were trained on: points of a scaling law, benchmarks' means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xling_bench.core.errors import DataError, UsageError, did_you_mean
from xling_bench.core.languages import PIVOT
from xling_bench.core.unit import Unit
from xling_bench.metrics.registry import METRICS, is_mean
from xling_bench.results.tables.uncertainty import spread_intervals
from xling_bench.scale.columns import read_lines
from xling_bench.scale.points import Point

if TYPE_CHECKING:
    import pandas as pd

Sizes = Mapping[str, Mapping[str, int]]  # of models: {language: pairs}
DIRECTIONS = ("en-x", "x-en")
SETTING = ("family", "split", "shots", "demos")


class Mean(NamedTuple):
    """A benchmark's mean over the languages that a model was trained on, percent; `pairs` of all of them together. An
    end of the interval is NaN where the metric is no mean of items."""

    benchmark: str
    metric: str
    languages: tuple[str, ...]
    pairs: int
    value: float
    low: float
    high: float


def read_sizes(path: Path) -> dict[str, dict[str, int]]:
    """{model: {language: pairs}} from a CSV file `model,language,pairs`. Raises DataError, with the line."""
    found: dict[str, dict[str, int]] = {}
    for line in read_lines(path, ("model", "language", "pairs")):
        own, key = found.setdefault(line.cells["model"], {}), line.language()
        if key in own:
            raise DataError(f"{line.where}: {line.cells['model']} has pairs of {key} already")
        own[key] = line.count("pairs", 1)
    return found


def points_by_size(frame: pd.DataFrame, sizes: Sizes, benchmark: str, metric: str | None, way: str) -> list[Point]:
    """A point for each score of a language that its model was trained on. `frame` is of `load_results`.

    Of pairs (FLORES) those `way`: "en-x" into the language, "x-en" out of it. `metric` None: the first there. Raises
    DataError for models without sizes or a benchmark that is not there; UsageError for several settings.
    """
    import numpy as np

    check_models(frame, sizes)
    there = sorted(frame["benchmark"].unique())
    if benchmark not in there:
        raise UsageError(f"--benchmark {benchmark!r}: no results of it.{did_you_mean(benchmark, there)} "
                         f"There: {', '.join(there)}.")  # fmt: skip
    rows = frame[frame["benchmark"] == benchmark]
    metrics = list(dict.fromkeys(rows["metric"]))
    wanted = metric or min(metrics, key=list(METRICS).index)
    if wanted not in metrics:
        raise UsageError(f"--metric {wanted!r}: no results of it.{did_you_mean(wanted, metrics)} "
                         f"There: {', '.join(metrics)}.")  # fmt: skip
    rows = rows[rows["metric"] == wanted]
    settings = rows[list(SETTING)].drop_duplicates()
    if len(settings) > 1:
        shown = "; ".join(" ".join(map(str, row)) for row in settings.itertuples(index=False))
        raise UsageError(f"{benchmark} was measured in several ways ({shown}), and a law is of one: give runs of one.")
    found = []
    for row in rows.to_dict("records"):
        language = _language(Unit(row["language"]), way)
        if language in sizes[row["model"]]:
            value = float(row["value"]) * (100 if METRICS[wanted].share else 1)
            found.append(Point(language, sizes[row["model"]][language], value, wanted))
    if not found:
        raise DataError(f"{benchmark}: no score of a language that its model was trained on, {way} for pairs")
    if high := [point for point in found if not np.isfinite(point.score) or point.score >= 100]:
        raise DataError(f"{benchmark} {high[0].language}: the score is {high[0].score:g}; a law is of scores below 100")
    return found


def check_models(frame: pd.DataFrame, sizes: Sizes) -> None:
    """Raise DataError for a model of whose training nothing is said."""
    if lacking := sorted(set(frame["model"]) - set(sizes)):
        close = did_you_mean(lacking[0], sizes)
        raise DataError(f"--pairs says nothing of {', '.join(lacking)}.{close} It needs a line for each model and "
                        "language it was trained on: model,language,pairs")  # fmt: skip


def _language(unit: Unit, way: str) -> str:
    """What a task's score tells of: its language, or the one beside English on the side that counts; else empty."""
    if not unit.is_pair:
        return str(unit)
    other, pivot = (unit.target, unit.source) if way == DIRECTIONS[0] else (unit.source, unit.target)
    return other if pivot == PIVOT else ""


def means_by_size(frame: pd.DataFrame, sizes: Sizes, *, draws: int = 10_000) -> list[Mean]:
    """The mean of every benchmark and its first metric over the languages that a model was trained on, pairs left out.

    A model counts for a benchmark that has all of these languages. Ordered by benchmark, languages and size.
    """
    check_models(frame, sizes)
    order = list(METRICS).index
    found = []
    for (benchmark, model), group in frame.groupby(["benchmark", "model"], sort=True):
        own = sizes[str(model)]
        metric = min(set(group["metric"]), key=order)
        rows = group[(group["metric"] == metric) & group["language"].isin(list(own))]
        if set(rows["language"]) != set(own) or len(rows[list(SETTING)].drop_duplicates()) > 1:
            continue
        value = float(rows["value"].mean()) * (100 if METRICS[metric].share else 1)
        spread = spread_intervals(rows, draws=draws, flags={}) if is_mean(metric) else None
        low, high = (float("nan"),) * 2
        if spread is not None and len(spread) == 1:
            low, high = float(spread["low"].iloc[0]), float(spread["high"].iloc[0])
        found.append(Mean(str(benchmark), metric, tuple(sorted(own)), sum(own.values()), value, low, high))
    return sorted(found)
