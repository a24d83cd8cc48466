"""Distances of languages, the layer that is drawn, and points on the plane."""

from __future__ import annotations

from importlib import util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.core.errors import MissingPackageError, UsageError
from xling_bench.core.unit import Unit
from xling_bench.represent import tsne
from xling_bench.represent.atlas import best_layer, map_layers
from xling_bench.represent.measurer import Measured
from xling_bench.represent.spaces import distances


@given(st.integers(0, 50), st.floats(0.1, 100.0))
def test_distances_are_of_directions_from_the_common_mean(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(20, 6))
    states = {"en": meaning, "de": meaning.copy(), "sw": rng.normal(size=(20, 6))}
    found = {pair: each.mean() for pair, each in distances(states).items()}
    assert found["en", "de"] == pytest.approx(0, abs=1e-9)
    assert 0 < found["en", "sw"] <= 2
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    moved = {key: scale * side @ turn + 7.0 for key, side in states.items()}
    assert {pair: each.mean() for pair, each in distances(moved).items()} == pytest.approx(found, abs=1e-7)


def test_a_language_of_its_own_is_far_from_all_others() -> None:
    """Two states by hand: the mean of all is 0, so that the cosines are those of the states as they stand."""
    states = {"en": np.array([[1.0, 0.0], [-1.0, 0.0]]), "de": np.array([[0.0, 1.0], [0.0, -1.0]])}
    assert distances(states)["en", "de"] == pytest.approx([1.0, 1.0])


def test_the_best_layer_is_of_most_sentences_and_the_lowest_of_equals() -> None:
    def mexa(layer: int, value: float, n: int, pair: str = "en-de") -> Measured:
        return Measured(Unit(pair), layer, "mexa", value, None, None, n)

    assert best_layer([mexa(0, 0.2, 200), mexa(1, 0.6, 200), mexa(2, 0.6, 200), mexa(2, 0.9, 100)]) == 1
    assert best_layer([mexa(0, 0.6, 9), mexa(0, 0.1, 9, "en-zh"), mexa(1, 0.4, 9), mexa(1, 0.4, 9, "en-zh")]) == 1


def test_layers_of_a_map_are_those_that_were_measured() -> None:
    assert map_layers(["best", "mid", "last", "0"], (0, 2, 4), 4, 2) == [2, 4, 0]
    for word in ("1", "first", "-1"):
        with pytest.raises(UsageError, match=rf"--map {word}: expected layers that are measured \(0, 2, 4\)"):
            map_layers([word], (0, 2, 4), 4, 2)


def clusters(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    middles = 5 * rng.normal(size=(3, 40))
    labels = np.arange(size) % 3
    return (middles[labels] + rng.normal(size=(size, 40))).astype(np.float32), labels


@pytest.mark.parametrize("program", ["scikit-learn", "openTSNE"])
def test_groups_stay_groups_and_the_same_points_are_placed_the_same(program: str, monkeypatch) -> None:
    """By both programs: every point's nearest neighbour is of its own group; the bar ends at its end."""
    if program == "openTSNE":
        monkeypatch.setattr(tsne, "MOST_EXACT", 50)
    vectors, labels = clusters(150)
    told: list[int] = []
    placed = tsne.place(vectors, seed=0, tick=told.append)
    assert tsne.method(len(vectors)).startswith(f"t-SNE of {program} ")
    assert (placed.points.shape, sum(told)) == ((150, 2), tsne.ROUNDS)
    assert len(told) > 5
    apart = np.linalg.norm(placed.points[:, None] - placed.points[None], axis=2) + 1e9 * np.eye(150)
    assert (labels[apart.argmin(1)] == labels).all()
    assert np.array_equal(tsne.place(vectors, seed=0).points, placed.points)


def test_too_few_points_and_too_many_without_the_package(monkeypatch) -> None:
    with pytest.raises(UsageError, match="4 points make no picture"):
        tsne.place(np.eye(4, dtype=np.float32), seed=0)
    assert tsne.place(np.eye(5, dtype=np.float32), seed=0).points.shape == (5, 2)
    monkeypatch.setattr(util, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"12,000 points needs openTSNE .*pip install '\.\[map\]'"):
        tsne.check_points(12_000)
