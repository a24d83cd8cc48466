"""The law and its fit: against scipy's own least squares, Student's intervals, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from scipy.stats import t as student

from xling_bench.core.errors import DataError
from xling_bench.scale.fit import fit
from xling_bench.scale.fitted import NOT_IDENTIFIABLE, fit_each, fit_shared
from xling_bench.scale.law import Law
from xling_bench.scale.points import Point

SIZES = np.array([2e3, 1e4, 5e4, 1e5, 2.5e5, 1e6])
law = st.builds(Law, st.floats(20, 300), st.floats(0.02, 0.8), st.floats(0.05, 1))


def noisy(true: Law, seed: int, sizes: np.ndarray = SIZES, error: float = 0.4) -> np.ndarray:
    return true.score(sizes) + error * np.random.default_rng(seed).standard_normal(len(sizes))


@given(law)
@settings(max_examples=25)
def test_points_without_noise_give_the_law_back(true: Law) -> None:
    found = fit(SIZES, true.score(SIZES), true.gamma)
    assert (found.alpha, found.beta) == pytest.approx((true.alpha, true.beta), rel=1e-7)
    assert not found.falls
    assert found.beta_interval() == pytest.approx((true.beta, true.beta), rel=1e-6)


@given(st.floats(40, 120), st.floats(0.05, 0.3), st.integers(0, 10_000))
@settings(max_examples=25)
def test_scipys_least_squares_and_students_intervals(alpha: float, beta: float, seed: int) -> None:
    """With little noise the law is as good as linear in log alpha and beta, where Student's interval is exact."""
    scores = noisy(Law(alpha, beta), seed, error=0.1)
    found = fit(SIZES, scores)

    def curve(x: np.ndarray, log_alpha: float, beta: float) -> np.ndarray:
        return 100 - np.exp(log_alpha - beta * np.log(x))

    best, covariance = curve_fit(curve, SIZES, scores, p0=(np.log(alpha), beta), xtol=1e-14, ftol=1e-14)
    assert (np.log(found.alpha), found.beta) == pytest.approx(best, rel=1e-5)
    errors = student.ppf(0.975, len(SIZES) - 2) * np.sqrt(np.diag(covariance))
    assert np.log(found.alpha_interval()) == pytest.approx(best[0] + errors[0] * np.array([-1, 1]), abs=0.3 * errors[0])
    low, high = best[1] - errors[1], best[1] + errors[1]
    assert found.beta_interval() == pytest.approx((max(low, 0), high), abs=0.3 * errors[1])
    assert found.spread == pytest.approx(np.sqrt(((curve(SIZES, *best) - scores) ** 2).sum() / 4), rel=1e-6)


@given(law)
def test_derivatives(true: Law) -> None:
    step = 1e-6
    for column, moved in enumerate((Law(true.alpha * (1 + step), true.beta, true.gamma),
                                    Law(true.alpha, true.beta * (1 + step), true.gamma))):  # fmt: skip
        by = step * (true.alpha, true.beta)[column]
        slope = (moved.score(SIZES) - true.score(SIZES)) / by
        assert true.jacobian(SIZES)[:, column] == pytest.approx(slope, rel=1e-4, abs=1e-6)
    ahead = (true.score(SIZES * (1 + step)) - true.score(SIZES)) / (SIZES * step)
    assert true.gain(SIZES) == pytest.approx(ahead, rel=1e-4)
    assert [true.pairs_at(true.log_gain(x)) for x in SIZES] == pytest.approx(SIZES, rel=1e-9)
    assert np.exp([true.log_gain(x) for x in SIZES]) == pytest.approx(true.gain(SIZES), rel=1e-9)


