"""Measures of represent: hand-computed cases, definitions written out the long way, and what must not change them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.core.unit import Unit
from xling_bench.represent import retrieval, spaces
from xling_bench.represent.corpus import Corpus
from xling_bench.represent.interventions import INTERVENTIONS
from xling_bench.represent.measurer import Measurer, string_overlap
from xling_bench.represent.probe import language_probe
from xling_bench.represent.retrieval import neighbours, unit


def pair(seed: int, n: int = 12, d: int = 7, noise: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    ours = rng.normal(size=(n, d)) + 1.0
    return ours, ours + noise * rng.normal(size=(n, d))


def rotation(seed: int, d: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def outcomes(ours: np.ndarray, theirs: np.ndarray) -> dict[str, np.ndarray]:
    x, y = unit(ours), unit(theirs)
    there, back = neighbours(x, y), neighbours(y, x)
    inside = retrieval.nearest_within(x)
    return {
        "weak": retrieval.weak(there),
        "strong": retrieval.strong(there, inside),
        "pooled": retrieval.pooled(there, inside),
        "rank": retrieval.reciprocal_rank(there),
        "csls": retrieval.csls(x, y, there.near, back.near),
        "mexa": retrieval.mexa(there, back),
        "alignment": spaces.squared_distances(x, y),
    }


def test_a_case_by_hand() -> None:
    """Four vectors in the plane at 0, 10, 50 and 90 degrees; translations at 4, 30, 40 and 100."""
    ours, theirs = ([[math.cos(math.radians(a)), math.sin(math.radians(a))] for a in angles]
                    for angles in ((0, 10, 50, 90), (4, 30, 40, 100)))  # fmt: skip
    found = outcomes(np.array(ours), np.array(theirs))
    assert found["weak"].tolist() == [1, 0, 1, 1]  # 10 is nearer to 4 than to 30
    assert found["strong"].tolist() == [1, 0, 1, 1]  # 4 before 10; 10 before its 30; 40 before 10 and 90; 100 before 50
    assert found["pooled"].tolist() == [1, 0, 1, 1]
    assert found["rank"].tolist() == [1, 0.5, 1, 1]
    assert found["mexa"].tolist() == [1, 0, 1, 1]  # columns: 4 is nearest to 0 (4) not 10 (6); 40 to 50
    chord = [2 - 2 * math.cos(math.radians(a)) for a in (4, 20, 10, 10)]
    assert found["alignment"] == pytest.approx(chord, abs=1e-12)
    three = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])  # squared distances 2, 2 and 4
    assert spaces.uniformity(three) == pytest.approx(math.log((2 * math.exp(-4) + math.exp(-8)) / 3))
    assert spaces.space_cosine(three) == pytest.approx(-1 / 3)
    assert spaces.normalised_cosine(np.array([0.9, 0.6]), 0.3) == pytest.approx([3.0, 2.0])
    assert spaces.normalised_cosine(np.array([0.9]), -0.1) is None


def test_strong_asks_for_more_than_the_other_language() -> None:
    """Two English sentences nearer to each other than to their translations, which are unlike each other."""
    ours, theirs = np.array([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0]]), np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])
    found = outcomes(ours, theirs)
    assert found["weak"].tolist() == [1, 1]
    assert found["strong"].tolist() == found["pooled"].tolist() == [0, 0]


@given(st.integers(0, 10_000), st.floats(0.0, 2.0))
def test_definitions_the_long_way(seed: int, noise: float) -> None:
    """MEXA as its paper defines it, ranks, CSLS and Wang and Isola's formulas, by loops over single pairs."""
    ours, theirs = pair(seed, noise=noise)
    found, n = outcomes(ours, theirs), len(ours)
    cos = np.array([[x @ y / np.linalg.norm(x) / np.linalg.norm(y) for y in theirs] for x in ours])
    best = [all(cos[i, i] > max(cos[i, j], cos[j, i]) for j in range(n) if j != i) for i in range(n)]
    assert found["mexa"].tolist() == best
    ranks = [1 + sum(cos[i, j] >= cos[i, i] for j in range(n) if j != i) for i in range(n)]
    assert found["rank"].tolist() == [1 / rank for rank in ranks]
    rows, columns = (np.sort(table, axis=1)[:, -10:].mean(1) for table in (cos, cos.T))
    scaled = 2 * cos - rows[:, None] - columns[None, :]
    assert found["csls"].tolist() == [all(scaled[i, i] > scaled[i, j] for j in range(n) if j != i) for i in range(n)]
    both = unit(np.concatenate([ours, theirs]))
    apart = [np.exp(-2 * ((a - b) ** 2).sum()) for i, a in enumerate(both) for b in both[:i]]
    assert spaces.uniformity(both) == pytest.approx(math.log(np.mean(apart)))
    assert spaces.space_cosine(both) == pytest.approx(np.mean([a @ b for i, a in enumerate(both) for b in both[:i]]))


