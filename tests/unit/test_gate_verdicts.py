"""The gate's verdicts: chance, means and gaps, corpus scores, slices, and what holds for all of them."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gates import CELL, config_file, gate, verdicts
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import outcomes, turned, write_run

from xling_bench.regress.gate import run_gate
from xling_bench.regress.output import to_json
from xling_bench.regress.settings import GateConfig, Slice
from xling_bench.regress.verdict import Difference, Gate, judge, verdict_on, worst_first
from xling_bench.results.tables.compare import GAP, MEAN


def test_chance_on_both_sides_is_no_verdict_but_falling_to_chance_is(tmp_path: Path) -> None:
    """XNLI, chance 1/3. English answers one class always (60 % right, then 40 %); German falls from 60 % to chance."""
    always = {unit: np.full(1000, 2) for unit in ("en", "de")}
    mixed = {unit: np.arange(1000) % 3 for unit in ("en", "de")}
    good, bad = np.array([1.0] * 600 + [0.0] * 400), np.array([1.0] * 400 + [0.0] * 600)
    chance = np.array([1.0] * 333 + [0.0] * 667)
    a = write_run(tmp_path / "a", {"en": good, "de": good}, choices={"en": always["en"], "de": mixed["de"]})
    b = write_run(tmp_path / "b", {"en": bad, "de": chance}, choices={"en": always["en"], "de": mixed["de"]})
    code, found = gate(tmp_path, a, b)
    assert code == 1
    english, german = found["cells"]
    assert english["verdict"] == "inconclusive"
    assert "at chance on both sides" in english["why"]
    assert (german["verdict"], german["at_chance_baseline"], german["at_chance_candidate"]) == ("regressed", 0, 1)
    assert found["counts"]["at chance"] == 1


def test_a_significant_loss_at_chance_is_said_and_undecided_when_strict(tmp_path: Path, capsys) -> None:
    """XCOPA, chance 1/2, 500 items: 54 to 46 % in every language. Each side's interval holds 50, the pairs differ."""
    units = ("en", "it", "sw")
    before, after = (np.array([1.0] * n + [0.0] * (500 - n)) for n in (270, 230))
    mixed = {unit: np.arange(500) % 2 for unit in units}
    a = write_run(tmp_path / "a", dict.fromkeys(units, before), benchmark="xcopa", choices=mixed)
    b = write_run(tmp_path / "b", dict.fromkeys(units, after), benchmark="xcopa", choices=mixed)
    code, found = gate(tmp_path, a, b)
    assert (code, found["verdict"]) == (0, "inconclusive")
    assert [row["unjudged"] for row in found["cells"]] == [True] * 3
    out = capsys.readouterr().out
    assert "not judged: XCOPA (xglm, 0-shot, acc): en -8.0 it -8.0 sw -8.0 (mean) -8.0: significant" in out
    assert "gate passed: no regression seen above chance" in out
    assert gate(tmp_path, a, b, "--strict")[0] == 3


@pytest.mark.long
def test_a_little_everywhere_is_seen_in_the_mean(tmp_path: Path, capsys) -> None:
    """Seven of 1,000 items lost in each language: nowhere significant (2 * 2^-7 * 15 > 0.05), together clearly."""
    scores = outcomes(1000)
    worse = {unit: turned(values, 0.007, seed) for seed, (unit, values) in enumerate(scores.items())}
    a, b = write_run(tmp_path / "a", scores), write_run(tmp_path / "b", worse)
    code, found = gate(tmp_path, a, b)
    assert code == 1
    assert [unit for unit, verdict in verdicts(found).items() if verdict == "regressed"] == [MEAN]
    said = capsys.readouterr().out
    assert "gate failed: regression found (15 cells: 15 inconclusive; besides, 1 (mean) regressed)" in said
    config = config_file(tmp_path, 'mean = "report"')
    code, found = gate(tmp_path, a, b, "--config", config)
    assert code == 0
    assert verdicts(found)[MEAN] == "regressed", "reported all the same"
    said = capsys.readouterr().out
    assert "gate passed: what regressed is only reported (15 cells: 15 inconclusive; besides, 1 (mean)" in said


