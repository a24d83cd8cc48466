"""Bootstrap, tests and multiplicity: hand-computed values and properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.stats import (
    bootstrap,
    bootstrap_means,
    corrected_std,
    detectable_floor,
    holm,
    interval,
    mcnemar_exact,
    minimum_detectable_effect,
    paired_difference,
    population_std,
    rank_intervals,
)


def outcomes(only_a: int, only_b: int, both: int = 3, neither: int = 2) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(1, 0)] * only_a + [(0, 1)] * only_b + [(1, 1)] * both + [(0, 0)] * neither
    return tuple(np.array(pairs, dtype=float).T)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(9, 1, 2 * (1 + 10) / 1024), (1, 9, 2 * (1 + 10) / 1024), (5, 5, 1.0), (0, 0, 1.0), (6, 0, 2 / 64), (1, 0, 1.0)],
)
def test_mcnemar_by_hand(only_a: int, only_b: int, p: float) -> None:
    """2 * P(Binomial(n, 1/2) <= k): (9, 1) gives 2 * (1 + 10) / 1024 = 0.0215."""
    assert mcnemar_exact(*outcomes(only_a, only_b)) == pytest.approx(p)


def test_mcnemar_needs_right_and_wrong() -> None:
    with pytest.raises(ValueError, match="0 and 1"):
        mcnemar_exact([0.5], [1.0])
    with pytest.raises(ValueError, match="one length"):
        mcnemar_exact([1.0], [1.0, 0.0])


def test_mcnemar_survives_large_counts() -> None:
    p = mcnemar_exact(*outcomes(2600, 2400))
    z = 199 / math.sqrt(5000)  # with the continuity correction
    assert p == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.02)


def test_holm_by_hand() -> None:
    # Sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, made monotone: .04 .06 .06 .06.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0, math.nan]), min_size=2, max_size=2), min_size=1, max_size=9),
    st.integers(1, 40), st.integers(0, 3) | st.lists(st.integers(0, 3), min_size=1, max_size=2),
)  # fmt: skip
def test_a_kept_resampling_gives_the_bytes_of_a_new_one(rows, draws, seed) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "CHUNK", 30)  # several parts
        bootstrap._cached.cache_clear()
        scores = np.array(rows)
        first, again = (bootstrap_means(scores, draws, seed) for _ in range(2))
        patch.setattr(bootstrap, "KEPT", 0)
        new = bootstrap_means(scores, draws, seed)
        bootstrap._cached.cache_clear()
    assert first.tobytes() == again.tobytes() == new.tobytes()


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_never_lowers_a_p_value(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))


MATRIX = st.integers(0, 2**32 - 1).map(lambda s: np.random.default_rng(s).integers(0, 2, (40, 4)).astype(float))


@given(MATRIX, st.integers(0, 1000))
def test_bootstrap_is_a_function_of_its_seed(scores: np.ndarray, seed: int) -> None:
    a, b = bootstrap_means(scores, 50, seed), bootstrap_means(scores, 50, seed)
    assert np.array_equal(a, b)
    assert a.shape == (50, 4)
    assert ((a >= 0) & (a <= 1)).all()


@given(MATRIX)
def test_columns_are_drawn_together(scores: np.ndarray) -> None:
    """A column and its copy get the same draws: the difference of two equal languages has no spread."""
    means = bootstrap_means(np.column_stack([scores[:, 0], scores[:, 0]]), 100, 1)
    assert np.array_equal(means[:, 0], means[:, 1])


def test_missing_items_are_left_out_of_the_mean() -> None:
    scores = np.array([[1.0, np.nan], [1.0, 0.5], [1.0, 0.5]])
    means = bootstrap_means(scores, 200, 0)
    assert (means[:, 0] == 1).all()
    drawn = means[~np.isnan(means[:, 1]), 1]
    assert (drawn == 0.5).all()
    assert drawn.size < 200, "a draw of the first item three times holds nothing of column two"


def test_interval_holds_its_estimate_and_narrows_with_items() -> None:
    rng = np.random.default_rng(0)
    small, large = rng.integers(0, 2, (100, 3)).astype(float), rng.integers(0, 2, (10_000, 3)).astype(float)
    mean = interval(small, lambda m: m.mean(axis=1), draws=2000)
    assert mean.value == pytest.approx(small.mean())
    assert mean.low < mean.value < mean.high
    assert interval(large, lambda m: m.mean(axis=1), draws=500).high - large.mean() < (mean.high - mean.value) / 5


def test_paired_difference_uses_shared_items_only() -> None:
    a = np.array([1.0, 0.0, 0.0, np.nan, 1.0])
    b = np.array([1.0, 1.0, 1.0, 1.0, np.nan])
    result = paired_difference(a, b, draws=500)
    assert result.items == 3
    assert result.difference == pytest.approx(2 / 3)
    assert result.p == pytest.approx(0.5)  # two items differ, both in one direction: 2 * (1/2)^2
    with pytest.raises(ValueError, match="share no item"):
        paired_difference(np.array([np.nan]), np.array([1.0]))


def test_graded_scores_use_the_bootstrap() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform(0, 1, 400)
    clear, none = paired_difference(a, a + 0.1, draws=2000), paired_difference(a, rng.permutation(a), draws=2000)
    assert clear.p < 0.01 < none.p
    assert clear.low == pytest.approx(0.1)


def test_mde_by_hand_and_never_zero() -> None:
    # sd 1, n 100: (1.95996 + 0.84162) / 10 = 0.28016.
    differences = np.tile([1.0, -1.0], 50)
    sd = math.sqrt(100 / 99)
    assert minimum_detectable_effect(differences) == pytest.approx(0.28016 * sd, rel=1e-4)
    assert minimum_detectable_effect(np.zeros(30)) > 0.05, "30 equal items do not prove that nothing changed"


def test_detectable_floor_is_mcnemars_power() -> None:
    """Six changes in one direction are the fewest with p <= 0.05 (2 / 64); all of six items always change at share 1.

    n = 6 needs P(6 of 6) = e^6 = 0.8, e = 0.96349; n = 1000: P(Binomial(1000, e) >= 6) = 0.8 at e = 0.0079.
    """
    assert detectable_floor(5) == float("inf")
    assert detectable_floor(6) == pytest.approx(0.8 ** (1 / 6), abs=1e-6)
    assert detectable_floor(1000) == pytest.approx(0.0079, abs=1e-4)
    rng = np.random.default_rng(0)
    changes = rng.binomial(1000, detectable_floor(1000), 4000)
    found = [mcnemar_exact(np.zeros(1000), np.arange(1000) < k) <= 0.05 for k in changes[:400]]
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)


def test_ranks_share_ties_and_say_how_sure_they_are() -> None:
    means = np.array([[0.5, 0.9, 0.9], [0.6, 0.5, 0.9], [0.5, 0.9, 0.95]])
    assert rank_intervals(means, [0.5, 0.9, 0.9]) == [(3, 2, 3), (1, 1, 3), (1, 1, 2)]


def test_corrected_std_removes_noise() -> None:
    rng = np.random.default_rng(0)
    same = rng.integers(0, 2, (500, 15)).astype(float)  # fifteen languages with one true mean
    raw = population_std(list(same.mean(axis=0)))
    corrected = corrected_std(same)
    assert raw > 0.015
    assert corrected.value < raw / 2
    assert corrected.low == 0.0
    equal = np.repeat(same[:, :1], 4, axis=1)
    assert corrected_std(equal) == pytest.approx((0, 0, 0), abs=1e-12)


def test_corrected_std_does_not_depend_on_the_order_of_languages() -> None:
    scores = (np.random.default_rng(1).uniform(size=(300, 6)) < np.linspace(0.3, 0.6, 6)).astype(float)
    assert corrected_std(scores[:, ::-1]) == pytest.approx(corrected_std(scores))
    with pytest.raises(ValueError, match="complete"):
        corrected_std(np.array([[1.0, np.nan], [0.0, 1.0]]))