@given(st.integers(0, 10_000), st.floats(0.01, 100.0))
def test_rotation_scale_and_order_change_nothing(seed: int, scale: float) -> None:
    ours, theirs = pair(seed)
    turn, order = rotation(seed, ours.shape[1]), np.random.default_rng(seed).permutation(len(ours))
    before = outcomes(ours, theirs)
    after = outcomes(scale * ours @ turn, scale * theirs @ turn)
    shuffled = outcomes(ours[order], theirs[order])
    for name, values in before.items():
        assert after[name] == pytest.approx(values, abs=1e-9), name
        assert shuffled[name] == pytest.approx(values[order], abs=1e-9), name
    for measure in (spaces.uniformity, spaces.space_cosine):
        assert measure(unit(scale * ours @ turn)) == pytest.approx(measure(unit(ours)), abs=1e-9)
    assert spaces.cka(scale * ours @ turn + 3.0, theirs) == pytest.approx(spaces.cka(ours, theirs), abs=1e-9)


@given(st.integers(0, 10_000), st.sampled_from([3, 40]))
def test_cka_is_the_unbiased_hsic(seed: int, d: int) -> None:
    """Song et al.'s estimator, by kernels without their diagonals, whether D is below N or above."""
    ours, theirs = pair(seed, d=d)
    n = len(ours)

    def hsic(x: np.ndarray, y: np.ndarray) -> float:
        k, l = x @ x.T, y @ y.T  # noqa: E741
        np.fill_diagonal(k, 0), np.fill_diagonal(l, 0)
        return float((k * l).sum() + k.sum() * l.sum() / (n - 1) / (n - 2) - 2 / (n - 2) * (k.sum(0) @ l.sum(0)))

    expected = hsic(ours, theirs) / math.sqrt(hsic(ours, ours) * hsic(theirs, theirs))
    assert spaces.cka(ours, theirs) == pytest.approx(expected, rel=1e-8)
    assert spaces.cka(ours, 5 * ours @ rotation(seed, d)) == pytest.approx(1.0)


def test_cka_of_unrelated_states_is_about_nothing() -> None:
    rng = np.random.default_rng(0)
    found = [spaces.cka(rng.normal(size=(50, 200)), rng.normal(size=(50, 200))) for _ in range(40)]
    assert abs(float(np.mean(found))) < 0.02  # the plain form has 0.8 here
    assert math.isnan(spaces.cka(np.ones((9, 3)), rng.normal(size=(9, 3))))


def test_ties_count_against_a_query() -> None:
    """One sentence twice: no copy is nearer than the other, in whichever block of a product it stands."""
    ours, theirs = pair(3, n=40, noise=0.0)
    theirs[17] = theirs[4]
    found = outcomes(ours, theirs)
    assert found["weak"][4] == 0
    assert found["rank"][4] == 0.5
    assert found["weak"].sum() == 38


