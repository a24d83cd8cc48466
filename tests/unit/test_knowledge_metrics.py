"""Ranked candidates, P@1 over relations and RankC: values by hand and what must always hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.metrics.knowledge import (
    best,
    macro_by_relation,
    mean_rankc,
    per_token,
    rankc,
    ranking,
)

E = math.e


def test_every_relation_weighs_the_same() -> None:
    # P19: 1 of 4 right, P36: 1 of 1; (1/4 + 1) / 2, not 2/5.
    items = [("P19", 1.0), ("P19", 0.0), ("P36", 1.0), ("P19", 0.0), ("P19", 0.0)]
    assert macro_by_relation(items) == 0.625
    with pytest.raises(ValueError, match="no items"):
        macro_by_relation([])


def test_best_takes_the_first_of_equals_and_length_can_turn_it() -> None:
    assert best([-9.0, -3.0, -3.0]) == 1
    assert ranking([-9.0, -3.0, -3.0, 0.0]) == [3, 1, 2, 0]
    assert per_token([-6.0, -5.0], [3, 1]) == [-2.0, -5.0]
    assert (best([-6.0, -5.0]), best(per_token([-6.0, -5.0], [3, 1]))) == (1, 0)
    assert best([-math.inf, -math.inf]) == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: best([]), "no candidates"),
        (lambda: best([0.0, math.nan]), "NaN"),
        (lambda: per_token([-1.0], [1, 2]), "1 scores for 2"),
        (lambda: per_token([-1.0], [0]), "at least one token, got 0"),
        (lambda: rankc([], []), "same candidates"),
        (lambda: rankc([0, 1], [0, 1, 2]), "same candidates"),
        (lambda: rankc([0, 0], [0, 1]), "same candidates"),
        (lambda: rankc([0, 1], [1, 2]), "same candidates"),
        (lambda: mean_rankc([]), "no items"),
    ],
)
def test_nonsense_is_refused(call, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


# N = 3: weights e^2, e, 1 over their sum; P@3 is 1 always.
THREE = E**2 + E + 1


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        ([0], [0], 1.0),
        ([0, 1], [1, 0], 1 / (E + 1)),  # P@1 = 0, P@2 = 1
        ([0, 1, 2], [1, 0, 2], (E + 1) / THREE),  # P = 0, 1, 1
        ([0, 1, 2], [0, 2, 1], (E**2 + E / 2 + 1) / THREE),  # P = 1, 1/2, 1
        ([0, 1, 2], [2, 1, 0], (E / 2 + 1) / THREE),  # P = 0, 1/2, 1
        ([2, 0, 1], [2, 0, 1], 1.0),
    ],
)
def test_rankc_by_hand(a: list[int], b: list[int], value: float) -> None:
    assert rankc(a, b) == pytest.approx(value, rel=1e-12)


def test_mean_rankc_weighs_items_alike() -> None:
    assert mean_rankc([([0, 1], [0, 1]), ([0, 1], [1, 0])]) == pytest.approx((1 + 1 / (E + 1)) / 2)


PAIRS = st.integers(1, 12).flatmap(lambda n: st.tuples(*[st.permutations(range(n))] * 3))


@given(PAIRS)
def test_rankc_is_symmetric_bounded_and_blind_to_the_candidates_names(triple) -> None:
    a, b, names = triple
    value = rankc(a, b)
    assert value == rankc(b, a)
    assert 0.0 < value <= 1.0
    assert (value == 1.0) == (a == b)
    assert rankc([names[i] for i in a], [names[i] for i in b]) == value


def test_rankc_of_many_candidates() -> None:
    many = list(range(2000))
    assert rankc(many, many) == 1.0
    assert 0.0 <= rankc(many, many[::-1]) < 1e-9


@given(st.lists(st.floats(-1e6, 0), min_size=1))
def test_the_best_is_ranked_first(scores: list[float]) -> None:
    assert ranking(scores)[0] == best(scores) == scores.index(max(scores))
