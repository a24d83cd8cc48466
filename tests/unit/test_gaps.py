"""How a gap to English is to be read: measured, at least that much, or nothing."""

from pathlib import Path

import numpy as np
import pytest
from gates import config_file, gate
from hypothesis import given
from hypothesis import strategies as st
from runs import write_run

from xling_bench.cli.main import main
from xling_bench.report.build import Options, write_report
from xling_bench.results.frame import load_results
from xling_bench.results.gaps import AT_LEAST, MEASURED, NOTHING, explained, gap_is
from xling_bench.results.tables.compare import GAP, MEAN
from xling_bench.results.tables.overview import overview
from xling_bench.results.tables.uncertainty import spread_intervals

UNITS = ("en", "et", "sw")
FAST = Options(draws=200, items=0)
WORKS, GUESSES = 0.68, 0.5


def xcopa(folder: Path, *shares: float, units: tuple[str, ...] = UNITS, **more) -> Path:
    """A run of XCOPA (chance 1/2), 400 items, with these shares right."""
    scores = {unit: (np.arange(400) < 400 * share).astype(float) for unit, share in zip(units, shares, strict=True)}
    mixed = {unit: np.arange(400) % 2 for unit in units}
    return write_run(folder, scores, benchmark="xcopa", model=f"./{folder.name}", choices=mixed, **more)


@pytest.fixture
def cases(tmp_path: Path) -> dict[str, Path]:
    """The three cases, by what the gap is."""
    return {
        MEASURED: xcopa(tmp_path / "all", WORKS, 0.6, 0.6),
        AT_LEAST: xcopa(tmp_path / "pivot", WORKS, GUESSES, GUESSES),
        NOTHING: xcopa(tmp_path / "none", GUESSES, GUESSES, 0.49),
    }


@given(st.dictionaries(st.sampled_from(["en", "de", "sw", "zh"]), st.booleans()))
def test_english_decides_whether_there_is_a_gap_and_the_others_whether_it_is_bounded(flags: dict[str, bool]) -> None:
    found, others = gap_is(flags, flags), [flag for unit, flag in flags.items() if unit != "en"]
    assert (found is None) == ("en" not in flags or not others)
    assert (found == NOTHING) == (bool(others) and flags.get("en", False))
    assert (found == AT_LEAST) == ("en" in flags and not flags["en"] and any(others))
    assert (found == MEASURED) == ("en" in flags and bool(others) and not flags["en"] and not any(others))
    assert gap_is(None, flags) is None
    assert len(explained([found])) == (found in (AT_LEAST, NOTHING))


def test_a_language_that_nobody_knows_of_makes_no_gap_a_measured_one() -> None:
    assert gap_is({"en": False, "de": False}, ["en", "de", "sw"]) is None
    assert gap_is({"en": False, "de": True}, ["en", "de", "sw"]) == AT_LEAST


def test_below_chance_is_not_above_it(tmp_path: Path) -> None:
    """English that prefers the answer which is right less often is surely below chance: its gap means nothing."""
    frame = load_results(xcopa(tmp_path / "below", 0.42, 0.6, 0.6))
    assert spread_intervals(frame, draws=200).iloc[0]["gap_is"] == NOTHING
    frame = load_results(xcopa(tmp_path / "other", 0.68, 0.42, 0.6))
    assert spread_intervals(frame, draws=200).iloc[0]["gap_is"] == AT_LEAST