def test_a_planted_offset_is_seen_and_centring_removes_it() -> None:
    """Meaning plus noise plus a vector per language: translations align, the probe and the axes see the languages."""
    rng = np.random.default_rng(1)
    meaning = rng.normal(size=(60, 10))
    offsets = 4.0 * np.eye(10)[:3]
    states = [meaning + 0.1 * rng.normal(size=meaning.shape) + offset for offset in offsets]
    assert language_probe(states).mean() > 0.95
    sensitive = spaces.axis_sensitivity(states)
    assert set(np.argsort(sensitive)[-3:]) == {0, 1, 2}
    by_hand = np.var([side.mean(0) for side in states], axis=0) / np.mean([side.var(0) for side in states], axis=0)
    assert sensitive == pytest.approx(by_hand)
    before = outcomes(states[0], states[1])["weak"].mean()
    centred = [side - side.mean(0) for side in states]
    assert spaces.axis_sensitivity(centred) == pytest.approx(np.zeros(10), abs=1e-20)
    assert language_probe(centred).mean() < 0.5  # chance: 1/3
    assert outcomes(centred[0], centred[1])["weak"].mean() == 1.0 > before


def planted(seed: int, n: int = 80, d: int = 12) -> dict[str, np.ndarray]:
    """Meaning that languages share, each turned by a rotation of its own and moved by an offset."""
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(n, d)) * np.linspace(3, 1, d)
    turns = {"en": np.eye(d), "de": rotation(1, d), "zh": rotation(2, d)}
    offsets = {"en": 0 * np.eye(d)[0], "de": 9 * np.eye(d)[0], "zh": 9 * np.eye(d)[1]}
    return {key: (meaning + 0.05 * rng.normal(size=(n, d))) @ turn + offsets[key] for key, turn in turns.items()}


def test_interventions_find_on_other_sentences_what_was_planted() -> None:
    """Fitted on some, used on others: the rotation and the offset are undone, what two languages share is not."""
    fit, held = planted(3), planted(4)
    turned = {key: change(held[key]) for key, change in INTERVENTIONS["rotate"](fit, "en").items()}
    assert outcomes(held["en"], held["de"])["weak"].mean() < 0.2
    assert outcomes(turned["en"], turned["de"])["weak"].mean() == 1.0
    rng = np.random.default_rng(5)
    apart = {key: held["en"] + 0.5 * rng.normal(size=(80, 12)) + 20.0 * np.eye(12)[at] for at, key in enumerate(held)}
    fitted = {key: side[:40] for key, side in apart.items()}
    assert language_probe([side[40:] for side in apart.values()]).mean() == 1.0
    for name in ("centre", "lsar"):
        changes = INTERVENTIONS[name](fitted, "en")
        after = {key: changes[key](side[40:]) for key, side in apart.items()}
        assert language_probe(list(after.values())).mean() < 0.8, name
        assert np.nanmax(spaces.axis_sensitivity(after)) < 0.01 < np.nanmax(spaces.axis_sensitivity(apart)), name


@given(st.integers(0, 1000))
def test_interventions_by_their_definitions(seed: int) -> None:
    states = planted(seed, n=30)
    for key, change in INTERVENTIONS["centre"](states, "en").items():
        assert change(states[key]).mean(0) == pytest.approx(np.zeros(12), abs=1e-5)
    lsar = INTERVENTIONS["lsar"](states, "en")
    means = [lsar[key](states[key]).mean(0) for key in states]
    assert means[1] == pytest.approx(means[0], abs=1e-5)  # languages - 1 directions are gone, and with them all between
    assert means[2] == pytest.approx(means[0], abs=1e-5)
    assert lsar["en"].removed.shape == (12, 2)
    assert lsar["en"].removed.T @ means[0] == pytest.approx(np.zeros(2), abs=1e-4)
    turn = INTERVENTIONS["rotate"](states, "en")["de"].turn
    assert turn @ turn.T == pytest.approx(np.eye(12), abs=1e-9)


def test_a_block_is_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair(5, n=23)
    whole, uniform = outcomes(ours, theirs), spaces.uniformity(unit(ours))
    monkeypatch.setattr(retrieval, "BLOCK", 4)
    monkeypatch.setattr(spaces, "BLOCK", 4)
    assert {name: values.tolist() for name, values in outcomes(ours, theirs).items() if name != "alignment"} == {
        name: values.tolist() for name, values in whole.items() if name != "alignment"
    }
    assert spaces.uniformity(unit(ours)) == pytest.approx(uniform)


