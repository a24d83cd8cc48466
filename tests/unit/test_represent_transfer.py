"""A head that learns in one language: planted states, the optimum by another program, and items that are read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.catalog.benchmark import get_benchmark
from xling_bench.core.errors import UsageError
from xling_bench.data.source import Source, load
from xling_bench.represent.interventions import INTERVENTIONS
from xling_bench.represent.transfer import SPREAD, cross_validated, features, fit_head, majority, measure
from xling_bench.represent.transfer_items import Items, Transfer, chosen, read_transfer, transferable

TOPIC = "sib200"
ENTAILS = "xnli"


def items(language: str, labels: np.ndarray, split: str = "test", skip: int = 0) -> Items:
    """One text an item, no two in a cluster; the first `skip` are not there."""
    kept = range(skip, len(labels))
    ids = tuple(f"{split}-{number}" for number in kept)
    return Items(f"{language}.{TOPIC}-{split}", tuple(f"{language} {each}" for each in ids),
                 np.arange(len(ids))[:, None], labels[skip:], ids, ids)  # fmt: skip


class Planted:
    """Two classes on axis 0, meaning beside it; each language has an offset of its own. All of it is turned, so that no
    axis is a dimension of the states."""

    def __init__(self, offsets: dict[str, np.ndarray], seed: int = 0, n: int = 200) -> None:
        rng = np.random.default_rng(seed)
        turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
        self.states: dict[str, np.ndarray] = {}
        self.fit: dict[str, np.ndarray] = {}
        labels = {split: rng.integers(0, 2, n) for split in ("train", "test")}
        meaning = {split: rng.normal(size=(n, 8)) for split in (*labels, "fit")}
        for split, own in labels.items():
            meaning[split][:, 0] += 6.0 * own
        meaning["fit"][:, 0] += 6.0 * rng.integers(0, 2, n)
        for language, offset in offsets.items():
            self.fit[language] = (meaning["fit"] + offset) @ turn
            for split in labels:
                self.states[f"{language}.{TOPIC}-{split}"] = (meaning[split] + offset) @ turn
        tests = {language: items(language, labels["test"]) for language in offsets}
        train = items("en", labels["train"], "train")
        self.task = Transfer(get_benchmark(TOPIC), "en", "train", "planted", train, tests)

    def values(self, change: str | None = None) -> dict[tuple[str | None, str], float]:
        changes = INTERVENTIONS[change](self.fit, "en") if change else {}

        def load(side: str, layer: int) -> np.ndarray:
            language = side.partition(".")[0]
            return changes[language](self.states[side]) if change else self.states[side].astype(np.float32)

        found = measure(self.task, load, [3], lambda _: None)
        assert {each.layer for each in found} == {3}
        return {(each.pair, each.measure): each.value for each in found}


def test_an_offset_along_the_task_breaks_transfer_and_centring_repairs_it() -> None:
    """German lies so far along the class's axis that all of it looks like one class; Spanish is moved where no task
    is (Eq. 3: a projection shows the task alone, and the head finds it); so is Chinese, less."""
    axes = np.eye(8)
    planted = Planted({"en": 0 * axes[0], "de": 12 * axes[0], "es": 3 * axes[1], "zh": -axes[2]})
    before = planted.values()
    assert before["en", "transfer_sib200"] > 0.98
    assert before["en-de", "transfer_sib200"] < 0.6
    assert min(before["en-es", "transfer_sib200"], before["en-zh", "transfer_sib200"]) > 0.97
    for pair in ("en-de", "en-es", "en-zh"):
        gap = before["en", "transfer_sib200"] - before[pair, "transfer_sib200"]
        assert before[pair, "transfer_gap_sib200"] == pytest.approx(gap)
    gaps = [before[pair, "transfer_gap_sib200"] for pair in ("en-de", "en-es", "en-zh")]
    assert before[None, "transfer_gap_sib200"] == pytest.approx(np.mean(gaps))
    for change in ("centre", "rotate"):
        after = planted.values(change)
        assert after["en-de", "transfer_sib200"] > 0.98, change
        assert abs(after[None, "transfer_gap_sib200"]) < 0.01, change


def test_lsar_takes_the_task_away_where_the_languages_lie_along_it() -> None:
    """What is projected away is gone for all: with the offset along the class's axis English loses the class, too."""
    axes = np.eye(8)
    along = Planted({"en": 0 * axes[0], "de": 40 * axes[0], "es": 20 * axes[0]}).values("lsar")
    assert along["en", "transfer_sib200"] < 0.65
    beside = Planted({"en": 0 * axes[0], "de": 40 * axes[1], "es": 40 * axes[2]}).values("lsar")
    assert min(beside["en", "transfer_sib200"], beside["en-de", "transfer_sib200"]) > 0.98