def test_a_larger_gap_is_worse_and_gates_when_asked(tmp_path: Path, capsys) -> None:
    """English gains 40 points: nothing is lost but the gap."""
    scores = outcomes(1000, ("en", "de", "sw"))
    better = scores | {"en": np.ones(1000)}
    a, b = write_run(tmp_path / "a", scores), write_run(tmp_path / "b", better)
    code, found = gate(tmp_path, a, b)
    assert (code, found["verdict"]) == (0, "improved")
    assert verdicts(found) == {
        "en": "improved", "de": "inconclusive", "sw": "inconclusive", MEAN: "improved", GAP: "regressed"
    }  # fmt: skip
    assert "regressed (reported only): XNLI (xglm, 0-shot, acc) (gap to en)" in capsys.readouterr().out
    assert gate(tmp_path, a, b, "--config", config_file(tmp_path, 'gap = "gate"'))[0] == 1
    assert gate(tmp_path, b, a, "--config", config_file(tmp_path, 'gap = "gate"'))[1]["averages"][1]["verdict"] == (
        "improved"
    )


def test_a_gap_does_not_grow_because_english_falls() -> None:
    rows = [replace(CELL, language=unit, p=p) for unit, p in (("en", 1e-6), ("de", 0.5), ("sw", 0.5), (MEAN, 1e-6))]
    gap = replace(CELL, language=GAP, difference=3.0)
    *_, mean, alone = judge([*rows, gap], GateConfig(gap="gate"))
    assert (mean.follows, mean.gates) == (("en",), False)
    assert (alone.follows, alone.gates) == ((), True)
    rows[1] = replace(rows[1], p=1e-6)
    assert judge([*rows, gap], GateConfig())[-1].follows == ("de",)


def test_a_tiny_mde_is_not_said_to_be_nothing() -> None:
    assert "changes below 0.1 points" in verdict_on(replace(CELL, p=1.0, mde=0.01), GateConfig()).why


def test_corpus_scores_are_shown_and_never_pass_for_tested(tmp_path: Path, capsys) -> None:
    scores = outcomes(200, ("en-de", "de-en"))
    a = write_run(tmp_path / "a", scores, benchmark="flores", metric="chrf")
    b = write_run(tmp_path / "b", {k: 1 - v for k, v in scores.items()}, benchmark="flores", metric="chrf")
    code, found = gate(tmp_path, a, b)
    assert code == 0
    assert [row["language"] for row in found["cells"]] == ["de-en", "en-de"]
    assert found["cells"][0]["p"] is None
    assert found["cells"][0]["difference"] != 0
    assert "Shown, not tested, for they are no means over items: FLORES chrf." in found["notes"]
    assert gate(tmp_path, a, b, "--strict")[0] == 3
    assert "a change of 5 points should be seen, this metric has no test" in capsys.readouterr().out
    assert found["cells"][0]["why"] == "chrf is no mean over items: no test"


def test_slices_limit_and_the_last_that_matches_counts() -> None:
    config = GateConfig(
        tolerance=1,
        slice=(Slice(tolerance=2, benchmarks=("xnli",)), Slice(languages=("de",), tolerance=5, max_mde=9)),
    )
    assert [config.limits("xnli", unit).tolerance for unit in ("de", "fr")] == [5, 2]
    assert config.limits("xcopa", "fr").tolerance == 1
    assert config.limits("xnli", "de").max_mde == 9
    assert verdict_on(CELL, config).verdict == "inconclusive"
    assert verdict_on(CELL, config).why == "3.0 points worse: significant, within the tolerance of 5 points"
    assert verdict_on(replace(CELL, language="fr"), config).verdict == "regressed"
    assert verdict_on(replace(CELL, difference=3.0), GateConfig()).verdict == "improved"


