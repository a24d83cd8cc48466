"""The scaling law of translation data: S = g(X) = 100 - alpha (gamma X)^-beta (Extrapolating, section 3.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.errors import DataError

Array = NDArray[np.float64]
CEILING = 100.0  # the score that the law never reaches


@dataclass(frozen=True, slots=True)
class Law:
    """One language's law. X counts translation pairs, S is a score in percent whose ceiling is 100.

    `alpha` > 0: what is missing from 100 at gamma X = 1. `beta` >= 0: how fast that shrinks; at 0 data change nothing.
    `gamma` in (0, 1]: how near the language is to English (`represent`'s measure of that name). Of one language's own
    points only `scale`, alpha gamma^-beta, can be known: any gamma fits as well, with another alpha. Raises DataError
    for numbers outside these ranges.
    """

    alpha: float
    beta: float
    gamma: float = 1.0

    def __post_init__(self) -> None:
        for name, fits, wanted in (("alpha", self.alpha > 0, "above 0"), ("beta", self.beta >= 0, "0 or more"),
                                   ("gamma", 0 < self.gamma <= 1, "above 0, and 1 at most")):  # fmt: skip
            value = getattr(self, name)
            if not (fits and math.isfinite(value)):
                raise DataError(f"{name} is {value:g}; expected a number {wanted}")
        if not math.isfinite(self.scale):
            raise DataError(f"alpha {self.alpha:g}, beta {self.beta:g} and gamma {self.gamma:g} are no law: what is "
                            "missing from 100 at one pair is beyond what a computer counts")  # fmt: skip

    @property
    def scale(self) -> float:
        """alpha gamma^-beta: what is missing from 100 at one pair."""
        try:
            return self.alpha * float(self.gamma**-self.beta)
        except OverflowError:
            return math.inf

    def score(self, pairs: Array) -> Array:
        """g(X). `pairs` are above 0: with none the law says minus infinity."""
        return CEILING - self.scale * pairs**-self.beta

    def gain(self, pairs: Array) -> Array:
        """g'(X), points a pair: what one more pair brings. It falls with X, for g is concave."""
        return self.scale * self.beta * pairs ** (-self.beta - 1)

    def log_gain(self, pairs: float) -> float:
        """The logarithm of `gain`, which even a steep law has at any size. Needs beta above 0."""
        return math.log(self.scale * self.beta) - (self.beta + 1) * math.log(pairs)

    def pairs_at(self, log_gain: float) -> float:
        """The X at which one more pair brings that: the inverse of `log_gain`."""
        return math.exp((math.log(self.scale * self.beta) - log_gain) / (self.beta + 1))

    def jacobian(self, pairs: Array) -> Array:
        """Derivatives of the score by alpha and beta, (N, 2)."""
        sizes = self.gamma * pairs
        shrunk = sizes**-self.beta
        return np.stack([-shrunk, self.alpha * shrunk * np.log(sizes)], axis=1)