def test_the_head_is_the_optimum_of_its_objective() -> None:
    """Standardised features, softmax loss, penalty |W|^2 / 2C: minimised here by scipy from that formula."""
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 60)
    x = rng.normal(size=(60, 4)) * [1, 5, 0.2, 1] + labels[:, None] * [1, 0, 0.1, -1]
    z = (x - x.mean(0)) / x.std(0)

    def objective(weights: np.ndarray) -> float:
        w, b = weights[:12].reshape(4, 3), weights[12:]
        scores = z @ w + b
        loss = (logsumexp(scores, axis=1) - scores[np.arange(60), labels]).sum()
        return loss + (w * w).sum() / (2 * SPREAD / 4)

    best = minimize(objective, np.zeros(15), tol=1e-10).x
    new = rng.normal(size=(500, 4)) * [1, 5, 0.2, 1]
    scores = (new - x.mean(0)) / x.std(0) @ best[:12].reshape(4, 3) + best[12:]
    top = np.sort(scores, axis=1)
    clear = top[:, 2] - top[:, 1] > 1e-3
    assert clear.mean() > 0.9
    assert (fit_head(x, labels)(new) == scores.argmax(1))[clear].all()


def test_two_texts_are_four_features() -> None:
    """By hand; the order of the texts counts."""
    states = np.array([[1.0, 2.0], [3.0, -1.0]], np.float32)
    assert features(states, np.array([[0], [1], [0]])).tolist() == [[1, 2], [3, -1], [1, 2]]
    assert features(states, np.array([[0, 1]])).tolist() == [[1, 2, 3, -1, 2, 3, 3, -2]]
    assert features(states, np.array([[1, 0]])).tolist() == [[3, -1, 1, 2, 2, 3, 3, -2]]


def test_no_fold_sees_its_own_clusters() -> None:
    """Labels that only their cluster tells: with it in the training folds every item would be right."""
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(40), 5)
    labels = rng.integers(0, 2, 40)[cluster]
    x = np.eye(40)[cluster] + 0.01 * rng.normal(size=(200, 40))
    ids = tuple(map(str, range(200)))
    whole = Items("en.x-train", ids, np.arange(200)[:, None], labels, ids, tuple(map(str, cluster)))
    alone = Items("en.x-train", ids, np.arange(200)[:, None], labels, ids, ids)
    assert cross_validated(x, alone).mean() > 0.95
    assert cross_validated(x, whole).mean() < 0.75


