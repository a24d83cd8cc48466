"""Intervals and comparisons over tables with item scores."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_overview import BASE

from xling_bench.core.errors import DataError, UsageError
from xling_bench.report.sections.consistency import agreement_with_english
from xling_bench.results.schema import NAMES
from xling_bench.results.tables.compare import GAP, MEAN, compare_models, left_out, with_seeds
from xling_bench.results.tables.glance import comparison
from xling_bench.results.tables.overview import overview
from xling_bench.results.tables.ranks import rank_models
from xling_bench.results.tables.uncertainty import cell_intervals, chance_flags, spread_intervals
from xling_bench.stats import bootstrap_mean, bootstrap_means, mcnemar_exact, sign_flip

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
                     "choices": choices, "clusters": None})  # fmt: skip
    return pd.DataFrame(rows, columns=[*NAMES, "items", "choices", "clusters"])


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


def test_candidates_in_another_order_are_no_other_answers() -> None:
    """A language whose options are shuffled agrees with nobody for that; neither pairs nor English count it."""
    frame = model("m", {"en": 0.7, "de": 0.6})
    places = np.random.default_rng(5).permuted(np.tile(np.arange(3), (len(IDS), 1)), axis=1)
    german = frame[frame["language"] == "de"]
    moved = pd.Series(places[np.arange(len(IDS)), german["choices"].iloc[0]], index=IDS)
    frame = pd.concat([frame, german.assign(language="sw", choices=[moved])])
    whole, alone = (spread_intervals(part, draws=200).iloc[0] for part in (frame, frame[frame["language"] != "sw"]))
    assert whole["consistency"] == alone["consistency"]
    agreement = agreement_with_english(frame)
    assert list(agreement.columns[-2:]) == ["mean", "de"]
    assert agreement.attrs["reordered"] == ["XNLI sw"]


def test_items_not_shared_leave_the_corrected_std_out() -> None:
    english, german = model("m", {"en": 0.7}, ids=IDS[:200]), model("m", {"de": 0.6}, ids=IDS[200:])
    row = spread_intervals(pd.concat([english, german]), draws=200).iloc[0]
    assert pd.isna(row["std_corrected"])
    assert not pd.isna(row["gap"])


def test_a_seed_that_one_language_lacks_is_refused() -> None:
    table = pd.concat([model("m", {"en": 0.7, "de": 0.6}), model("m", {"en": 0.7}, 5).assign(seed=1)])
    with pytest.raises(DataError, match=r"seeds \[0\] for de of m, \[0, 1\] for en of m. Give --seeds"):
        spread_intervals(table, draws=100)


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


def test_mean_and_gap_of_two_models_by_hand() -> None:
    """b - a on four items: en (+1, 0, 0, 0), mean 25; sw (+1, +1, 0, -1), mean 25, 200/3 without item 4."""
    ids = IDS[:4]
    scores = {"a": {"en": [0, 1, 1, 0], "sw": [0, 0, 1, 1]}, "b": {"en": [1, 1, 1, 0], "sw": [1, 1, 1, 0]}}
    both = pd.DataFrame(
        [
            {**BASE, "model": name, "language": unit, "value": sum(values) / 4, "n": 4, "choices": None,
             "clusters": None, "items": pd.Series(values, index=ids, dtype=float)}
            for name, units in scores.items() for unit, values in units.items()
        ]
    )  # fmt: skip
    table = compare_models(both, "a", "b", draws=400).set_index("language")
    assert list(table.index) == ["en", "sw", MEAN, GAP]
    assert table.loc[[MEAN, GAP], "difference"].tolist() == pytest.approx([25, 0])
    short = both.assign(
        items=[s.iloc[:3] if u == "sw" else s for s, u in zip(both["items"], both["language"], strict=True)]
    )
    table = compare_models(short, "a", "b", draws=400).set_index("language")
    assert table.loc[[MEAN, GAP], "difference"].tolist() == pytest.approx([(25 + 200 / 3) / 2, 25 - 200 / 3])
    assert table.loc[[MEAN, GAP], "p_holm"].isna().all()


def test_minimum_detectable_effect_widens_with_the_number_of_languages() -> None:
    """(z_(1 - 0.025/2) + z_0.8) / (z_0.975 + z_0.8) = (2.24140 + 0.84162) / (1.95996 + 0.84162) = 1.10046."""
    both = pd.concat([model("a", {"en": 0.6, "sw": 0.5}, 1), model("b", {"en": 0.6, "sw": 0.7}, 2)])
    cells = compare_models(both, "a", "b", draws=100).iloc[:2]
    assert (cells["mde_holm"] / cells["mde"]).tolist() == pytest.approx([1.10046] * 2, rel=1e-5)


def test_one_answer_to_everything_is_at_chance_whatever_it_scores() -> None:
    """Class 2 to every item, right for 60 % of them: far above chance, and no classifier."""
    constant = model("m", {"en": 0.6}).assign(choices=[pd.Series(2, index=IDS)])
    assert cell_intervals(constant, draws=200).iloc[0]["at_chance"]
    flags = chance_flags(pd.concat([constant, model("m", {"sw": 0.8})]), draws=200)
    assert flags.popitem()[1] == {"en": True, "sw": False}
    assert chance_flags(constant.assign(metric="chrf")) == {}


def test_ranks_have_intervals_ties_and_name_what_is_missing() -> None:
    models = [
        model("weak", {"en": 0.4, "sw": 0.4}, 1),
        model("good", {"en": 0.7, "sw": 0.7}, 2),
        model("twin", {"en": 0.7, "sw": 0.7}, 3),
        model("part", {"en": 0.99}, 4),
    ]
    table = rank_models(pd.concat(models), draws=500).set_index("model")
    assert table.loc["weak", ["rank", "rank_best", "rank_worst", "tied_with"]].tolist() == [3, 3, 3, ""]
    assert table.loc["good", "tied_with"] == "twin"
    assert table.loc["twin", ["rank_best", "rank_worst"]].tolist() == [1, 2]
    assert table.loc["part", ["languages", "of", "missing"]].tolist() == [1, 2, "sw"]
    assert pd.isna(table.loc["part", "rank"]), "a model that lacks cells is never ranked, however good the rest"


def test_items_all_right_or_all_wrong_leave_a_doubt() -> None:
    """None of 20: below 16.8 %, as tables of Clopper and Pearson have it, where 0.168 is the rate at which 20 misses
    come in 2.5 % of cases. Items of one premise count once, other outcomes and other scales as before."""
    for share, other in ((0.0, 1.0), (1.0, 0.0)):
        frame = model("m", {"en": share, "de": other}, ids=IDS[:20])
        cells = cell_intervals(frame, draws=100).set_index("language")
        none, every = (cells.loc[unit, ["low", "high"]].tolist() for unit in (("en", "de") if other else ("de", "en")))
        assert none == pytest.approx([0, 16.84], abs=0.01)
        assert (1 - none[1] / 100) ** 20 == pytest.approx(0.025)
        assert every == pytest.approx([100 - none[1], 100])
    firsts = pd.Series(np.arange(20) // 4 * 4, index=IDS[:20])
    fewer = cell_intervals(frame.assign(clusters=[firsts] * 2), draws=100)
    assert fewer["clusters"].tolist() == [5, 5]
    assert (fewer["high"] - fewer["low"]).tolist() == pytest.approx([100 * (1 - 0.025**0.2)] * 2)
    mixed = model("m", {"en": 0.5}, ids=IDS[:20])
    scores = mixed["items"].iloc[0].to_numpy()
    drawn = np.percentile(100 * bootstrap_mean(scores, 100, 0), [2.5, 97.5])
    assert cell_intervals(mixed, draws=100).iloc[0][["low", "high"]].tolist() == pytest.approx(list(drawn))
    table = compare_models(pd.concat([frame, frame.assign(model="b")]), "m", "b", draws=50)
    assert set(comparison(table)["difference (95 %)"]) == {"0.0"}


def test_no_rank_without_shared_items_nor_by_what_only_describes() -> None:
    """Models that answered other Swahili items are named with the reason, in the ranks over benchmarks too."""
    a, b = model("a", {"en": 0.9, "sw": 0.8}, 1), model("b", {"en": 0.6, "sw": 0.6}, 2)
    parts = [a, b, *(x.assign(benchmark="xcopa") for x in (a[:1], b[:1], model("b", {"sw": 0.6}, 2, IDS[200:])))]
    parts.append(model("a", {"sw": 0.8}, 1, IDS[:200]).assign(benchmark="xcopa"))
    table = rank_models(pd.concat(parts), draws=200)
    assert table[table["benchmark"] == "xnli"]["rank"].tolist() == [1, 2]
    other = table[table["benchmark"] == "xcopa"]
    assert other["missing"].tolist() == ["no shared items: sw"] * 2
    assert other["mean"].notna().all()
    assert table[table["benchmark"] != "xnli"]["rank"].isna().all()
    assert table["missing"].tolist()[-2:] == ["1 of 4"] * 2
    share = pd.concat([a, b]).assign(metric="reasoning_target", benchmark="mgsm")
    assert set(rank_models(pd.concat([a, b, share]), draws=50)["metric"]) == {"acc"}
    with pytest.raises(UsageError, match="neither better nor worse"):
        rank_models(share)
    row = overview(share).iloc[0]
    assert row[["transfer_gap", "relative_gap", "gap_is"]].isna().all()
    assert row["worst"] == ""
    assert pd.isna(spread_intervals(share, draws=50).iloc[0]["gap"])
    assert GAP not in set(compare_models(share, "a", "b", draws=50)["language"])


def test_overall_rank_needs_every_benchmark_and_corrects_for_chance() -> None:
    """XNLI (chance 1/3) and XCOPA (chance 1/2): chance-corrected means decide, one model lacks XCOPA."""
    a, b = model("a", {"en": 0.9}, 1), model("b", {"en": 0.5}, 2)
    frame = pd.concat([a, b, a.assign(benchmark="xcopa"), model("c", {"en": 0.9}, 3)])
    overall = rank_models(frame, draws=200)
    xcopa = overall[overall["benchmark"] == "xcopa"].set_index("model")
    assert xcopa.loc[["b", "c"], "missing"].tolist() == ["all", "all"], "a model without the benchmark is named"
    assert xcopa["rank"].isna().all(), "one model alone is no ranking"
    overall = overall[overall["benchmark"] == "(2 accuracy benchmarks)"].set_index("model")
    value = a["value"].iloc[0]
    assert overall.loc["a", "mean"] == pytest.approx(50 * ((value - 1 / 3) / (2 / 3) + (value - 0.5) / 0.5))
    assert overall.loc[["b", "c"], "missing"].tolist() == ["1 of 2", "1 of 2"]
    assert overall.loc[["b", "c"], "rank"].isna().all()


@pytest.mark.parametrize("scores", [[0.0, 1.0, 1.0, 0.5] * 50, list(np.linspace(0, 1, 200))])
def test_fast_and_general_bootstrap_of_a_mean_agree(scores: list[float]) -> None:
    values = np.array(scores)
    fast, general = bootstrap_mean(values, 20_000, 1), bootstrap_means(values[:, None], 20_000, 2)[:, 0]
    assert np.percentile(fast, [2.5, 50, 97.5]) == pytest.approx(np.percentile(general, [2.5, 50, 97.5]), abs=0.006)


def test_a_comparison_says_what_only_one_side_has_and_what_is_at_chance() -> None:
    a, b = model("a", {"en": 0.6, "de": 0.334, "sw": 0.334}, 1), model("b", {"en": 0.6, "de": 0.334}, 2)
    both = pd.concat([a, b, a.assign(benchmark="xcopa")])
    table = compare_models(both, "a", "b", draws=200).set_index("language")
    assert table.loc[MEAN, ["languages", "at_chance_a", "at_chance_b"]].tolist() == [2, 1, 1]
    assert left_out(both, "a", "b") == [
        "Only a has XCOPA xglm 0 none: everything.",
        "Only a has XNLI xglm 0 none: sw.",
    ]


def test_what_is_printed_of_a_comparison_is_what_a_decision_needs() -> None:
    a, b = model("a", {"en": 0.9, "de": 0.6, "sw": 0.6}, 1), model("b", {"en": 0.6, "de": 0.334, "sw": 0.6}, 2)
    table = compare_models(pd.concat([a, b]), "a", "b", draws=200)
    shown = comparison(table).set_index("language")
    assert list(shown) == ["benchmark", "measured", "items", "difference (95 %)", "p", "mde", "note"]
    full = table.set_index("language")
    for language in ("de", MEAN):
        p, mde = (full.loc[language, f"{name}_holm" if language == "de" else name] for name in ("p", "mde"))
        assert shown.loc[language, "p"] == ("<0.001" if p < 0.001 else f"{p:.3f}")
        assert shown.loc[language, "mde"] == f"{mde:.1f}"
        said = "{difference:.1f} ({low:.1f} to {high:.1f})".format(**full.loc[language])
        assert shown.loc[language, "difference (95 %)"] == said
    assert shown.loc["de", "note"] == "B: ≤ chance"
    assert set(comparison(table.assign(clusters=9))["clusters"]) == {9}, "shown where items share something"


def test_unequal_seeds_are_refused_and_named() -> None:
    three = pd.concat([model("a", {"en": 0.5, "de": 0.5}, s).assign(seed=s, shots=5) for s in range(3)])
    one = model("b", {"en": 0.5, "de": 0.5}, 9).assign(shots=5)
    with pytest.raises(DataError, match=r"seeds \[0, 1, 2\] for de of a, \[0\] for de of b"):
        compare_models(pd.concat([three, one]), "a", "b")
    assert len(compare_models(with_seeds(pd.concat([three, one]), [0]), "a", "b", draws=50)) == 4


def test_few_equal_items_prove_nothing() -> None:
    """Four items, both models right everywhere: no difference, and no claim that one would have been found."""
    short = model("a", {"en": 1.0, "de": 1.0}, ids=IDS[:4])
    table = compare_models(pd.concat([short, short.assign(model="b")]), "a", "b", draws=100)
    assert np.isinf(table["mde"]).all(), "with four items not even all of them changing is significant"
    assert (table["p"] == 1).all()
    assert cell_intervals(model("a", {"en": 0.0}, ids=IDS[:3]), draws=100).iloc[0]["at_chance"], "three wrong answers"


def test_sign_flips_by_hand() -> None:
    """Parts 1, 1, 1: two of eight signings are as far from 0 as the sum, p = 1/4; with 1 and -1 everything is."""
    assert sign_flip(np.array([1.0, 1.0, 1.0, 0.0]), 200_000, 0) == pytest.approx(0.25, abs=0.005)
    assert sign_flip(np.array([1.0, -1.0]), 100, 0) == 1.0
    assert sign_flip(np.zeros(5), 100, 0) == 1.0
