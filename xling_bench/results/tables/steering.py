"""Checkpoints of one training: which benchmarks and languages can steer it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import DataError, UsageError
from xling_bench.metrics.registry import METRICS, is_conditional, is_within_language, scale_of, sign_of
from xling_bench.results.clusters import clusters_in, codes_for
from xling_bench.results.frame import load_results
from xling_bench.results.given import Run, given
from xling_bench.results.matrix import GROUP, aligned_by_id, column, of_languages
from xling_bench.results.mixing import refuse_mixed, refuse_unequal_seeds
from xling_bench.results.schema import ITEMS, NOTES, PATH, Row
from xling_bench.results.tables.compare import MEAN
from xling_bench.stats import bootstrap_means, spearman, standard_error
from xling_bench.stats.signal import above, neighbour_noise

if TYPE_CHECKING:
    import pandas as pd

STEP = "step"
HEAD = GROUP[1:]
FEWEST = 3  # checkpoints of a series
LARGEST = 10**15  # a step: updates, examples or tokens; figures draw it as a float
REMEDY = "Measure all alike: run the checkpoints that differ again, as the others were run, into folders of their own."
DRAWS = 2000  # of a mean over languages, for its standard error
COLUMNS = ("steps", "first", "last", "best", "monotonicity", "noise", "signal", "snr", "cv", "above_chance_from",
           "stays_above")  # fmt: skip


def steps_of(names: Sequence[str]) -> list[int] | None:
    """The step in each name, the last number in it: 500, 1000 of `run-500`, `run-1000`. None unless all have one, all
    other, and are alike but for it; numbers above `LARGEST` are no steps."""
    found = [re.fullmatch(r"(.*?)(\d+)(\D*)", name) for name in names]
    if not all(found) or len({(match[1], match[3]) for match in found if match}) != 1:
        return None
    digits = [match[2] for match in found if match]
    if max(map(len, digits)) > len(str(LARGEST)):
        return None
    steps = list(map(int, digits))
    return steps if len(set(steps)) == len(steps) and max(steps) <= LARGEST else None


def read_series(runs: Sequence[Run], steps: Sequence[int] = ()) -> pd.DataFrame:
    """The results of a training's checkpoints, a run each, with a column `step`; models are named by it.

    Steps are those given, one per run in their order, rising; else those in the names of the runs' folders (or chosen,
    `NAME=RUN`), whatever the order; else 1, 2, ... in the order given. Raises UsageError for fewer than three runs, and
    for steps that do not rise; DataError for runs of several models, and for what was not measured alike. A model that
    stands at several steps is named in `attrs["notes"]`.
    """
    if len(runs) < FEWEST:
        raise UsageError(f"series: expected at least {FEWEST} runs, the checkpoints of one training, got {len(runs)}.")
    if steps and (len(steps) != len(runs) or any(b <= a for a, b in pairwise(steps)) or steps[-1] > LARGEST):
        raise UsageError(f"--steps: expected {len(runs)} rising numbers up to {LARGEST:,}, one for each run in order, "
                         f"got {list(steps)}.")  # fmt: skip
    names = [run.name or run.path.resolve().name for run in map(given, runs)]
    numbers = list(steps) or steps_of(names) or list(range(1, len(runs) + 1))
    frame = load_results(list(runs))
    for number, name in enumerate(names):
        if (models := frame.loc[frame[PATH] == number, "model"].nunique()) > 1:
            raise DataError(f"{name}: results of {models} models; expected one.")
    places = [int(number) for number in frame[PATH]]
    called = [names[place] for place in places] if len(set(names)) == len(names) else None
    found = with_steps(frame, [numbers[place] for place in places], called)
    found.attrs[NOTES] = [*found.attrs.get(NOTES, []), *_twins(found)]
    return found


def _twins(frame: pd.DataFrame) -> list[str]:
    """A sentence for each model that stands at several steps."""
    known = frame[frame["fingerprint"].fillna("") != ""].groupby("fingerprint", sort=False)[STEP].unique()
    same = [sorted(map(int, steps)) for steps in known if len(steps) > 1]
    return [f"steps {', '.join(map(str, steps))} are one and the same model, by its fingerprint" for steps in same]


def with_steps(frame: pd.DataFrame, steps: Sequence[int], names: Sequence[str] | None = None) -> pd.DataFrame:
    """The results with each row's step, the models named by it. Raises DataError where they were not measured alike,
    which calls each row's run by `names`, else by its step."""
    called = [f"step {step}" for step in steps]
    found = frame.assign(**{STEP: steps})
    found["model"] = called if names is None else list(names)
    found = found[~found["metric"].map(is_conditional)]
    try:
        refuse_mixed(found)
    except DataError as error:
        raise DataError(f"{error} {REMEDY}") from error
    refuse_unequal_seeds(found)
    found = found.assign(model=[f"step {step}" for step in found[STEP]])
    return found.sort_values([*HEAD, "language", STEP, "seed"], kind="stable", ignore_index=True)


