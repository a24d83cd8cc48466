"""What laws are fitted to: scores at known numbers of translation pairs, and how near languages are to English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xling_bench.core.errors import DataError, UsageError, did_you_mean
from xling_bench.core.languages import PIVOT, get
from xling_bench.core.reading import read_object
from xling_bench.core.unit import Unit
from xling_bench.metrics.registry import METRICS, sign_of
from xling_bench.scale.columns import read_lines
from xling_bench.scale.law import CEILING


@dataclass(frozen=True)
class Point:
    """A score in percent of a model that was trained on so many pairs of a language; `gamma` None where unknown."""

    language: str
    pairs: int
    score: float
    metric: str
    gamma: float | None = None


def read_points(path: Path) -> list[Point]:
    """From a CSV file `language,pairs,score,metric[,gamma]`. One size may stand there several times (seeds).

    Raises DataError, with the line, for sizes that are not whole numbers above 0, scores that are 100 or more or no
    numbers, a gamma that is not above 0 and 1 at most, or two of one language.
    """
    found, gammas = [], dict[str, float]()
    for line in read_lines(path, ("language", "pairs", "score", "metric"), ("gamma",)):
        key, pairs, score = line.language(), line.count("pairs", 1), line.number("score")
        if score >= CEILING:
            raise DataError(f"{line.where}: score is {score:g}; expected percent, below {CEILING:g}")
        if not line.cells["metric"]:
            raise DataError(f"{line.where}: metric is empty")
        gamma = line.number("gamma") if line.cells.get("gamma") else None
        if gamma is not None:
            if not 0 < gamma <= 1:
                raise DataError(f"{line.where}: gamma is {gamma:g}; expected a number above 0, and 1 at most")
            if gammas.setdefault(key, gamma) != gamma:
                raise DataError(f"{line.where}: gamma of {key} is {gamma:g}, but {gammas[key]:g} above")
        found.append(Point(key, pairs, score, line.cells["metric"], gamma))
    if not found:
        raise DataError(f"{path}: it holds no points")
    for metric in dict.fromkeys(point.metric for point in found):
        if all(0 <= point.score <= 1 for point in found if point.metric == metric):
            raise DataError(f"{path}: all scores of {metric} are between 0 and 1; expected percent, such as 74.1")
    return [replace(point, gamma=gammas.get(point.language)) for point in found]


def of_metric(points: Sequence[Point], metric: str | None) -> list[Point]:
    """The points of one metric. Raises UsageError where several are there and none is named, for an unknown one, or
    one where lower is better: the law is of scores that rise to 100."""
    there = list(dict.fromkeys(point.metric for point in points))
    if metric is None and len(there) > 1:
        raise UsageError(f"points of several metrics ({', '.join(there)}): choose one with --metric.")
    wanted = metric or there[0]
    if wanted not in there:
        close = did_you_mean(wanted, there)
        raise UsageError(f"--metric {wanted!r}: no points of it.{close} There: {', '.join(there)}.")
    if wanted in METRICS and sign_of(wanted) < 0:
        raise UsageError(f"{wanted}: lower is better, and the law is of scores that rise to 100.")
    return [point for point in points if point.metric == wanted]


def read_gammas(path: Path, model: str | None) -> dict[str, float]:
    """gamma by language from `alignment.json` of `represent`: the mean reciprocal rank of a language's sentences under
    the pivot's, last layer, mean pooling; of most sentences where there are several.

    `model`: whose states, where the file has several. Raises DataError for a file without any, UsageError for a model
    that is not there or has to be chosen.
    """
    whole = read_object(path)
    try:
        records = [_gamma_record(record, whole["signatures"]) for record in whole["records"]]
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: not an alignment.json of `represent`") from error
    found = [record for record in records if record is not None]
    models = sorted({name for name, *_ in found})
    if not found:
        raise DataError(f"{path}: no gamma there; `represent` measures it with mean pooling and the last layer")
    if model is None and len(models) > 1:
        raise UsageError(f"{path} has several models ({', '.join(models)}): choose one with --model.")
    wanted = model or models[0]
    if wanted not in models:
        close = did_you_mean(wanted, models)
        raise UsageError(f"--model {wanted!r}: not in {path}.{close} There: {', '.join(models)}.")
    mine = [each for each in found if each[0] == wanted]
    counts = {language: max(n for _, key, n, _ in mine if key == language) for _, language, _, _ in mine}
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{language} {n}" for language, n in counts.items())
        raise DataError(f"{path}: gammas are of unequal numbers of sentences ({shown}), and a rank falls with them; "
                        "measure them on sentences that all languages share, or with --limit.")  # fmt: skip
    return {language: value for _, language, n, value in mine if n == counts[language]}


def _gamma_record(record: Mapping[str, Any], signatures: Mapping[str, Any]) -> tuple[str, str, int, float] | None:
    """(model, language, sentences, value) of a trained model's unchanged states asked with the pivot; else None."""
    own = signatures[record["signature"]]["weights"] == "own" and record["intervention"] is None
    if record["measure"] != "gamma" or not own:
        return None
    if Unit(record["pair"]).source != PIVOT:
        raise UsageError(f"gamma is how near a language is to English; {record['pair']} was asked with another. "
                         f"Measure it with `represent --pivot {PIVOT}`.")  # fmt: skip
    return str(record["model"]), get(Unit(record["pair"]).target).key, int(record["n"]), float(record["value"])


def with_gammas(points: Iterable[Point], gammas: Mapping[str, float]) -> list[Point]:
    """The points with their languages' gamma. Raises DataError for a language without one, or one that no law takes."""
    points = list(points)
    if lacking := sorted({point.language for point in points} - gammas.keys()):
        raise DataError(f"no gamma of {', '.join(lacking)}; measure it with `represent --langs {','.join(lacking)}`")
    if zero := sorted(point.language for point in points if not 0 < gammas[point.language] <= 1):
        raise DataError(f"gamma of {zero[0]} is {gammas[zero[0]]:g}; expected a number above 0, and 1 at most")
    return [replace(point, gamma=gammas[point.language]) for point in points]
