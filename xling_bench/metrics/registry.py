"""All metrics, found in this folder's files; which of them can be computed here, and their values for an answer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from xling_bench import metrics
from xling_bench.core.errors import DeclarationError, UsageError, XlingError, did_you_mean
from xling_bench.metrics.metric import Answer, Expected, Metric


def _declared() -> dict[str, Metric]:
    """{name: metric} of every file's `METRICS`, by file, then as they stand there."""
    found: dict[str, Metric] = {}
    for name in sorted(info.name for info in iter_modules(metrics.__path__)):
        if name == "registry":
            continue
        try:
            module = import_module(f"{metrics.__name__}.{name}")
        except Exception as error:
            raise DeclarationError(f"xling_bench/metrics/{name}.py cannot be imported: {error!r}") from error
        for metric in getattr(module, "METRICS", ()):
            if not isinstance(metric, Metric):
                raise DeclarationError(f"xling_bench/metrics/{name}.py: METRICS holds {metric!r:.80}, no Metric")
            if metric.name in found:
                raise DeclarationError(f"xling_bench/metrics/{name}.py: a metric {metric.name!r} is already declared")
            found[metric.name] = metric
    return found


METRICS = _declared()


def get_metric(name: str) -> Metric:
    """Return the metric, or raise UsageError with the nearest known names."""
    if name not in METRICS:
        raise UsageError(f"unknown metric {name!r}.{did_you_mean(name, METRICS)} Known: {', '.join(METRICS)}.")
    return METRICS[name]


def scale_of(name: str) -> float:
    """What a metric's values are multiplied by to be printed. One of somebody else's table is taken as it is: 1."""
    return METRICS[name].scale if name in METRICS else 1.0


def sign_of(name: str) -> int:
    """1 where higher is better, as in somebody else's table, -1 where lower is."""
    return METRICS[name].sign if name in METRICS else 1


def is_mean(name: str) -> bool:
    """Whether a value is the mean of its items' scores, so that items can be resampled for it."""
    return name in METRICS and METRICS[name].is_mean


def is_share(name: str) -> bool:
    """Whether an item's score lies in [0, 1], 1 where all of it is right."""
    return name in METRICS and METRICS[name].share


def is_conditional(name: str) -> bool:
    """Whether it exists for some of a model's answers only, so that nothing may be compared or averaged."""
    return name in METRICS and METRICS[name].conditional


def is_within_language(name: str) -> bool:
    """Whether its values compare within a language only, so that nothing may be averaged over languages."""
    return name in METRICS and METRICS[name].within_language


def is_descriptive(name: str) -> bool:
    """Whether more of it is neither better nor worse, so that nothing is ranked by it and no language is behind."""
    return name in METRICS and METRICS[name].descriptive


def digits_of(name: str) -> int:
    """Decimals that tables print of its values and differences; one of somebody else's."""
    return METRICS[name].digits if name in METRICS else 1


def amount(name: str, value: float) -> str:
    """A difference in words: `1.3 points`, `0.013 bits per byte`."""
    return f"{value:.{digits_of(name)}f} {unit_of(name)}"


def unit_of(name: str) -> str:
    """What its differences are in: `points`, `bits per byte`."""
    return (METRICS[name].unit if name in METRICS else "") or "points"


def remarks(names: Iterable[str]) -> list[str]:
    """How to read those of these metrics that are not read as accuracies are, in sentences, in their order here."""
    given = {str(name) for name in names}
    said = []
    for metric in METRICS.values():
        parts = [metric.unit] if metric.unit else []
        parts += ["lower is better"] if metric.lower_is_better else []
        parts += ["no mean or gap over languages, which it does not compare"] if metric.within_language else []
        if metric.name in given and parts:
            said.append(f"{metric.name}: {', '.join(parts)}.")
    describing = [name for name, metric in METRICS.items() if name in given and metric.descriptive]
    if describing:
        said.append(f"{', '.join(describing)}: more is neither better nor worse, so no rank, gap or worst language.")
    return said


def rules(names: Iterable[str], expected: Expected) -> tuple[dict[str, str], dict[str, str]]:
    """({metric: its rule}, {metric that cannot be computed here: why}), in the order given."""
    known: dict[str, str] = {}
    unavailable: dict[str, str] = {}
    for name in names:
        try:
            known[name] = METRICS[name].signature(expected)
        except DeclarationError:
            raise
        except XlingError as error:
            unavailable[name] = str(error)
    return known, unavailable


def score_text(names: Iterable[str], answer: Answer) -> dict[str, object]:
    """{metric: an item's score in [0, 1], or its statistics}; a metric that does not exist for the item, or is given by
    another program, is absent."""
    computed = [METRICS[name] for name in names if METRICS[name].statistics is not None]
    found = {metric.name: _score(metric, answer) for metric in computed}
    return {name: value for name, value in found.items() if value is not None}


def _score(metric: Metric, answer: Answer) -> Any:
    """A metric's `statistics`, held to what it declares. Raises DeclarationError where it is not that."""
    try:
        value = None if metric.statistics is None else metric.statistics(answer)
    except XlingError:
        raise
    except Exception as error:
        raise DeclarationError(f"metric {metric.name}: its statistics end in {error!r}") from error
    if value is None and not metric.partial:
        raise DeclarationError(f"metric {metric.name}: no score of an answer, but it is not declared `partial`")
    if metric.is_mean and value is not None:
        check_value(metric, value)
    return value


def check_value(metric: Metric, value: float) -> None:
    """Raise DeclarationError for a score that is no number, or a share that is none."""
    if not math.isfinite(value) or (metric.share and not -1e-9 <= value <= 1 + 1e-9):
        what = "a share lies in [0, 1]" if metric.share else "expected a finite number"
        raise DeclarationError(f"metric {metric.name}: a score is {value!r}; {what}")
