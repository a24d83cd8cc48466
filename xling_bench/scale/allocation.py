"""A budget of translation pairs over languages, so that the mean predicted score is highest (Extrapolating, Eq. 1).

    max 1/n sum g_i(X_i)   such that   sum X_i = C,   0 <= X_i <= cap_i

The sum of concave functions of one variable each: at the best allocation every language gains as much by its next pair
as any other, but those at their cap, which would gain more. `water_filling` solves for that gain. `slsqp` is the
paper's way, a general solver, to compare with.

The law has no value at X = 0 (it falls without bound), so that a language whose cap is above 0 gets a pair at least.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.errors import DataError, UsageError, XlingError
from xling_bench.scale.law import Array, Law

Counts = NDArray[np.int64]
LEAST = 1.0  # pair
HALVINGS = 200  # of an interval of logarithms: far below a float's last digit
TOLERANCE = 1e-12  # SLSQP's ftol, of what the whole budget would bring at the uniform allocation's slope
UNITS = {"": 1, "k": 1_000, "m": 1_000_000}
METHODS = ("water-filling", "slsqp")


class SolverError(XlingError):
    """A general solver found no allocation."""


@dataclass(frozen=True)
class Problem:
    """Languages with their laws and caps, and a budget of pairs to spend. `caps` and `budget` are whole numbers.

    Raises DataError for a law whose beta is 0 (no data help it, so nothing says how much to give), a cap below 0, or
    a budget that does not fit: more than all caps, or too little for a pair a language.
    """

    laws: Mapping[str, Law]
    caps: Mapping[str, int]
    budget: int

    def __post_init__(self) -> None:
        if not self.languages:
            raise DataError("no language has a cap above 0, so there is nothing to allocate")
        for key in self.languages:
            if self.laws[key].beta == 0:
                raise DataError(f"{key}: its law is flat (beta is 0), so no number of pairs helps it; measure it at "
                                "more sizes, or leave it out of the caps")  # fmt: skip
        if self.budget > (there := sum(self.caps.values())):
            raise DataError(f"the budget of {self.budget:,} pairs is above the {there:,} that the caps allow; take "
                            f"{there:,} or less, or raise the caps")  # fmt: skip
        if self.budget < len(self.languages):
            raise DataError(f"the budget of {self.budget:,} pairs is less than a pair for each of "
                            f"{len(self.languages)} languages")  # fmt: skip

    @property
    def languages(self) -> list[str]:
        """Those that get pairs: cap above 0, in the caps' order."""
        return [key for key, cap in self.caps.items() if cap > 0]

    @property
    def _laws(self) -> list[Law]:
        return [self.laws[key] for key in self.languages]

    @property
    def most(self) -> Array:
        """The caps, (languages,)."""
        return np.array([self.caps[key] for key in self.languages], dtype=np.float64)

    def mean_score(self, pairs: Array) -> float:
        """The objective: the mean predicted score, points. pairs: (languages,)."""
        return float(np.mean([law.score(x) for law, x in zip(self._laws, pairs, strict=True)]))

    def gains(self, pairs: Array) -> Array:
        """What one more pair would bring each language, points."""
        return np.array([law.gain(x) for law, x in zip(self._laws, pairs, strict=True)])


def water_filling(problem: Problem) -> Array:
    """The best allocation, exactly, as real numbers, (languages,).

    Languages get the pairs at which their gain has fallen to one common level, at most their cap; the level is where
    these sum to the budget. The sum falls as the level rises, so that halving finds it.
    """
    laws, most = problem._laws, problem.most

    def filled(level: float) -> Array:
        return np.clip([law.pairs_at(level) for law in laws], LEAST, most)

    low = min(law.log_gain(cap) for law, cap in zip(laws, most, strict=True))  # all at their caps
    high = max(law.log_gain(LEAST) for law in laws)  # all at one pair
    return _at_sum(filled, low, high, problem.budget)


def uniform(problem: Problem) -> Array:
    """As many pairs for each; what a language has too few of goes to the others alike, (languages,)."""
    most = problem.most
    return _at_sum(lambda level: np.clip(-level, LEAST, most), -float(most.max()), -LEAST, problem.budget)


def _at_sum(filled: Callable[[float], Array], low: float, high: float, budget: int) -> Array:
    """`filled` at the level between `low` and `high` where it sums to the budget; its sum falls with the level."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if filled(middle).sum() >= budget:
            low = middle
        else:
            high = middle
    return filled(low)


def slsqp(problem: Problem) -> Array:
    """The paper's way: sequential least squares programming from the uniform allocation, (languages,).

    With derivatives, in shares of the budget, and as what is won over the uniform allocation in units of its slope: in
    pairs and points scipy's default steps see no slope (a score moves by 1e-6 a pair) and end where they began. Raises
    SolverError where the solver gives up, as it may at caps of a few pairs.
    """
    from scipy.optimize import minimize

    laws, start = problem._laws, uniform(problem)
    unit = problem.budget / len(laws)
    base, slope = problem.mean_score(start), float(problem.gains(start).mean()) * unit

    def loss(x: Array) -> float:
        return (base - problem.mean_score(x * unit)) / slope

    def derivative(x: Array) -> Array:
        return -problem.gains(x * unit) * unit / len(laws) / slope

    whole = {"type": "eq", "fun": lambda x: x.sum() - len(laws), "jac": np.ones_like}
    bounds = [(LEAST / unit, cap / unit) for cap in problem.most]
    found = minimize(loss, start / unit, jac=derivative, bounds=bounds, constraints=[whole], method="SLSQP",
                     options={"ftol": TOLERANCE, "maxiter": 1000})  # fmt: skip
    if not found.success:
        raise SolverError(f"SLSQP gave up ({found.message}); water-filling is exact.")
    pairs: Array = np.clip(found.x * unit, LEAST, problem.most)
    return pairs


def in_pairs(problem: Problem, pairs: Array) -> dict[str, int]:
    """Whole numbers that sum to the budget, none above its cap: rounded down, one more for those that lost most."""
    counts = np.floor(pairs + 1e-6).astype(np.int64)  # a cap that lost its last digit is a cap
    lost = pairs - counts
    for place in _most_first(lost):
        if counts.sum() == problem.budget:
            break
        counts[place] += counts[place] < problem.caps[problem.languages[place]]
    if counts.sum() != problem.budget:
        raise AssertionError(f"{pairs} do not sum to {problem.budget}")
    found = dict(zip(problem.languages, counts.tolist(), strict=True))
    return {key: found.get(key, 0) for key in problem.caps}


def _most_first(lost: Array) -> Sequence[int]:
    order: list[int] = np.argsort(-lost, kind="stable").tolist()
    return order


def read_budget(text: str) -> int:
    """`1.2M`, `300k`, `1200000`, `1,200,000` in pairs. Raises UsageError for anything else, parts of a pair, or 0."""
    plain = text.strip().replace("_", "")
    if re.fullmatch(r"\d{1,3}(,\d{3})+", plain):  # else a comma may be somebody's decimal point
        plain = plain.replace(",", "")
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", plain)
    pairs = Fraction(found[1]) * UNITS[found[2].lower()] if found else Fraction(0)
    if not pairs or pairs.denominator != 1:
        raise UsageError(f"--budget {text!r}: expected a number of pairs above 0, such as 1.2M, 300k or 1200000.")
    return int(pairs)
