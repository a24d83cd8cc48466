"""Items that share a premise or a passage: known to rows, kept with results, resampled and signed together."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gates import gate
from hypothesis import given
from hypothesis import strategies as st
from runs import unseal, write_run
from simulated import coverage

from xling_bench import load_results
from xling_bench.catalog import benchmarks, get_benchmark
from xling_bench.cli.main import main
from xling_bench.data.item_clusters import clusters_of
from xling_bench.results.clusters import clusters_in, codes_for
from xling_bench.results.tables.compare import compare_models
from xling_bench.results.tables.ranks import rank_models
from xling_bench.results.tables.uncertainty import cell_intervals, spread_intervals
from xling_bench.stats import (
    bootstrap_mean,
    bootstrap_means,
    cluster_sums,
    corrected_std,
    exact_sign_flip,
    mcnemar_exact,
    minimum_detectable_effect,
    paired_difference,
    sign_flip,
    standard_error,
)

THREES = np.arange(300) // 3  # three items a cluster


def habit(items: int = 300) -> np.ndarray:
    """Three hypotheses a premise, one of each label, always the same answer: right on one of three."""
    return (np.arange(items) % 3 == 0).astype(float)


# What items share


def row(item: str, **texts: str) -> dict[str, str]:
    return {"id": item, **texts}


def test_items_with_equal_texts_belong_together_and_so_do_those_that_others_connect() -> None:
    """PAWS-X: a-b, b-c and c-d are one cluster by the sentences b and c, wherever they stand."""
    rows = [row("1", sentence1="a", sentence2="b"), row("2", sentence1="x", sentence2="y")]
    rows += [row("3", sentence1="d", sentence2="c"), row("4", sentence1="c", sentence2="b")]
    assert clusters_of(get_benchmark("pawsx"), rows, "test") == {"1": "1", "2": "2", "3": "1", "4": "1"}


def test_twins_share_all_but_a_word() -> None:
    """XWinograd: the same two candidates in either order, and the same text on one side of the gap."""
    texts = [("because", "fell", "cup", "tray"), ("because", "broke", "tray", "cup"), ("while", "fell", "cup", "tray"),
             ("because", "rose", "cat", "dog")]  # fmt: skip
    rows = [row(str(i), before=a, after=b, option1=c, option2=d) for i, (a, b, c, d) in enumerate(texts)]
    assert list(clusters_of(get_benchmark("xwinograd"), rows, "test").values()) == ["0", "0", "0", "3"]


def test_articles_are_declared_by_position_and_hold_for_the_whole_split_only() -> None:
    flores = get_benchmark("flores")
    rows = [row(f"flores-test-{i:04d}", source="s", target="t") for i in range(1012)]
    found = clusters_of(flores, rows, "test")
    sizes = pd.Series(list(found.values())).value_counts(sort=False)
    assert tuple(sizes) == flores.cluster_sizes["test"]
    assert len(sizes) == 281, "articles, by FLORES' own metadata"
    assert set(clusters_of(flores, rows[:10], "test").values()) == {x["id"] for x in rows[:10]}


def test_every_benchmark_whose_items_share_a_text_says_so() -> None:
    """Of `metrics` that are about passages or pairs; the others' items stand alone."""
    alone = {key for key, benchmark in benchmarks().items() if not (benchmark.clusters or benchmark.cluster_sizes)}
    exams = {"afrimmlu", "global_mmlu", "global_mmlu_lite", "include", "mmlu_prox", "mmlu_prox_lite"}
    exams |= {"mgsm", "afrimgsm", "global_piqa", "global_piqa_parallel"}
    assert alone == {"xcopa", "copal_id", "copal_id_colloquial", "xstorycloze", "xlsum"} | exams


# What clusters do to statistics


def test_a_habit_is_right_on_one_of_three_and_has_no_sampling_noise() -> None:
    scores = habit()
    assert standard_error(scores) == pytest.approx(np.std(scores, ddof=1) / 300**0.5)
    assert standard_error(scores, THREES) == pytest.approx(0, abs=1e-12)
    assert np.ptp(bootstrap_mean(scores, 200, 0, THREES)) == pytest.approx(0, abs=1e-12)
    assert np.ptp(bootstrap_means(scores[:, None], 200, 0, THREES)) == pytest.approx(0, abs=1e-12)


