"""Tests that may be looked at after every item: betting on a mean, and limits of it, while a finite set is drawn.

A bettor who cannot expect to win under the null hypothesis multiplies the money by 1 / alpha with probability alpha at
most, whenever the game is stopped (Ville's inequality). Waudby-Smith and Ramdas, "Estimating means of bounded random
variables by betting" (JRSS B 2024) and "Confidence sequences for sampling without replacement" (NeurIPS 2020).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
BETS = (0.9, 0.5, 0.25, 0.12, 0.06, 0.03)  # shares of the money at stake; the capital is the mean over them
TARGET, STEEPEST = 0.7, 0.9  # of `lower_limits`


def log_capital(drawn: Matrix, total: int, bound: Matrix) -> Matrix:
    """The logarithm of the most that betting on a mean above 0 has won after each value drawn, (t, rows), 0 or more.

    drawn: (t, rows), in the order in which they were drawn, of `total` at random without replacement; bound: (rows,),
    no value is farther from 0. exp(-result) is a p-value that holds whenever one looks, of either null hypothesis: the
    values come from a distribution whose mean is 0 or less, or the mean of all `total` values is. Of the second the
    next value's mean is that of what is left, -(sum so far) / (how many are left); the bet is against that or 0,
    whichever is larger, so that it wins under neither.
    """
    values = np.asarray(drawn, dtype=np.float64)
    left = (total - np.arange(len(values)))[:, None]
    before = np.cumsum(values, axis=0) - values
    fair = np.clip(-before / left, 0.0, bound)  # (t, rows)
    stake = (values - fair) / (bound + fair)  # -1 at worst
    won = np.stack([np.cumsum(np.log1p(bet * stake), axis=0) for bet in BETS])  # (bets, t, rows)
    capital = np.logaddexp.reduce(won, axis=0) - math.log(len(BETS))
    found: Matrix = np.maximum.accumulate(np.maximum(capital, 0.0), axis=0)
    return found


def lower_limits(drawn: Matrix, total: int, alpha: float) -> Matrix:
    """Lower limits of the mean of all `total` values after each one drawn, (t, rows): with probability 1 - alpha all
    of them hold at once.

    drawn: (t, rows), values from 0 to 1 in the order in which they were drawn at random without replacement. By the
    empirical Bernstein inequality of Howard et al. (2021): with y the next value, m its mean given what was drawn, g a
    guess and s < 1 chosen before, exp(s (y - m) - (-log(1 - s) - s) (y - g)^2) is 1 or less on average; and m is
    (total * mean - sum so far) / (how many are left). What is left says the more of all the less it is, so that s grows
    as total / left, from what makes the limits narrowest when `TARGET` of all are drawn, by the variance so far.
    """
    values = np.asarray(drawn, dtype=np.float64)
    count = np.arange(len(values))[:, None]
    left = total - count
    before = np.cumsum(values, axis=0) - values
    guess = (before + 0.5) / (count + 1)
    squares = (values - guess) ** 2
    variance = (np.cumsum(squares, axis=0) - squares + 0.25) / (count + 1)  # of what was drawn before
    cost = math.log(1 / alpha)
    slope = np.sqrt(2 * cost * (1 - TARGET) / (TARGET * total * variance)) * total / left
    slope = np.minimum(slope, STEEPEST)
    won = np.cumsum(slope * (values + before / left) - (-np.log1p(-slope) - slope) * squares, axis=0) - cost
    found: Matrix = np.maximum.accumulate(np.clip(won / np.cumsum(slope * total / left, axis=0), 0.0, None), axis=0)
    return found
