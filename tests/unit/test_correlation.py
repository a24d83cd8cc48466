"""Spearman's rho against scipy's, and an interval where one has been shown to cover."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from xling_bench.stats import spearman
from xling_bench.stats.correlation import FEWEST

VALUES = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=30)


@given(VALUES)
def test_it_is_scipys_and_belongs_to_ranks(points: list[tuple[int, int]]) -> None:
    x, y = (list(map(float, side)) for side in zip(*points, strict=True))
    found = spearman(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found.rho is None
        return
    assert found.rho == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert spearman([value**3 for value in x], y) == found
    turned = spearman([-value for value in x], y)
    assert turned.rho == pytest.approx(-found.rho, abs=1e-12)
    if found.low is not None:
        assert len(x) >= FEWEST
        assert -1 <= found.low < found.rho < found.high <= 1
        assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)


def test_the_interval_is_bonett_and_wrights() -> None:
    """Their formula (Psychometrika 65, 2000) by hand: rho = 0.6, n = 12, half-width 1.96 sqrt(1.18 / 9) = 0.7097."""
    x = np.arange(12.0)
    y = np.array([2, 0, 5, 1, 3, 9, 4, 11, 6, 10, 7, 8], dtype=float)
    rho = 1 - 6 * ((x - y) ** 2).sum() / (12 * 143)
    found = spearman(list(x), list(y))
    half = 1.959964 * math.sqrt((1 + rho**2 / 2) / 9)
    assert found.rho == pytest.approx(rho)
    ends = [math.tanh(math.atanh(rho) + sign * half) for sign in (-1, 1)]
    assert [found.low, found.high] == pytest.approx(ends)


def test_no_interval_where_none_covers() -> None:
    few, order = spearman([1, 2, 3, 4, 5], [2, 1, 3, 5, 4]), spearman(list(range(20)), list(range(20)))
    assert (few.rho, few.low) == (0.8, None)
    assert (order.rho, order.low, order.n) == (1.0, None, 20)
    assert spearman([1, 2], [1, 2]).rho is None
    with pytest.raises(ValueError, match="not finite"):
        spearman([1, math.nan, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="one length"):
        spearman([1, 2, 3], [1, 2])
