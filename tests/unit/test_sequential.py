"""Tests that may be looked at whenever one likes, and the gate that they stop."""

import math

import gate_sequential
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import outcomes, write_run

from xling_bench.evaluation.as_measured import demos_of
from xling_bench.harness.demos import Demos
from xling_bench.regress.drawing import groups_of
from xling_bench.regress.gate import read_side
from xling_bench.regress.sequential import DOMINANT, FEWEST, Drawn, left_for_everything, nearest, regressed
from xling_bench.regress.settings import GateConfig
from xling_bench.results.matrix import columns
from xling_bench.results.tables.compare import MEAN, compare_models
from xling_bench.stats import exact_sign_flip, log_capital, lower_limits
from xling_bench.stats.anytime import BETS, STEEPEST, TARGET

VALUES = st.lists(st.floats(-1, 1), min_size=1, max_size=30)


@given(VALUES, st.integers(0, 20))
def test_capital_is_what_a_bettor_has(values, more) -> None:
    """Bet by bet, as the paper's algorithm is told, in plain Python."""
    total, sums, purses, most = len(values) + more, 0.0, [1.0] * len(BETS), 1.0
    for number, value in enumerate(values):
        fair = min(1.0, max(0.0, -sums / (total - number)))
        purses = [purse * (1 + bet * (value - fair) / (1 + fair)) for purse, bet in zip(purses, BETS, strict=True)]
        sums += value
        most = max(most, sum(purses) / len(purses))
    found = log_capital(np.array(values)[:, None], total, np.ones(1))
    assert found[-1, 0] == pytest.approx(math.log(most), abs=1e-9)
    assert (np.diff(found, axis=0) >= 0).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(1, 20), st.floats(0.001, 0.5))
def test_limits_are_those_of_the_inequality(drawn, more, alpha) -> None:
    """The mean at which the product of exp(s (y - m) - psi(s) (y - g)^2) is 1 / alpha, found by bisection."""
    total = len(drawn) + more

    def logarithm(mean: float, seen: int) -> float:
        won, sums, squares = 0.0, 0.0, 0.25
        for number, y in enumerate(drawn[:seen]):
            left, guess = total - number, (sums + 0.5) / (number + 1)
            rate = 2 * math.log(1 / alpha) * (1 - TARGET) / TARGET / total
            s = min(STEEPEST, math.sqrt(rate / (squares / (number + 1))) * total / left)
            won += s * (y - (total * mean - sums) / left) + (math.log(1 - s) + s) * (y - guess) ** 2
            sums, squares = sums + y, squares + (y - guess) ** 2
        return won

    highest = 0.0
    found = lower_limits(np.array(drawn)[:, None], total, alpha)
    for seen in range(1, len(drawn) + 1):
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if logarithm(middle, seen) >= math.log(1 / alpha) else (low, middle)
        highest = max(highest, low)
        assert found[seen - 1, 0] == pytest.approx(highest, abs=1e-6)


