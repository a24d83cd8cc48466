"""Criteria by which others chose the tasks that steer a training, by their names, and thresholds of one's own."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import UsageError, did_you_mean
from xling_bench.metrics.registry import sign_of
from xling_bench.results.schema import Row
from xling_bench.results.tables.steering import STEP, scores_of, variation
from xling_bench.stats import spearman

if TYPE_CHECKING:
    import pandas as pd

# HPLT-e: https://github.com/hplt-project/hplt-e, results/2508-datasets (Oepen et al., "HPLT 3.0", arXiv 2511.01066).
# Its models were trained on 100 billion tokens; the windows of 15-80, 40-80 and 80-100 of them are shares of the last
# step here. A score is the best over the prompts; mad and the noise of snr are over the prompts, in percentage points.
HPLT_E = ("monotonicity>=0.5", "cv<=15", "mad<=5", "snr>=3", "above_random>0")
WINDOWS = {"mid-late": (0.15, 0.8), "late": (0.4, 0.8), "final": (0.8, 1.0)}
NAMED = ("hplt-e",)
SETTING = ("benchmark", "shots", "demos", "metric")
VALUES = ("prompts", "monotonicity", "cv", "mad", "prompt_switch_rate", "snr", "above_random")
SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
MET, FAILS = "meets", "fails"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a column must be: `snr>=3`."""

    name: str
    sign: str
    value: float

    def met(self, found: float) -> bool:
        """Whether a value meets it."""
        return SIGNS[self.sign](found, self.value)

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.value:g}"


def requirement(text: str, names: Sequence[str]) -> Requirement:
    """`snr>=3`, of these columns. Raises UsageError for another text or column."""
    match = re.fullmatch(r"\s*(\w+)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*", text)
    if match is None:
        raise UsageError(f"--require {text!r}: expected NAME>=NUMBER (or <=, >, <), for example snr>=3")
    if match[1] not in names:
        raise UsageError(f"--require {text}: no column {match[1]!r}.{did_you_mean(match[1], names)} "
                         f"There: {', '.join(names)}.")  # fmt: skip
    return Requirement(match[1], match[2], float(match[3]))


def required(table: pd.DataFrame, requirements: Sequence[Requirement]) -> pd.DataFrame:
    """The table with a column `steers`: `meets`, `fails: ...`, or `unknown: ...` where a value is missing and nothing
    fails."""
    return table.assign(steers=[_verdict(row, requirements) for row in table.to_dict(orient="records")])


def _verdict(row: Mapping[Any, object], requirements: Sequence[Requirement]) -> str:
    failed, unknown = list[str](), list[str]()
    for each in requirements:
        value = row[each.name]
        if not isinstance(value, int | float) or math.isnan(value):
            unknown.append(each.name)
        elif not each.met(float(value)):
            failed.append(str(each))
    if failed:
        return f"{FAILS}: {' '.join(failed)}"
    return f"unknown: {' '.join(unknown)}" if unknown else MET


def hplt_e(frame: pd.DataFrame) -> pd.DataFrame:
    """HPLT-e's statistics of a series (`read_series`), per benchmark, shots, demos, metric and language; prompt
    families are its prompts.

    monotonicity: Spearman's correlation of step and score; cv: coefficient of variation, percent; mad: the median over
    steps of the median absolute deviation over prompts: all mid-late. prompt_switch_rate: percent of neighbouring steps
    between which the best prompt changes, late. snr: mean score over the mean standard deviation over prompts, and
    above_random: the highest score above chance, of final steps. Missing where there are too few steps or prompts, or
    no chance level. Its ranking consistency is of several corpora's trainings, which one series is not.
    """
    import pandas as pd

    rows: list[Row] = []
    last = int(frame[STEP].max())
    for key, group in frame.groupby(list(SETTING), sort=True):
        by_family = {str(name): scores_of(part) for name, part in group.groupby("family", sort=True)}
        for unit in dict.fromkeys(str(name) for scores in by_family.values() for name in scores.columns):
            own = {name: scores[unit] for name, scores in by_family.items() if unit in scores}
            prompts = pd.DataFrame(own).dropna()
            rows.append({**dict(zip(SETTING, key, strict=True)), "language": unit, **_statistics(key, prompts, last)})
    return pd.DataFrame(rows, columns=[*SETTING, "language", *VALUES])


def _statistics(key: Sequence[object], prompts: pd.DataFrame, last: int) -> Row:
    """Of one task: scores by step (rows) and prompt; `last` is the series' last step."""
    row: Row = {"prompts": prompts.shape[1], **dict.fromkeys(VALUES[1:])}
    sign, chance = sign_of(str(key[-1])), get_benchmark(str(key[0])).chance_of(str(key[-1]))
    best = prompts.max(axis=1) if sign > 0 else prompts.min(axis=1)
    parts = {name: _window(prompts, last, *ends) for name, ends in WINDOWS.items()}
    middle, late, final = (best.loc[part.index] for part in parts.values())
    if len(middle) > 1:
        row["cv"] = variation([float(value) for value in middle])
        row["monotonicity"] = spearman([float(x) for x in middle.index], [sign * float(y) for y in middle]).rho
    if chance is not None and len(final):
        row["above_random"] = float(final.max()) - 100 * chance
    if prompts.shape[1] < 2:
        return row
    deviations = [float(np.median(np.abs(scores - np.median(scores)))) for scores in parts["mid-late"].to_numpy()]
    row["mad"] = float(np.median(deviations)) if deviations else None
    if len(late) > 1:
        chosen = (parts["late"] * sign).to_numpy().argmax(axis=1)
        row["prompt_switch_rate"] = 100 * float((np.diff(chosen) != 0).mean())
    noise = float(parts["final"].std(axis=1, ddof=1).mean()) if len(final) else 0.0
    row["snr"] = float(final.mean()) / noise if noise else None
    return row


def _window(prompts: pd.DataFrame, last: int, low: float, high: float) -> pd.DataFrame:
    found: pd.DataFrame = prompts[(prompts.index >= low * last) & (prompts.index <= high * last)]
    return found