def test_copies_of_an_item_are_one_item() -> None:
    """Each item three times: intervals, tests and power are those of the items, not of 300."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 100)).astype(float)
    thrice = [np.repeat(x, 3) for x in (a, b)]
    one, many = paired_difference(a, b, draws=500), paired_difference(*thrice, draws=500, clusters=THREES)
    assert (many.items, many.clusters) == (300, 100)
    for name in ("difference", "low", "high", "p", "error", "mde"):
        assert getattr(many, name) == pytest.approx(getattr(one, name)), name
    table = rng.integers(0, 2, (100, 4)).astype(float)
    copied = np.repeat(table, 3, axis=0)
    assert bootstrap_means(copied, 50, 1, THREES) == pytest.approx(bootstrap_means(table, 50, 1))
    assert corrected_std(copied, clusters=THREES) == pytest.approx(corrected_std(table))
    assert corrected_std(copied).low > corrected_std(table).low, "as if there were 300"


def test_clusters_of_one_item_change_no_bit() -> None:
    rng = np.random.default_rng(1)
    table, codes = rng.uniform(size=(40, 3)), rng.permutation(40)
    table[3, 1] = np.nan
    assert np.array_equal(bootstrap_means(table, 30, 2, codes), bootstrap_means(table, 30, 2))
    a, b = rng.integers(0, 2, (2, 40)).astype(float)
    assert paired_difference(a, b, clusters=codes) == paired_difference(a, b)


def test_clusters_of_unequal_size_with_items_missing_by_hand() -> None:
    """A mean is over the items of the clusters drawn: all 27 draws of three clusters, by loops."""
    codes = np.array([7, 7, 5, 6, 6])
    table = np.array([[1, 0], [0, np.nan], [1, 1], [np.nan, 1], [0, 1]])
    sums = cluster_sums(np.nan_to_num(table), np.array([2, 2, 0, 1, 1]))
    assert sums.tolist() == [[1, 1], [0, 2], [1, 0]]
    members = [[0, 1], [2], [3, 4]]
    means = [np.nanmean(table[[i for c in drawn for i in members[c]]], axis=0) for drawn in product(range(3), repeat=3)]
    draws = bootstrap_means(table, 4000, 0, codes)
    assert {tuple(mean) for mean in np.round(draws, 6)} == {tuple(mean) for mean in np.round(means, 6)}
    assert draws.mean(axis=0) == pytest.approx(np.mean(means, axis=0), abs=0.02)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=10))
def test_exact_flips_count_all_signings(parts: list[int]) -> None:
    sums = np.array([np.dot(signs, parts) for signs in product((1, -1), repeat=len(parts))])
    assert exact_sign_flip(np.array(parts, dtype=float)) == pytest.approx((np.abs(sums) >= abs(sum(parts))).mean())


@given(st.integers(0, 40), st.integers(0, 40))
def test_exact_flips_of_single_items_are_mcnemars_test(only_a: int, only_b: int) -> None:
    a, b = np.array([1.0] * only_a + [0.0] * only_b), np.array([0.0] * only_a + [1.0] * only_b)
    assert exact_sign_flip(b - a) == pytest.approx(mcnemar_exact(a, b), rel=1e-9)


@pytest.mark.parametrize(("parts", "shift"), [(14, 2.0), (20, 1.2), (80, 0.8), (300, 0.3)])
def test_what_no_draw_reaches_is_told_by_the_tail(parts: int, shift: float) -> None:
    """Integers, so that the exact share is known: 100 draws say at most 1/101, the tail says how far below."""
    values = np.round(10 * np.random.default_rng(3).normal(shift, 1, parts))
    exact, found = exact_sign_flip(values), sign_flip(values, 100, 0)
    assert exact < 1e-3, "no draw is as far"
    assert found == pytest.approx(exact, rel=0.1)


def test_power_is_of_clusters() -> None:
    """Twenty clusters of five items: 20 independent changes at most, each of an item in 100."""
    equal = np.zeros(100)
    together = minimum_detectable_effect(equal, clusters=np.arange(100) // 5)
    assert together == pytest.approx(minimum_detectable_effect(np.zeros(20)) / 5)
    assert minimum_detectable_effect(equal, clusters=np.arange(100) // 25) == float("inf"), (
        "four clusters prove nothing"
    )


@pytest.mark.parametrize(("kind", "wrong"), [("premises", (0.97, 1.0)), ("passages", (0.6, 0.9))])
def test_intervals_cover_where_items_share_something(kind: str, wrong: tuple[float, float]) -> None:
    """A small part of `tests/slow/test_coverage.py`: 200 draws of a benchmark. Item by item, intervals of one language
    are too wide near chance and too narrow on passages."""
    shares = coverage(kind, 100, 200, 200)
    assert all(0.89 <= by_cluster <= 0.985 for by_cluster, _ in shares.values()), shares
    assert wrong[0] <= shares["one language"][1] <= wrong[1], shares


# Results


def test_what_one_language_says_holds_for_all(tmp_path: Path) -> None:
    """German has two items of one sentence, Swahili the second and a third; English tells them apart."""
    scores = {unit: np.ones(5) for unit in ("en", "de", "sw")}
    runs = [write_run(tmp_path / unit, {unit: scores[unit]}, clusters=clusters) for unit, clusters in
            (("en", [0, 1, 2, 3, 4]), ("de", [0, 0, 2, 3, 4]), ("sw", [0, 1, 1, 3, 4]))]  # fmt: skip
    frame = load_results(runs)
    ids = pd.Index([f"xnli-test-{i:04d}" for i in (4, 2, 1, 0, 9)], dtype="string")
    codes = codes_for(clusters_in(frame), ids)
    assert codes is not None
    assert [codes[1] == x for x in codes] == [False, True, True, True, False]
    assert codes[0] != codes[4]
    assert clusters_in(load_results(runs[:1])) is None


def test_intervals_comparisons_and_ranks_are_of_clusters(tmp_path: Path) -> None:
    """Copies, three of each item: the same numbers as from one of each, but for the count of items."""
    rng = np.random.default_rng(5)
    answers = {name: {unit: rng.integers(0, 2, 120).astype(float) for unit in ("en", "de")} for name in "ab"}
    frames = []
    for copies in (1, 3):
        runs = []
        for name, scores in answers.items():
            more = {unit: np.repeat(values, copies) for unit, values in scores.items()}
            firsts = np.arange(120 * copies) // copies * copies
            folder = tmp_path / f"{name}{copies}"
            runs.append(write_run(folder, more, model=f"./{name}", name=name, clusters=firsts, choices=more))
        frames.append(load_results([f"{name}={run}" for name, run in zip("ab", runs, strict=True)]))
    tables = [
        [cell_intervals(x, draws=300), spread_intervals(x, draws=300), rank_models(x, draws=300),
         compare_models(x, "a", "b", draws=300)] for x in frames
    ]  # fmt: skip
    for one, many in zip(*tables, strict=True):
        counts = ["n", "items", "shared_items"]
        assert list(one.columns) == list(many.columns)
        for name in one.columns.difference(counts):
            if one[name].dtype == "float64":
                assert many[name].to_numpy() == pytest.approx(one[name].to_numpy(), rel=1e-6, nan_ok=True), name
            else:
                assert many[name].astype("string").equals(one[name].astype("string")), name


def test_guessing_by_habit_is_at_chance_and_a_little_above_it_is_not(tmp_path: Path) -> None:
    """XNLI, 3,000 items of 1,000 premises: 36 % is 2.7 points above chance. Of independent items one would need 1.7;
    of habits, broken on 8 % of the premises for one more right answer, much less, and 34 % are enough."""
    scores = habit(3000)
    scores[np.arange(1, 3000, 3)[:25]] = 1.0  # 25 premises with two right
    mixed = np.arange(3000) // 3 % 3
    firsts = np.arange(3000) // 3 * 3
    flags = []
    for clusters in (firsts, None):
        run = write_run(tmp_path / str(clusters is None), {"en": scores}, clusters=clusters, choices={"en": mixed})
        flags.append(bool(cell_intervals(load_results(run))["at_chance"].iloc[0]))
    assert flags == [False, True]


def test_runs_and_baselines_of_older_versions_are_read_and_said_to_know_no_clusters(tmp_path: Path, capsys) -> None:
    import pyarrow.parquet as pq

    firsts = np.arange(300) // 3 * 3
    new = write_run(tmp_path / "new", {"en": habit(), "de": habit()}, clusters=firsts)
    old = write_run(tmp_path / "old", {"en": habit(), "de": habit()}, clusters=firsts)
    pd.read_parquet(old / "items.parquet").drop(columns="cluster").to_parquet(old / "items.parquet", index=False)
    for path in old.glob("*/*/results.json"):
        unseal(path.parent)
    assert load_results(old)["clusters"].isna().all()
    for run, known in ((new, True), (old, False)):
        assert main(["table", str(run), "--intervals"]) == 0
        assert ("did not record which items share" in capsys.readouterr().err) is not known
    file = tmp_path / "new.parquet"
    assert main(["gate", "--candidate", str(new), "--write-baseline", str(file)]) == 0
    table = pq.read_table(file)
    metadata = table.schema.metadata | {b"xling_baseline": b"1"}
    pq.write_table(table.drop_columns(["clusters"]).replace_schema_metadata(metadata), tmp_path / "old.parquet")
    assert load_results(tmp_path / "old.parquet")["clusters"].isna().all()
    whole, part = (gate(tmp_path, tmp_path / f"{name}.parquet", new)[1] for name in ("new", "old"))
    assert not any("did not record" in note for note in whole["notes"])
    assert any("did not record" in note for note in part["notes"])
    assert part["cells"] == whole["cells"], "the candidate knows"