def test_an_item_that_a_language_lacks_is_left_out_of_its_pair_alone() -> None:
    labels = np.array([0, 1] * 10)
    tests = {"en": items("en", labels), "de": items("de", labels, skip=4), "es": items("es", labels)}
    task = Transfer(get_benchmark(TOPIC), "en", "train", "planted", items("en", np.array([0, 1, 1]), "train"), tests)
    found = {(each.pair, each.measure): each for each in majority(task)}
    assert {key: each.n for key, each in found.items()} == {
        ("en", "transfer_sib200"): 20, ("en-de", "transfer_sib200"): 16, ("en-es", "transfer_sib200"): 20,
        ("en-de", "transfer_gap_sib200"): 16, ("en-es", "transfer_gap_sib200"): 20, (None, "transfer_gap_sib200"): 16,
    }  # fmt: skip
    assert {each.value for (_, name), each in found.items() if "gap" not in name} == {0.5}


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40), st.integers(1, 40), st.randoms())
def test_chosen_rows_have_each_class_with_its_share(labels, count, random) -> None:
    """To within one item of each class, whatever the file's order; fewer are the first of more."""
    rows = [{"id": f"x-{number}", "label": label} for number, label in enumerate(labels)]
    found = chosen(rows, count)
    assert len(found) == len({row["id"] for row in found}) == min(count, len(rows))
    for label, size in Counter(labels).items():
        share = sum(row["label"] == label for row in found)
        assert abs(share - size * len(found) / len(rows)) <= len(set(labels)) / 2 + 0.5
    mixed = list(rows)
    random.shuffle(mixed)
    assert chosen(mixed, count) == found
    assert chosen(rows, count + 5)[: len(found)] == found


def test_benchmarks_that_have_classes(sample_data) -> None:
    """By their declarations; others are refused by name."""
    assert set(transferable()) == {"afrixnli", "americasnli", "kornli", "myxnli", "pawsx", "sib200", "xnli", "xnlieu"}
    with pytest.raises(UsageError, match=r"^--transfer 'xnly': Did you mean 'xnli'"):
        read_transfer("xnly", "en", ["de"])
    with pytest.raises(UsageError, match=r"^--transfer 'xquad': XQuAD has no classes of its own\. Expected some"):
        read_transfer("xquad", "en", ["de"])
    with pytest.raises(UsageError, match=r"^--transfer pawsx: PAWS-X has items in none of sw, th here"):
        read_transfer("pawsx", "en", ["sw", "th"])
    with pytest.raises(UsageError, match=r"^--transfer-limit 1: expected 2 items or more"):
        read_transfer("xnli", "en", ["de"], 1)
    some = read_transfer("pawsx", "en", ["sw", "de"])
    assert list(some.tests) == ["en", "de"]
    assert some.notes[1] == "transfer pawsx: no items in sw, left out"


@pytest.mark.data
def test_real_items_are_parallel_and_of_all_classes(real_files: Path, real_data) -> None:
    """SIB-200 has a train split, XNLI's head learns from dev; the files of SIB-200 are sorted by class, these not."""
    topics = read_transfer(TOPIC, "en", ["de", "th", "sw"])
    assert (topics.split, len(topics.train.ids), len(topics.tests["en"].ids)) == ("train", 701, 204)
    assert set(topics.train.labels[:30]) == set(range(7))
    entails = read_transfer(ENTAILS, "en", ["de", "th", "sw", "bg"])
    assert (entails.split, len(entails.train.ids)) == ("dev", 1000)
    assert entails.notes[1] == "transfer xnli: no items in bg, left out", "the folder has no Bulgarian"
    assert set(Counter(entails.tests["en"].labels.tolist()).values()) == {166, 167}
    assert entails.train.places.shape == (1000, 2)
    assert len(entails.train.texts) < 2000, "a premise stands under several hypotheses, and is read once"
    for task in (topics, entails):
        for language, own in task.tests.items():
            assert own.ids == task.tests["en"].ids
            assert own.labels.tolist() == task.tests["en"].labels.tolist()
            assert own.side == f"{language}.{task.benchmark.key}-test"
    rows = {row["id"]: row for row in load(get_benchmark(ENTAILS), "de", "test", Source("files", real_files)).rows}
    german = entails.tests["de"]
    for item, places in zip(german.ids[:50], german.places[:50], strict=True):
        assert [german.texts[place] for place in places] == [rows[item]["premise"], rows[item]["hypothesis"]]