@given(law, st.integers(0, 10_000), st.floats(0.05, 1))
@settings(max_examples=25)
def test_gamma_is_not_identifiable_alone(true: Law, seed: int, gamma: float) -> None:
    """Any gamma fits as well: alpha moves by gamma^beta."""
    scores = noisy(true, seed)
    if (scores >= 100).any():
        return
    one, other = fit(SIZES, scores), fit(SIZES, scores, gamma)
    assert other.beta == pytest.approx(one.beta, rel=1e-6, abs=1e-9)
    assert other.alpha == pytest.approx(one.alpha * gamma**one.beta, rel=1e-6)
    assert other.spread == pytest.approx(one.spread, rel=1e-6)
    assert other.law(gamma).score(SIZES) == pytest.approx(one.law().score(SIZES), abs=1e-6)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_order_and_unit_of_sizes(seed: int) -> None:
    scores, order = noisy(Law(70, 0.12), seed), np.random.default_rng(seed).permutation(len(SIZES))
    one, turned, dozens = fit(SIZES, scores), fit(SIZES[order], scores[order]), fit(SIZES / 12, scores)
    assert (turned.alpha, turned.alpha_interval()) == (one.alpha, one.alpha_interval())
    assert dozens.beta == pytest.approx(one.beta, rel=1e-6)
    assert dozens.law().score(SIZES / 12) == pytest.approx(one.law().score(SIZES), abs=1e-6)
    assert dozens.beta_interval() == pytest.approx(one.beta_interval(), rel=1e-4)


def points(laws: dict[str, Law], metric: str = "comet") -> list[Point]:
    return [Point(key, int(x), float(law.score(np.array([x]))[0]), metric, law.gamma)
            for key, law in laws.items() for x in SIZES]  # fmt: skip


def test_shared_laws_need_fewer_points_of_a_language() -> None:
    """One alpha and beta, from languages with one point or six, which only their gamma tells apart."""
    laws = {"de": Law(70, 0.12, 0.8), "hi": Law(70, 0.12, 0.3), "zh": Law(70, 0.12, 0.6)}
    there = [point for point in points(laws) if point.language != "zh" or point.pairs == 50_000]
    found = fit_shared(there)
    assert all(own.law(laws[key].gamma).alpha == pytest.approx(70) for key, own in found.fits.items())
    assert found.law("zh").score(SIZES) == pytest.approx(laws["zh"].score(SIZES))
    assert NOT_IDENTIFIABLE not in found.notes
    assert NOT_IDENTIFIABLE in fit_each(points(laws)).notes
    with pytest.raises(DataError, match="--shared needs gamma of every language, and has none of hi"):
        fit_shared([Point(p.language, p.pairs, p.score, p.metric, None if p.language == "hi" else 0.5) for p in there])


def test_scores_that_fall_and_three_points_are_said() -> None:
    """The bound is the best law there is: the mean. One degree of freedom is told."""
    falling = fit_each([Point("de", 10**k, 60.0 - k, "chrf") for k in range(3, 7)])
    assert (falling.law("de").alpha, falling.law("de").beta) == (pytest.approx(100 - 60 + 4.5), 0.0)
    assert falling.fits["de"].falls
    assert falling.fits["de"].alpha_interval() is None
    assert any(note.startswith("de: scores fall with size") for note in falling.notes)
    three = fit_each([Point("de", 10**k, 60.0 + k - k * k / 10, "chrf") for k in range(3, 6)])
    assert any("1 degree of freedom" in note for note in three.notes)
    level = fit(SIZES, np.full(6, 40.0))
    assert (level.alpha, level.beta) == pytest.approx((60, 0), abs=1e-6)


@pytest.mark.parametrize(("sizes", "scores", "message"), [
    ([1e3, 1e4], [50, 60], "2 points of 2 sizes"),
    ([1e3, 1e4, 1e4], [50, 60, 61], "3 points of 2 sizes"),
    ([0, 1e4, 1e5], [50, 60, 61], "sizes must be numbers above 0"),
    ([1e3, 1e4, 1e5], [50, 60, 100], "scores must be numbers below 100"),
    ([1e3, 1e4, 1e5], [50, 60, np.nan], "scores must be numbers below 100"),
])  # fmt: skip
def test_points_that_are_too_few_or_wrong(sizes, scores, message) -> None:
    with pytest.raises(DataError, match=message):
        fit(np.array(sizes, dtype=float), np.array(scores, dtype=float))