def steering(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per benchmark, family, shots, demos, metric and language, then the mean over languages
    where the metric compares across them.

    steps: how many were measured; with fewer than three nothing else is said but scores. first, last, best: scores in
    percent (points for metrics that are no shares), means over seeds. monotonicity: Spearman's correlation of step and
    score, -1 to 1, turned where lower is better. noise: `neighbour_noise`, the deviation of scores from their trend, in
    points. signal: the last score above chance, or above the worst where there is no chance level; snr: signal / noise.
    cv: coefficient of variation over the steps, percent. above_chance_from: the earliest step above chance (one-sided
    at 5 %, Holm over the steps; clusters of items); stays_above: whether all later ones are. A missing value has no
    meaning there, or too few steps.
    """
    import pandas as pd

    rows: list[Row] = []
    for key, group in frame.groupby(HEAD, sort=True):
        scores = scores_of(group)
        units = list(scores.columns)
        errors = _errors(group, scores)
        for unit in units:
            own = scores[unit].dropna()
            rows.append({**dict(zip(HEAD, key, strict=True)), "language": unit, **_row(key, own, errors.get(unit))})
        if (means := mean_of(scores, str(key[-1]))) is not None:
            found = _row(key, means, errors.get(MEAN))
            rows.append({**dict(zip(HEAD, key, strict=True)), "language": MEAN, **found})
    table = pd.DataFrame(rows, columns=[*HEAD, "language", *COLUMNS])
    return table.astype({"steps": "Int64", "above_chance_from": "Int64"})


def scores_of(group: pd.DataFrame) -> pd.DataFrame:
    """Printed scores by step (rows) and language of one benchmark ... and metric, means over seeds."""
    scaled = group.assign(value=scale_of(str(group["metric"].iloc[0])) * group["value"])
    return scaled.pivot_table(index=STEP, columns="language", values="value", aggfunc="mean", sort=True)


def mean_of(scores: pd.DataFrame, metric: str) -> pd.Series[float] | None:
    """The mean over languages (`scores_of`'s columns), of the steps that have them all; None where there is none."""
    averaged = of_languages(list(scores.columns))
    return None if len(averaged) < 2 or is_within_language(metric) else scores[averaged].dropna().mean(axis=1)


def _row(key: Sequence[Any], scores: pd.Series[float], errors: pd.Series[float] | None) -> Row:
    steps = [int(step) for step in scores.index]
    values = [float(value) for value in scores]
    row: Row = {"steps": len(steps), **dict.fromkeys(COLUMNS[1:])}
    if not steps:
        return row
    sign, chance = sign_of(str(key[-1])), get_benchmark(str(key[0])).chance_of(str(key[-1]))
    row |= {"first": values[0], "last": values[-1], "best": max(values, key=lambda value: sign * value)}
    if len(steps) < FEWEST:
        return row
    noise = neighbour_noise(steps, values)
    worst = min(values, key=lambda value: sign * value)
    signal = sign * (values[-1] - worst) if chance is None else values[-1] - 100 * chance
    row |= {"monotonicity": spearman(steps, [sign * value for value in values]).rho, "noise": noise, "signal": signal}
    row |= {"snr": signal / noise if noise else None, "cv": variation(values)}
    if chance is not None and errors is not None:
        reached = above(100 * chance, values, [float(errors[step]) for step in steps])
        first = reached.index(True) if any(reached) else None
        row["above_chance_from"] = None if first is None else steps[first]
        row["stays_above"] = None if first is None else all(reached[first:])
    return row


def variation(values: Sequence[float]) -> float | None:
    """The coefficient of variation, percent: the sample's standard deviation over the mean; None where that is 0."""
    mean = float(np.mean(values))
    return 100 * float(np.std(values, ddof=1)) / mean if mean else None


def _errors(group: pd.DataFrame, scores: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """Standard errors, in percent, by language and of the mean over languages, by step; at least those of guesses that
    are independent, so that a few equal answers are not sure. Empty without item scores, or without a chance level."""
    import pandas as pd

    metric, benchmark = str(group["metric"].iloc[0]), get_benchmark(str(group["benchmark"].iloc[0]))
    chance = benchmark.chance_of(metric)
    if chance is None or group[ITEMS].isna().any() or not METRICS[metric].share:
        return {}
    clusters, guess = clusters_in(group), 100 * (chance * (1 - chance)) ** 0.5
    averaged = of_languages(list(scores.columns))
    found: dict[str, dict[int, float]] = {}
    for number in scores.index:
        step, at = int(number), group[group[STEP] == number]
        items = {str(unit): column(rows) for unit, rows in at.groupby("language", sort=True)}
        for unit, series in items.items():
            error = standard_error(np.asarray(series, dtype=np.float64), codes_for(clusters, series.index))
            found.setdefault(unit, {})[step] = max(error, guess / len(series) ** 0.5)
        if len(averaged) > 1 and set(averaged) <= set(items):
            matrix, ids = aligned_by_id([items[unit] for unit in averaged])
            drawn = bootstrap_means(matrix, DRAWS, 0, codes_for(clusters, ids)).mean(axis=1)
            error = max(float(np.nanstd(drawn, ddof=1)), guess / (len(ids) * len(averaged)) ** 0.5)
            found.setdefault(MEAN, {})[step] = error
    return {unit: pd.Series(errors) for unit, errors in found.items()}
