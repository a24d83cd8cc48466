"""The runner's table: means over seeds, gaps only where they mean something, and honest footnotes."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from xling_bench.results import Cell, language_table, markdown
from xling_bench.results.mixing import limited

CELL = Cell("xnli", "en", "xglm", 0, 0, "none", "acc", 50.0, 9, 0, 0, "same", "files", "m", "xling|task:x", Path("a"))


def test_gap_is_english_minus_the_language_and_seeds_are_averaged() -> None:
    english = [replace(CELL, shots=5, seed=s, value=v) for s, v in ((0, 60.0), (1, 62.0))]
    german = [replace(CELL, unit="de", shots=5, seed=s, value=v) for s, v in ((0, 50.0), (1, 54.0))]
    lines = language_table([*german, *english])
    assert [(x.unit, x.value, x.gap, x.seeds) for x in lines] == [("en", 61.0, 0.0, 2), ("de", 52.0, 9.0, 2)]


def test_other_items_than_english_are_marked() -> None:
    lines = language_table([CELL, replace(CELL, unit="de", ids="other", value=40.0)])
    text = markdown(lines)
    assert "10.0*" in text
    assert "English was scored on other items" in text
    assert "other items" not in markdown(language_table([CELL]))


def test_pairs_and_missing_english_have_no_gap() -> None:
    flores = replace(CELL, benchmark="flores", unit="en-de", metric="chrf")
    assert [x.gap for x in language_table([flores, replace(CELL, unit="de")])] == [None, None]


def test_english_may_come_from_an_earlier_command() -> None:
    lines = language_table([CELL, replace(CELL, unit="sw", value=40.0, folder=Path("b"))], shown=[Path("b")])
    assert [(x.unit, x.gap) for x in lines] == [("sw", 10.0)]


def test_sample_scores_say_so() -> None:
    assert "not benchmark scores" in markdown(language_table([replace(CELL, source="sample")]))
    assert "not benchmark scores" not in markdown(language_table([CELL]))


@given(st.lists(st.sampled_from(["en", "de", "sw", "th"]), min_size=1, unique=True), st.floats(0, 100))
def test_equal_languages_have_no_gap_and_order_changes_nothing(units: list[str], value: float) -> None:
    cells = [replace(CELL, unit=unit, value=value) for unit in units]
    lines = language_table(cells)
    assert language_table(reversed(cells)) == lines
    assert all(line.gap == (0.0 if "en" in units else None) for line in lines)


def test_items_that_were_cut_and_ties_are_said_below_the_table() -> None:
    doubtful = [replace(CELL, unit=unit, shots=5, seed=seed, ties=seed + 1) for unit in ("de", "th") for seed in (0, 1)]
    text = markdown(language_table([CELL, replace(CELL, unit="sw", truncated=4), *doubtful]))
    assert (
        "XNLI acc: 4 of 54 items were longer than the model's context and lost their beginning (sw 0-shot 4)." in text
    )
    assert "XNLI acc: 6 of 54 items are ties: " in text
    assert "(de 5-shot 3, th 5-shot 3)." in text
    assert "items" not in markdown(language_table([CELL])).split("\n\n")[1]
    assert "ties" not in markdown(language_table([replace(CELL, ties=None, truncated=None)])), "nobody counted"


def test_first_items_only_are_said_under_the_table() -> None:
    some = replace(CELL, signature="xling|task:x|limit:9")
    assert "Not the whole benchmarks (--limit): XNLI: first 9 items." in markdown(language_table([some]))
    assert limited([("xnli", "xling|limit:3")]) == "XNLI: first 3 items"
    assert limited([("xnli", "xling|limit:2")]) == "XNLI: first 2 items, which cannot hold its 3 classes"
    assert "--limit" not in markdown(language_table([CELL]))
