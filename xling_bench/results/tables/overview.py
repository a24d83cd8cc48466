"""Spread over languages, gaps to the pivot, and averages over groups of languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from xling_bench.core import languages
from xling_bench.core.errors import UsageError
from xling_bench.core.languages import PIVOT, Language
from xling_bench.core.unit import Unit, is_pair
from xling_bench.metrics.registry import is_conditional, is_descriptive, scale_of, sign_of
from xling_bench.results.chance import chance_in
from xling_bench.results.gaps import gap_is
from xling_bench.results.matrix import GROUP, across_languages, counted
from xling_bench.results.mixing import refuse_mixed, refuse_unequal_seeds
from xling_bench.results.schema import Row
from xling_bench.results.tables.uncertainty import Flags, chance_flags
from xling_bench.stats import chance_corrected, dispersion, relative_gap, transfer_gap

if TYPE_CHECKING:
    import pandas as pd


class Accuracy(NamedTuple):
    """A row of `overview` that has a chance level: what a mean over benchmarks is made of."""

    model: str
    benchmark: str
    shots: int
    demos: str
    metric: str
    languages: int
    chance_corrected: float
    at_chance: int | None


def overview(frame: pd.DataFrame, flags: Flags | None = None) -> pd.DataFrame:
    """One row per model, benchmark, prompt family, shots and metric, over the languages measured.

    Columns: languages (how many), mean, std (population, as the papers print it), min, max, range, worst, transfer_gap
    (English minus the mean of the others, points), relative_gap (mean over the others of (English - x) / English,
    percent), gap_is (how to read the two: see `results.gaps`), chance_corrected (mean of (score - chance) / (1 -
    chance), percent; only for accuracy; a last row per model has its mean over benchmarks), at_chance (how many
    languages are not above chance, where item scores were kept: a spread among those means nothing). Scores are
    percent, averaged over seeds. Pairs are left out: see `group_averages` by source or target. A gap without English,
    and a relative gap to an English score of 0, is missing; so are gaps and worst of a metric that only describes.
    `flags` are `chance_flags` computed before.
    """
    import pandas as pd

    refuse_mixed(frame)
    refuse_unequal_seeds(frame)
    frame = across_languages(frame)
    flagged = chance_flags(frame) if flags is None else flags
    rows: list[Row] = []
    accuracies: list[Accuracy] = []
    parts: dict[Any, pd.DataFrame] = dict(iter(frame.groupby(GROUP, sort=False)))
    for key, measured in _scores(frame):
        scores = {unit: value for unit, value in measured.items() if not is_pair(unit)}
        if not scores:
            continue
        row: dict[str, Any] = dict(zip(GROUP, key, strict=True))
        sign = sign_of(row["metric"])
        spread = dispersion(scores, higher_is_better=sign > 0)
        row |= {"languages": spread.languages, "mean": spread.mean, "std": spread.std, "min": spread.minimum}
        row |= {"max": spread.maximum, "range": spread.range}
        directed = not is_descriptive(row["metric"])
        row["worst"] = spread.worst if directed and spread.range > 0 else ""
        others = [value for unit, value in scores.items() if unit != PIVOT]
        english = scores.get(PIVOT)
        if directed and english is not None and others:
            row["transfer_gap"] = sign * transfer_gap(scores, PIVOT)
            row["gap_is"] = gap_is(flagged.get(key), scores)
            if english > 0:
                row["relative_gap"] = sign * fmean(relative_gap(english, value) for value in others)
        chance = chance_in(parts[key])
        if chance is not None:
            row["chance_corrected"] = fmean(100 * chance_corrected(v / 100, chance) for v in scores.values())
        row["at_chance"] = _count(flagged.get(key), scores)
        rows.append(row)
        if chance is not None:
            shared = {name: row[name] for name in Accuracy._fields}
            accuracies.append(Accuracy(**shared))
    rows += _pooled(accuracies)
    measures = ["languages", "mean", "std", "min", "max", "range", "worst"]
    gaps = ["transfer_gap", "relative_gap", "gap_is", "chance_corrected", "at_chance"]
    if not rows:
        raise UsageError("pairs only, which have no spread over languages here: see `--by source` and `--by target`.")
    return counted(pd.DataFrame(rows, columns=[*GROUP, *measures, *gaps]))


def _pooled(accuracies: list[Accuracy]) -> list[Row]:
    """One row per model, shots and demonstrations with the chance-corrected mean over its accuracy benchmarks.

    Two-way and three-way accuracies have no common mean of their own, so only that column is filled.
    """
    found: dict[tuple[str, int, str, str], list[Accuracy]] = {}
    for each in accuracies:
        found.setdefault((each.model, each.shots, each.demos, each.metric), []).append(each)
    pooled: list[Row] = []
    for (model, shots, demos, metric), parts in found.items():
        benchmarks = {part.benchmark for part in parts}
        if len(benchmarks) == len(parts) > 1:  # one prompt family each: two would count a benchmark twice
            head = {"model": model, "benchmark": f"({len(parts)} accuracy benchmarks)", "family": "", "shots": shots}
            mean = fmean(part.chance_corrected for part in parts)
            languages_in_all = sum(part.languages for part in parts)
            row = {**head, "demos": demos, "metric": metric, "languages": languages_in_all, "worst": ""}
            counts = [part.at_chance for part in parts if part.at_chance is not None]
            row["at_chance"] = sum(counts) if len(counts) == len(parts) else None
            pooled.append({**row, "chance_corrected": mean})
    return pooled


def group_averages(frame: pd.DataFrame, by: str, flags: Flags | None = None) -> pd.DataFrame:
    """Mean score per group of languages: one row per model, benchmark, ... and group, with the number of languages.

    `by` is `resource`, `script`, `family`, `seen:xglm` or `seen:bloom` (seen or unseen in that family's pre-training),
    or for translation `source` / `target` (with the population standard deviation over the other side, as AFP
    Table 4). Raises UsageError for another word.
    """
    import pandas as pd

    refuse_mixed(frame)
    refuse_unequal_seeds(frame)
    frame = across_languages(frame)
    flagged = chance_flags(frame) if flags is None else flags
    group_of = _grouping(by)
    rows = []
    for key, scores in _scores(frame):
        groups: dict[str, dict[str, float]] = {}
        for unit, value in scores.items():
            group = group_of(unit)
            if group is not None:
                groups.setdefault(group, {})[unit] = value
        for group, values in sorted(groups.items()):
            spread = dispersion(values)
            row = {**dict(zip(GROUP, key, strict=True)), "group": group, "languages": len(values)}
            row["at_chance"] = _count(flagged.get(key), values)
            rows.append({**row, "mean": spread.mean, "std": spread.std})
    return counted(pd.DataFrame(rows, columns=[*GROUP, "group", "languages", "mean", "std", "at_chance"]))


def _count(flags: dict[str, bool] | None, units: Iterable[str]) -> int | None:
    return None if flags is None else sum(flags[unit] for unit in units if unit in flags)


def _scores(frame: pd.DataFrame) -> list[tuple[tuple[Any, ...], dict[str, float]]]:
    """[(group key, {unit: score})], averaged over seeds, in percent where the metric is a share."""
    found: dict[tuple[Any, ...], dict[str, list[float]]] = {}
    frame = frame[~frame["metric"].map(is_conditional)]
    for row in zip(*(frame[c] for c in [*GROUP, "language", "value"]), strict=True):
        *key, unit, value = row
        found.setdefault(tuple(key), {}).setdefault(str(unit), []).append(scale_of(str(key[-1])) * float(value))
    return [(key, {u: fmean(v) for u, v in units.items()}) for key, units in sorted(found.items())]


def _grouping(by: str) -> Callable[[str], str | None]:
    if by in ("source", "target"):
        return lambda unit: getattr(Unit(unit), by) if is_pair(unit) else None
    attributes: dict[str, Callable[[Language], str]] = {
        "resource": lambda language: language.resource,
        "script": lambda language: language.script,
        "family": lambda language: language.family,
        "seen:xglm": lambda language: "seen" if "xglm" in language.seen_by else "unseen",
        "seen:bloom": lambda language: "seen" if "bloom" in language.seen_by else "unseen",
    }
    if by not in attributes:
        raise UsageError(f"--by {by!r}: expected one of {', '.join([*attributes, 'source', 'target'])}")
    return lambda unit: None if is_pair(unit) else attributes[by](languages.get(unit))
