"""Spread, gaps and group averages over languages."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import outcomes, write_run

from xling_bench.core.errors import DataError, UsageError
from xling_bench.results.frame import load_results
from xling_bench.results.long_table import save_results
from xling_bench.results.schema import NAMES
from xling_bench.results.tables.overview import group_averages, overview
from xling_bench.results.tables.rendering import render_frame
from xling_bench.stats import absolute_gap, chance_corrected, dispersion, population_std, relative_gap, transfer_gap

MODEL = {"model": "m", "fingerprint": "", "benchmark": "xnli", "family": "xglm", "task": "t", "split": "test"}
CELL = {"shots": 0, "demos": "none", "seed": 0, "metric": "acc", "n": 10, "source": "files", "harness": "xling-bench"}
BASE = {**MODEL, **CELL, "signature": "xling|data:1"}


def frame(scores: dict[str, float], **more) -> pd.DataFrame:
    rows = [
        {**BASE, "language": unit, "value": value, "items": None, "choices": None, "clusters": None, **more}
        for unit, value in scores.items()
    ]
    return pd.DataFrame(rows, columns=[*NAMES, "items", "choices", "clusters"])


def test_overview_by_hand() -> None:
    row = overview(frame({"en": 0.6, "de": 0.5, "sw": 0.4})).iloc[0]
    assert (row["languages"], row["worst"]) == (3, "sw")
    assert row[["mean", "min", "max", "range"]].tolist() == pytest.approx([50, 40, 60, 20])
    assert row["std"] == pytest.approx((200 / 3) ** 0.5)  # ((10)^2 + 0 + (10)^2) / 3
    assert row["transfer_gap"] == pytest.approx(15)
    assert row["relative_gap"] == pytest.approx((100 / 6 + 100 / 3) / 2)
    assert row["chance_corrected"] == pytest.approx(100 * (0.5 - 1 / 3) / (2 / 3))


def test_only_chance_corrected_accuracies_are_averaged_over_benchmarks() -> None:
    both = pd.concat([frame({"en": 0.6}), frame({"en": 0.9}, benchmark="xcopa")])
    row = overview(both).iloc[-1]
    assert row["benchmark"] == "(2 accuracy benchmarks)"
    assert row["chance_corrected"] == pytest.approx((100 * (0.6 - 1 / 3) / (2 / 3) + 100 * (0.9 - 0.5) / 0.5) / 2)
    assert pd.isna(row["mean"])


def test_without_english_there_is_no_gap() -> None:
    row = overview(frame({"de": 0.5, "sw": 0.4})).iloc[0]
    assert pd.isna(row["transfer_gap"])
    assert pd.isna(row["relative_gap"])
    assert "| -" in render_frame(overview(frame({"de": 0.5})))


def test_groups_of_languages() -> None:
    table = frame({"en": 0.6, "de": 0.5, "sw": 0.4, "th": 0.2})
    by = {row["group"]: row["mean"] for _, row in group_averages(table, "resource").iterrows()}
    assert by == pytest.approx({"high": 55, "low": 40, "medium": 20})
    seen = group_averages(table, "seen:bloom").set_index("group")
    assert seen.loc["unseen", "languages"] == 2  # German and Thai are not in ROOTS
    with pytest.raises(UsageError, match="--by 'size': expected one of resource"):
        group_averages(table, "size")


def test_translation_by_source_and_target() -> None:
    table = frame({"en-de": 30.0, "en-sw": 10.0, "de-en": 40.0}, benchmark="flores", metric="chrf")
    with pytest.raises(UsageError, match="pairs only"):
        overview(table)
    by = group_averages(table, "source").set_index("group")
    assert by.loc["en", ["languages", "mean", "std"]].tolist() == pytest.approx([2, 20, 10])


def test_mixed_measurements_are_refused() -> None:
    a, b = frame({"en": 0.5}), frame({"en": 0.5}, model="other", signature="xling|data:2")
    with pytest.raises(DataError, match="data differs: 1 for m, 2 for other"):
        overview(pd.concat([a, b]))


def test_one_model_in_two_folders_is_told_apart_by_them(tmp_path: Path) -> None:
    """What differs is in the folders, so a refusal that names the model twice would say nothing."""
    same = {"name": "ck", "fingerprint": "a" * 16}
    first = write_run(tmp_path / "first" / "runs", outcomes(20, ("en", "de")), **same)
    second = write_run(tmp_path / "second" / "runs", outcomes(20, ("sw",)), joiner="auto", **same)
    both = load_results([first, second])
    with pytest.raises(DataError, match=r"joiner differs: .* for ck \(first/runs\), 'auto' for ck \(second/runs\)"):
        overview(both)
    save_results(both, tmp_path / "table.parquet")
    assert str(tmp_path).encode() not in (tmp_path / "table.parquet").read_bytes(), "nobody else's business"


SCORES = st.lists(st.floats(0, 100), min_size=1, max_size=20)


@given(SCORES, st.floats(-50, 50))
def test_a_constant_moves_neither_std_nor_absolute_gap(scores: list[float], constant: float) -> None:
    moved = [x + constant for x in scores]
    assert population_std(moved) == pytest.approx(population_std(scores), abs=1e-9)
    assert absolute_gap(moved[0], moved[-1]) == pytest.approx(absolute_gap(scores[0], scores[-1]), abs=1e-9)


@given(st.floats(0.1, 100), st.integers(2, 20))
def test_equal_languages_have_no_gap_and_no_spread(score: float, count: int) -> None:
    scores = {f"l{i}": score for i in range(count)}
    assert transfer_gap(scores, "l0") == pytest.approx(0, abs=1e-9)
    assert relative_gap(score, score) == 0
    assert dispersion(scores).std == pytest.approx(0, abs=1e-6)


@given(st.dictionaries(st.text(min_size=1), st.floats(0, 100), min_size=1), st.randoms())
def test_order_of_languages_changes_nothing(scores: dict[str, float], random) -> None:
    keys = list(scores)
    random.shuffle(keys)
    a, b = dispersion(scores), dispersion({key: scores[key] for key in keys})
    assert (a.mean, a.std, a.minimum, a.maximum, a.range) == (b.mean, b.std, b.minimum, b.maximum, b.range)


@pytest.mark.parametrize("wrong", [[], [float("nan")], [float("inf")]])
def test_no_score_or_no_number_is_an_error(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no scores|not finite"):
        population_std(wrong)
    with pytest.raises(ValueError, match="chance must be"):
        chance_corrected(0.5, 1.0)
    with pytest.raises(ValueError, match="positive pivot"):
        relative_gap(0.0, 1.0)