@pytest.mark.long
def test_what_a_language_may_lose_its_mean_may_lose_too(base: Path, tmp_path: Path) -> None:
    """Swahili may lose a point, and loses 0.9: the mean of 15 languages loses 0.06, as surely, and may lose 0.067."""
    scores = outcomes(5010)
    tolerant = '[[slice]]\nlanguages = ["sw"]\ntolerance = 1'
    for share, code in ((0.009, 0), (0.011, 1)):
        run = write_run(tmp_path / f"{share}", scores | {"sw": turned(scores["sw"], share)})
        found = gate(tmp_path, base, run, "--config", config_file(tmp_path, tolerant))
        assert found[0] == code
        assert gate(tmp_path, base, run)[0] == 1
        assert found[1]["averages"][0]["limits"]["tolerance"] == pytest.approx(1 / 15)
    other = write_run(tmp_path / "other", scores | {"de": turned(scores["de"], 0.009)})
    assert gate(tmp_path, base, other, "--config", config_file(tmp_path, tolerant))[0] == 1, "German may lose nothing"
    named = config_file(tmp_path, tolerant + '\n[[slice]]\nlanguages = ["(mean)"]\ntolerance = 0')
    run = tmp_path / "0.009"
    assert gate(tmp_path, base, run, "--config", named)[0] == 1


differences = st.builds(
    lambda difference, p, mde, chance: replace(
        CELL, difference=difference, p=p, mde=mde, at_chance_baseline=chance[0], at_chance_candidate=chance[1]
    ),
    st.floats(-100, 100),
    st.floats(0, 1),
    st.floats(0.1, 100) | st.just(math.inf),
    st.tuples(st.integers(0, 1), st.integers(0, 1)),
)


@given(differences, st.floats(0, 50), st.floats(0, 50))
def test_more_tolerance_finds_no_more(row: Difference, one: float, other: float) -> None:
    low, high = (verdict_on(row, GateConfig(tolerance=t)) for t in sorted((one, other)))
    assert high.verdict in (low.verdict, "inconclusive")
    assert low.undecided or not high.undecided


@given(differences)
def test_an_interchange_of_the_two_runs_mirrors_the_verdict(row: Difference) -> None:
    there = verdict_on(row, GateConfig()).verdict
    back = verdict_on(replace(row, difference=-row.difference), GateConfig()).verdict
    mirrored = {"regressed": "improved", "improved": "regressed", "inconclusive": "inconclusive"}
    assert row.difference == 0 or back == mirrored[there]


@given(st.lists(differences, min_size=1, max_size=6), st.booleans())
def test_the_build_fails_exactly_when_something_regressed(rows: list[Difference], strict: bool) -> None:
    config = GateConfig(strict=strict)
    found = Gate("a", "b", config, judge(rows, config))
    regressed = any(finding.verdict == "regressed" for finding in found.findings)
    assert (found.exit_code == 1) == regressed
    assert found.exit_code in ((0, 1, 3) if strict else (0, 1))
    assert json.loads(to_json(found))["counts"]["regressed"] == sum(f.verdict == "regressed" for f in found.findings)
    worst = worst_first(found.findings)
    assert (worst[0].verdict == "regressed") == regressed


@pytest.mark.long
@settings(max_examples=6)
@given(st.integers(1, 60), st.integers(0, 10**6), st.permutations(["en", "de", "sw"]))
def test_a_run_never_loses_to_itself_and_order_changes_nothing(
    tmp_path_factory, items: int, seed: int, order: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("gate")
    scores, other = outcomes(items, order, seed=seed), outcomes(items, ("sw", "de", "en"), seed=seed + 1)
    a = write_run(folder / "a", scores)
    b = write_run(folder / "b", other, model="./other")
    assert run_gate(a, a, GateConfig(), draws=50).status == "passed"
    shuffled = write_run(folder / "shuffled", dict(sorted(other.items())), model="./other")
    assert to_json(run_gate(a, b, GateConfig(), draws=50)) == to_json(run_gate(a, shuffled, GateConfig(), draws=50))