def corpus(n: int) -> Corpus:
    words = tuple(f"number {i * i} of many" for i in range(n))
    others = tuple(f"Zahl {i * i} aus vielen" for i in range(n))
    return Corpus("made up", "a test", "en", {"en": words, "de": others}, {Unit("en-de"): ("en", "de")}, shared=True)


def test_records_of_a_model() -> None:
    """Names, directions, numbers of sentences; MEXA over layers; gamma at the last layer only; intervals around values,
    and none where a resampled set would hold duplicates."""
    ours, theirs = pair(7, n=130, noise=1.0)
    states = {("en", 0): ours, ("de", 0): theirs, ("en", 4): ours, ("de", 4): ours + 1e-3 * theirs}
    measurer = Measurer(corpus(130), lambda side, layer: states[side, layer].astype(np.float32), [0, 4], 4, gamma=True)
    found = measurer.run()
    by = {(each.pair, each.layer, each.measure, each.n): each for each in found}
    assert len(by) == len(found)
    assert [each.layer for each in found if each.measure == "gamma"] == [4]
    assert by["en-de", 4, "gamma", 130].value == by["en-de", 4, "mrr", 130].value
    assert by["de-en", 0, "retrieval_weak", 130].value != by["en-de", 0, "retrieval_weak", 130].value
    for n in (100, 130):
        layers = [by["en-de", layer, "mexa", n].value for layer in (0, 4)]
        assert by["en-de", None, "mexa_mean", n].value == pytest.approx(np.mean(layers))
        assert by["en-de", None, "mexa_max", n].value == max(layers)
    for each in found:
        if each.low is not None and each.value is not None and each.high is not None:
            assert each.low <= each.value <= each.high
        else:
            assert each.measure in {"uniformity", "cosine_space", "cka", "mexa_max", "axis_sensitivity_mean",
                                    "axis_sensitivity_max"}  # fmt: skip
    assert measurer.axes[0].shape == (7,)


def test_shared_strings_find_translations() -> None:
    """The numbers in it tell a sentence from others; without a shared run of letters nothing is found."""
    found = {(each.pair, each.measure): each.value for each in string_overlap(corpus(20)) if each.n == 20}
    assert found["en-de", "retrieval_weak"] > 0.5
    ours, theirs = retrieval.overlap_vectors(("abcd", "abcabc"), ("xabc", "xyz"))
    # Of " abcd " the runs are " ab", "abc", "bcd", "cd "; of " xabc ": " xa", "xab", "abc", "bc ".
    assert (ours @ theirs.T)[0] == pytest.approx([1 / 4, 0.0])
    nothing = Corpus("none", "", "en", {"en": ("aaaa", "bbbb"), "de": ("cccc", "dddd")}, {Unit("en-de"): ("en", "de")},
                     shared=True)  # fmt: skip
    assert {each.value for each in string_overlap(nothing) if each.measure == "retrieval_weak"} == {0.0}


def test_gamma_is_asked_with_the_pivot() -> None:
    """Extrapolating retrieves non-English sentences with English ones: not the other way, which differs here."""
    rng = np.random.default_rng(3)
    meaning = rng.normal(size=(30, 8)).astype(np.float32)
    states = {"en": meaning + rng.normal(size=meaning.shape), "de": meaning.copy()}
    states["de"][:10] = states["de"][0] + 0.01 * rng.normal(size=(10, 8))
    sides, pairs = dict.fromkeys(states, ("x",) * 30), {Unit("en-de"): ("en", "de")}
    corpus = Corpus("own", "made up", "en", sides, pairs, shared=True)
    found = Measurer(corpus, lambda side, _: states[side].astype(np.float32), [0], 0, gamma=True).run()
    [gamma] = [each.value for each in found if each.measure == "gamma"]
    ranks = {str(each.pair): each.value for each in found if each.measure == "mrr"}
    assert gamma == ranks["en-de"] != ranks["de-en"]
    a, b = (states[key] / np.linalg.norm(states[key], axis=1, keepdims=True) for key in ("en", "de"))
    cosines = a.astype(np.float32).astype(float) @ b.astype(np.float32).astype(float).T
    assert gamma == pytest.approx(np.mean([1 / (row >= row[i]).sum() for i, row in enumerate(cosines)]), abs=1e-3)
