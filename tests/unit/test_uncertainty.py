"""Intervals and comparisons over tables with item scores."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_overview import BASE

from xling_bench.errors import DataError, UsageError
from xling_bench.results.schema import NAMES
from xling_bench.results.uncertainty import cell_intervals, compare_models, spread_intervals
from xling_bench.stats import mcnemar_exact

IDS = [f"xnli-test-{i:04d}" for i in range(400)]


def model(name: str, accuracy: dict[str, float], seed: int = 0, ids: list[str] = IDS) -> pd.DataFrame:
    """One model's XNLI results; right items are drawn per language, wrong ones choose class 0 or 1."""
    rng = np.random.default_rng(seed)
    rows = []
    for unit, share in accuracy.items():
        right = pd.Series((rng.uniform(size=len(IDS)) < share).astype(float), index=IDS)
        items = right.loc[ids]
        choices = pd.Series(np.where(items == 1, 2, rng.integers(0, 2, len(ids))), index=ids)
        rows.append({**BASE, "model": name, "language": unit, "value": items.mean(), "n": len(ids), "items": items,
                     "choices": choices})  # fmt: skip
    return pd.DataFrame(rows, columns=[*NAMES, "items", "choices"])


def test_cells_have_intervals_chance_flags_and_predicted_classes() -> None:
    table = cell_intervals(model("m", {"en": 0.8, "sw": 0.333}), draws=1000).set_index("language")
    assert table.loc["en", "low"] < table.loc["en", "value"] < table.loc["en", "high"]
    assert table["at_chance"].tolist() == [False, True]
    shares = [float(x) for x in table.loc["en", "predicted"].split()]
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(1, abs=0.02)
    assert shares[2] == pytest.approx(table.loc["en", "value"] / 100, abs=0.01)


def test_spread_has_gap_corrected_std_and_consistency() -> None:
    row = spread_intervals(model("m", {"en": 0.7, "de": 0.6, "sw": 0.4}), draws=1000).iloc[0]
    assert row["gap_low"] < row["gap"] < row["gap_high"]
    assert row["std_corrected"] <= row["std"]
    assert row["std_low"] <= row["std_corrected"] <= row["std_high"]
    assert 0 < row["consistency"] < 100
    same = model("m", {"en": 0.7})
    twin = pd.concat([same, same.assign(language="de")])
    assert spread_intervals(twin, draws=200).iloc[0][["gap", "gap_low", "gap_high", "consistency"]].tolist() == [
        0,
        0,
        0,
        100,
    ]


def test_items_not_shared_leave_the_corrected_std_out() -> None:
    english, german = model("m", {"en": 0.7}, ids=IDS[:200]), model("m", {"de": 0.6}, ids=IDS[200:])
    row = spread_intervals(pd.concat([english, german]), draws=200).iloc[0]
    assert pd.isna(row["std_corrected"])
    assert not pd.isna(row["gap"])


def test_a_seed_that_one_language_lacks_is_no_crash() -> None:
    table = pd.concat([model("m", {"en": 0.7, "de": 0.6}), model("m", {"en": 0.7}, 5).assign(seed=1)])
    assert 0 < spread_intervals(table, draws=100).iloc[0]["consistency"] < 100


def test_mlqas_pairs_do_not_hide_its_languages() -> None:
    pairs = model("m", {"en": 0.6, "de": 0.5, "en-de": 0.4}).assign(benchmark="mlqa", metric="f1")
    assert spread_intervals(pairs, draws=100).iloc[0]["languages"] == 2


def test_comparison_is_mcnemar_on_shared_items_with_holm() -> None:
    both = pd.concat([model("a", {"en": 0.6, "sw": 0.5}, 1), model("b", {"en": 0.6, "sw": 0.7}, 2)])
    table = compare_models(both, "a", "b", draws=1000).set_index("language")
    a, b = (both[(both["model"] == m) & (both["language"] == "sw")]["items"].iloc[0] for m in "ab")
    assert table.loc["sw", "p"] == pytest.approx(mcnemar_exact(a, b))
    assert table.loc["sw", "p_holm"] == pytest.approx(min(1, 2 * table.loc["sw", "p"]))
    assert table.loc["sw", "difference"] == pytest.approx(100 * (b - a).mean())
    assert table.loc["sw", "low"] > 0
    assert (table["mde"] > 0).all()


@settings(max_examples=20)
@given(st.randoms(), st.integers(100, 399))
def test_pairing_by_id_survives_shuffled_and_missing_items(random, kept: int) -> None:
    a, b = model("a", {"en": 0.5}, 1), model("b", {"en": 0.7}, 2)
    shuffled = random.sample(IDS, kept)
    moved = b.assign(items=[b["items"].iloc[0].loc[shuffled]], choices=[b["choices"].iloc[0].loc[shuffled]])
    row = compare_models(pd.concat([a, moved]), "a", "b", draws=100).iloc[0]
    expected = (b["items"].iloc[0] - a["items"].iloc[0]).loc[shuffled].mean()
    assert row["items"] == kept
    assert row["difference"] == pytest.approx(100 * expected)


def test_errors_say_what_is_missing() -> None:
    table = model("a", {"en": 0.5})
    with pytest.raises(UsageError, match="model 'b'; there are a"):
        compare_models(table, "a", "b")
    with pytest.raises(DataError, match="no item scores"):
        cell_intervals(table.assign(items=None))
    other = model("b", {"de": 0.5})
    with pytest.raises(DataError, match="no cell in common"):
        compare_models(pd.concat([table, other]), "a", "b")