def orders(values: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """(items, count): so many random orders."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(values) for _ in range(count)], axis=1)


def test_orders_of_a_set_without_a_loss_seldom_win() -> None:
    """Peeking after every value, of sets whose mean is exactly 0: at most alpha of the orders, up to chance."""
    for values in (np.repeat([1.0, -1.0], 60), np.r_[np.full(10, 1.0), np.full(100, -0.1)], np.linspace(-1, 1, 101)):
        drawn = orders(values, 2000)
        won = log_capital(drawn, len(values), np.ones(drawn.shape[1]))[-1]
        assert (won >= math.log(20)).mean() <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
        low = lower_limits((drawn + 1) / 2, len(values), 0.05)
        assert ((low > 0.5 + 1e-9).any(axis=0)).mean() <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5


def test_models_that_are_no_worse_seldom_win() -> None:
    """The same of draws from a distribution, most of whose sets of 200 have a mean other than 0."""
    drawn = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], size=(200, 2000), p=[0.15, 0.7, 0.15])
    assert (drawn.mean(axis=0) > 0).mean() > 0.4
    won = log_capital(drawn, 200, np.ones(2000))[-1]
    assert (won >= math.log(20)).mean() <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5


def test_a_loss_wins_and_limits_close_in() -> None:
    drawn = orders(np.r_[np.ones(150), -np.ones(50), np.zeros(800)], 50)
    assert (log_capital(drawn, 1000, np.ones(50))[-1] > math.log(1e4)).all()
    low = lower_limits((drawn + 1) / 2, 1000, 0.05)
    assert (low[-1] > 0.53).all()
    assert (low[-1] <= 0.55).mean() > 0.9


ALPHAS = st.sampled_from([0.1, 0.05, 0.01, 0.001])


def is_nearer(parts: np.ndarray, alpha: float) -> bool:
    """Whether a sum is significant, and nearer to 0 than a clear pass takes such sums to be."""
    square = (parts**2).sum()
    errors = abs(parts.sum()) / math.sqrt(square)
    return exact_sign_flip(parts) < alpha and errors < nearest(alpha, np.array((parts**2).max() / square)) - 1e-12


@given(st.lists(st.integers(1, 5), min_size=FEWEST, max_size=200), st.integers(1, 100), ALPHAS)
def test_no_significant_sum_is_nearer_than_a_clear_pass_takes_it_to_be(sizes, share, alpha) -> None:
    parts = np.array(sizes, dtype=float)
    parts[: round(len(parts) * share / 100)] *= -1
    assert not is_nearer(parts, alpha)


@settings(max_examples=60)
@given(st.sampled_from([2, 10, 37]), st.integers(FEWEST, 120), st.integers(0, 20), ALPHAS)
def test_nor_is_one_of_large_parts_and_small_ones(size, large, small, alpha) -> None:
    """Where equal large parts leave steps that small ones fill: the least that a sum can be and be significant."""
    for lost in range(large // 2, large + 1):
        parts = np.r_[np.full(lost, size), np.full(large - lost, -size), np.ones(small)].astype(float)
        assert not is_nearer(parts, alpha)


def test_where_one_cluster_weighs_most_nothing_is_cleared() -> None:
    """One sum of 10 and thirty of 1: significant at 1.754 standard errors, where the normal limit is 1.96."""
    parts = np.r_[10.0, np.ones(20), -np.ones(10)]
    assert exact_sign_flip(parts) < 0.05
    assert parts.sum() / math.sqrt((parts**2).sum()) < 1.76
    assert nearest(0.05, np.array([DOMINANT, 100 / 130])).tolist() == [pytest.approx(1.77, abs=0.01), 0]
    sizes = np.abs(parts)[:, None]
    drawn = Drawn(parts[:, None] / 10, sizes / 10, np.ones(1), len(parts), np.zeros(1))
    assert not drawn.cleared(0.05).any()
    # The large one is still to come: what it may weigh is known by its size.
    unseen = Drawn(parts[1:, None] / 10, sizes[1:] / 10, np.ones(1), len(parts), np.zeros(1))
    assert not unseen.cleared(0.05).any()


def test_everything_seen_leaves_nothing_to_guess() -> None:
    """Cleared at the end is exactly: no loss above the tolerance that could be significant."""
    ones = np.ones((100, 1))
    for lost, cleared in ((10, True), (60, False)):
        losses = np.r_[np.ones(lost), np.full(100 - lost, -1.0 if lost == 10 else 0.0)][:, None]
        drawn = Drawn(losses, ones, np.ones(1), 100, np.zeros(1))
        assert drawn.cleared(0.05)[-1, 0] == cleared
        tolerant = Drawn(losses, ones, np.ones(1), 100, np.full(1, 0.61))
        assert tolerant.cleared(0.05)[-1, 0]


def test_holm_and_shares_of_alpha() -> None:
    cells, means = regressed([1e-5, 1e-4, 0.5], [0.002])
    assert cells == pytest.approx([6e-4, 4e-3, 1.0])
    assert means == pytest.approx([0.04])
    assert left_for_everything(0.05) == pytest.approx(0.045)


def test_simulated_gates() -> None:
    """A two-hundredth of what `make test-slow` simulates: no false alarm is common, a loss is found early."""
    found = gate_sequential.measure(50, 0.0, ("no loss", "5 points", "0.3 points"))
    assert gate_sequential.shares(found["5 points"])["median_items"] <= 40
    assert gate_sequential.shares(found["5 points"])["regressed"] == 100
    for name in ("no loss", "0.3 points"):
        assert gate_sequential.shares(found[name])["missed"] <= 5 + 3 * 2.5
    assert gate_sequential.shares(found["no loss"])["regressed"] <= 5 + 3 * 2.5


def test_everything_drawn_is_what_the_gate_compares(tmp_path) -> None:
    """Losses of rows, and the sums that are signed, against `compare_models`: clusters of unequal sizes, tolerances."""
    units = ("en", "de", "th")
    clusters = np.repeat(np.cumsum([0, 1, 3, 2, 4, 1, 2, 3, 2, 2] * 4), [1, 3, 2, 4, 1, 2, 3, 2, 2, 1] * 4)
    clusters = np.array([int(np.flatnonzero(clusters == c)[0]) for c in clusters])
    for name, seed in (("a", 0), ("b", 1)):
        scores = outcomes(len(clusters), units, seed=seed)
        write_run(tmp_path / name, scores, clusters=clusters, fingerprint=f"{seed:016d}")
    config = GateConfig(tolerance=2, slice=[{"languages": ["th"], "tolerance": 5}])
    frames = {name: read_side(tmp_path / name, config, allow_sample=False)[1] for name in "ab"}
    (group,) = groups_of(frames["a"], {}, config, 3)
    candidate = group.candidate(columns(frames["b"].assign(items=[s / 100 for s in frames["b"]["items"]])))
    drawn = group.drawn(candidate, group.total)
    both = pd.concat([frame.assign(model=name) for name, frame in frames.items()], ignore_index=True)
    table = compare_models(both, "a", "b", draws=100).set_index("language")
    assert set(group.rows) == {*units, MEAN}
    for number, name in enumerate(group.rows):
        assert drawn.losses[:, number].mean() == pytest.approx(-table.loc[name, "difference"] / 100)
        assert drawn.sizes[:, number].mean() == pytest.approx(1)
        assert table.loc[name, "clusters"] == group.total
    tolerance = {"en": 0.02, "de": 0.02, "th": 0.05, MEAN: 0.03}
    assert drawn.tolerance.tolist() == pytest.approx([tolerance[name] for name in group.rows])
    assert group.drawn_after(1) == 1
    assert group.drawn_after(10**6) == group.total
    together = [set(group.ids_of("de", range(number, number + 1))) for number in range(group.total)]
    assert sum(map(len, together)) == len(clusters) == len(set().union(*together))
    for ids in together:
        assert len({clusters[int(name[-4:])] for name in ids}) == 1
    (other,) = groups_of(frames["a"], {}, config, 4)
    assert (other.place != group.place).any()


@pytest.mark.parametrize("demos", [
    Demos(), Demos(language="en"), Demos("aligned"), Demos("aligned", "sw"), Demos("afp", "en"),
    Demos(language="en", aligner=True), Demos(language="zh-hant"),
])  # fmt: skip
def test_demonstrations_are_told_by_their_label(demos) -> None:
    assert demos_of(demos.label) == demos