def test_tables_say_the_three_cases_apart(cases: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for reading, run in cases.items():
        frame = load_results(run)
        assert spread_intervals(frame, draws=200).iloc[0]["gap_is"] == reading
        assert overview(frame).iloc[0]["gap_is"] == reading
    capsys.readouterr()
    for how in ("--spread", "--summary"):
        assert main(["table", *map(str, cases.values()), how]) == 0
        printed = capsys.readouterr()
        assert all(reading in printed.out for reading in cases)
        assert printed.err.count("note: gap ") == 2
    assert main(["table", str(cases[MEASURED]), "--spread"]) == 0
    assert "note: gap" not in capsys.readouterr().err


def test_a_metric_without_chance_has_a_gap_that_nobody_doubts(tmp_path: Path) -> None:
    values = {unit: np.linspace(0, 0.5, 60) for unit in UNITS}
    run = write_run(tmp_path / "run", values, benchmark="mlqa", metric="f1")
    assert spread_intervals(load_results(run), draws=200)["gap_is"].isna().all()


@pytest.mark.long
def test_the_page_names_the_largest_gap_that_means_something(cases: dict[str, Path], tmp_path: Path) -> None:
    def page(*runs: Path) -> str:
        return write_report(runs, tmp_path / "site", FAST).read_text(encoding="utf-8")

    alone = page(cases[AT_LEAST])
    assert "Largest gap: pivot on XCOPA, 0 shots: at least 18.0 points" in alone
    assert "all 2 other languages are at chance" in alone
    assert "the gaps here mean nothing" not in alone
    assert "Largest gap: all on XCOPA, 0 shots: 8.0 points" in page(cases[MEASURED], cases[NOTHING])
    assert "English is at chance wherever there is a gap: the gaps here mean nothing." in page(cases[NOTHING])
    nothing = page(xcopa(tmp_path / "pivotless", GUESSES, GUESSES, units=("et", "sw")))
    assert "Largest gap" not in nothing
    assert "mean nothing." not in nothing.partition("<script")[0].replace("Where English is at chance, a gap means", "")


def test_a_comparison_says_how_each_sides_gap_is_read(cases: dict[str, Path], capsys) -> None:
    assert main(["compare", str(cases[MEASURED]), str(cases[AT_LEAST]), "--format", "csv"]) == 0
    printed = capsys.readouterr()
    gap = next(row for row in printed.out.splitlines() if GAP in row)
    assert gap.endswith(f"{MEASURED},{AT_LEAST}")
    assert sum(AT_LEAST in row for row in printed.out.splitlines()) == 1, "of gaps only"
    assert "the gap may be larger than it looks" in printed.err
    assert main(["compare", str(cases[MEASURED]), str(cases[AT_LEAST])]) == 0
    shown = {row.split("|")[3].strip(): row.split("|")[-2].strip() for row in capsys.readouterr().out.splitlines()[2:]
             if row.startswith("|")}  # fmt: skip
    assert shown[GAP] == "B: gap at least"
    assert "B: ≤ chance" in shown.values()
    assert shown[MEAN] == f"B: {list(shown.values()).count('B: ≤ chance')} ≤ chance"


def test_a_gap_to_an_english_that_guesses_is_not_judged(cases: dict[str, Path], tmp_path: Path, capsys) -> None:
    """English falls from 68 % to chance: the gap closes, and nothing got better."""
    config = ["--config", config_file(tmp_path, 'gap = "gate"')]
    code, found = gate(tmp_path, cases[AT_LEAST], cases[NOTHING], *config)
    gap = next(row for row in found["averages"] if row["language"] == GAP)
    assert (gap["gap_is_baseline"], gap["gap_is_candidate"]) == (AT_LEAST, NOTHING)
    assert gap["difference"] < -10
    assert gap["p"] < 0.001
    assert (gap["verdict"], gap["unjudged"], code) == ("inconclusive", True, 1)
    assert "English is at chance in the candidate: not judged" in gap["why"]
    out = capsys.readouterr().out
    assert "inconclusive (English at chance, not judged)" in out
    assert "significant, but English is at chance in the candidate; look at it" in out


def test_a_gap_bounded_by_chance_is_judged_and_said_to_be(cases: dict[str, Path], tmp_path: Path) -> None:
    config = ["--config", config_file(tmp_path, 'gap = "gate"')]
    _, found = gate(tmp_path, cases[MEASURED], cases[AT_LEAST], *config)
    gap = next(row for row in found["averages"] if row["language"] == GAP)
    assert gap["verdict"] == "regressed"
    assert "the candidate's gap is at least what is seen" in gap["why"]
