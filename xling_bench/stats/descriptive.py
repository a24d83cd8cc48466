"""What the papers print about scores over languages: mean, population standard deviation, gaps.

Scores may be in any unit (percent in the papers); results are in the same unit. All functions take one score per
language and need at least one; a missing language must be left out by the caller, never filled with a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def population_std(scores: Sequence[float]) -> float:
    """Population standard deviation over languages: sqrt(mean((x - mean)^2)).

    AFP's "variance of performance across languages" (XGLM-7.5B on XNLI, Table 9: 3.35, printed 3.4 in Table 7).
    One language gives 0. Raises ValueError for none, or for a score that is not finite.
    """
    values = _checked(scores)
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((x - mean) ** 2 for x in values) / len(values))


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Spread of scores over languages. `worst` is the language with the lowest score, or the highest where lower is
    better (the first by name, if tied)."""

    mean: float
    std: float
    minimum: float
    maximum: float
    range: float
    worst: str
    languages: int


def dispersion(scores: Mapping[str, float], *, higher_is_better: bool = True) -> Dispersion:
    """Describe {language: score}. The standard deviation is the population's, as the papers print it."""
    values = _checked(list(scores.values()))
    low, high = min(values), max(values)
    bad = low if higher_is_better else high
    return Dispersion(
        mean=math.fsum(values) / len(values),
        std=population_std(values),
        minimum=low,
        maximum=high,
        range=high - low,
        worst=min(key for key, value in scores.items() if value == bad),
        languages=len(values),
    )


def absolute_gap(pivot: float, score: float) -> float:
    """Pivot score minus score, in points: positive where the language is behind."""
    return pivot - score


def relative_gap(pivot: float, score: float) -> float:
    """(pivot - score) / pivot, in percent: AFP's "relative performance gap" (Figure 1(c)).

    Raises ValueError for a pivot score of 0 or less, where the ratio means nothing.
    """
    if pivot <= 0:
        raise ValueError(f"a relative gap needs a positive pivot score, got {pivot}")
    return 100.0 * (pivot - score) / pivot


def transfer_gap(scores: Mapping[str, float], pivot: str) -> float:
    """Pivot score minus the mean of all other languages' scores (the survey's cross-lingual transfer gap)."""
    others = [value for key, value in scores.items() if key != pivot]
    if pivot not in scores or not others:
        raise ValueError(f"a transfer gap needs the pivot {pivot!r} and at least one other language")
    return scores[pivot] - math.fsum(_checked(others)) / len(others)


def chance_corrected(score: float, chance: float) -> float:
    """(score - chance) / (1 - chance) for a score in [0, 1]: 0 at chance, 1 when perfect, negative below chance.

    Two-way and three-way accuracies may be averaged only in this form.
    """
    if not 0 <= chance < 1:
        raise ValueError(f"chance must be in [0, 1), got {chance}")
    return (score - chance) / (1 - chance)


def _checked(scores: Sequence[float]) -> list[float]:
    values = [float(x) for x in scores]
    if not values:
        raise ValueError("no scores: at least one language is needed")
    if not all(math.isfinite(x) for x in values):
        raise ValueError("a score is not finite: leave a missing language out")
    return values
