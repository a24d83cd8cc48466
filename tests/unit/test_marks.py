"""Contaminated numbers are marked wherever they stand, others nowhere; the gate refuses them unless it is told."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from gates import gate
from runs import outcomes, turned, write_run
from trained import BASE, contaminated, training

from xling_bench import load_results
from xling_bench.cli.main import main
from xling_bench.results.lineage import Lineage
from xling_bench.results.marks import MARK

UNITS = ("en", "de", "sw")
ITEMS = 120
LEARNT = Lineage((contaminated(),))


def run(
    folder: Path, name: str, lineage: Lineage | None = None, *, benchmark: str = "xnli", worse: float = 0.0
) -> Path:
    """A run whose results know what their model learnt."""
    scores = outcomes(ITEMS, UNITS)
    scores = {unit: turned(values, worse) if worse else values for unit, values in scores.items()}
    for unit, values in scores.items():
        known = {} if lineage is None else {"provenance": lineage.standing(benchmark, unit, "test").written()}
        write_run(folder, {unit: values}, benchmark=benchmark, name=name, model=f"./{name}", **known)
    return folder


def run_of(folder: Path, name: str, lineage: Lineage | None = None, **more) -> Path:
    return run(folder / name, name, lineage, **more)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A base model of which nothing is on record, and one trained on XNLI's test items."""
    return run_of(tmp_path, "base"), run_of(tmp_path, "tuned", LEARNT)


def test_a_table_knows_what_its_numbers_are(pair) -> None:
    frame = load_results(list(pair))
    found = set(zip(*(frame[name] for name in ("model", "provenance", "learnt", "ancestors")), strict=True))
    assert found == {("base", "unknown", "", ""), ("tuned", "contaminated", "en 134", BASE)}


@pytest.mark.parametrize("option", [(), ("--summary",), ("--intervals",), ("--spread",), ("--ranks",),
                                    ("--by", "resource"), ("--layout", "afp-1")])  # fmt: skip
@pytest.mark.parametrize("form", ["md", "latex"])
def test_every_table_marks_them_and_says_why(pair, option, form, capsys) -> None:
    sign = MARK if form == "md" else r"\textdagger{}"
    assert main(["table", *map(str, pair), *option, "--format", form]) == 0
    text = capsys.readouterr().out
    *rows, legend = [line for line in text.splitlines() if sign in line or MARK in line]
    assert "XNLI of tuned (en 134)" in legend
    assert rows
    if option not in ((), ("--layout", "afp-1")):  # there models are columns, or stand behind the layout's own
        assert all("tuned" in row for row in rows)
    assert main(["table", str(pair[0]), *option, "--format", form]) == 0
    assert sign not in capsys.readouterr().out


@pytest.mark.parametrize("option", [(), ("--summary",), ("--intervals",)])
def test_csv_keeps_numbers_and_marks_in_a_column(pair, option, capsys) -> None:
    assert main(["table", *map(str, pair), *option, "--format", "csv"]) == 0
    shown = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    assert all(row["contaminated"] for row in rows if row.get("model", "tuned") == "tuned")
    assert not any(row["contaminated"] for row in rows if row.get("model") == "base")
    assert "XNLI of tuned (en 134)" in shown.err
    numbers = ("value", "mean", "tuned")
    assert all(float(row[name]) >= 0 for row in rows for name in numbers if name in row)


def test_the_long_table_and_a_baseline_keep_it(pair, tmp_path: Path, capsys) -> None:
    assert main(["table", str(pair[1]), "-o", str(tmp_path / "long.csv")]) == 0
    assert set(pd.read_csv(tmp_path / "long.csv")["provenance"]) == {"contaminated"}
    assert main(["gate", "--candidate", str(pair[1]), "--write-baseline", str(tmp_path / "kept.parquet")]) == 0
    names = ["model", "language", "provenance", "learnt", "ancestors"]
    pd.testing.assert_frame_equal(load_results(tmp_path / "kept.parquet")[names], load_results(pair[1])[names])
    capsys.readouterr()
    assert main(["gate", "--baseline", str(tmp_path / "kept.parquet"), "--candidate", str(pair[0])]) == 2
    assert "XNLI of baseline (en 134)" in capsys.readouterr().err


def test_a_comparison_says_which_of_the_two(pair, capsys) -> None:
    assert main(["compare", *map(str, pair)]) == 0
    table, _, notes = capsys.readouterr().out.partition("\n\n")
    assert {line.rsplit("|", 2)[1].strip() for line in table.splitlines()[2:]} == {"B"}
    assert "XNLI of tuned (en 134)" in notes


@pytest.mark.parametrize("worse", [0.0, 0.3])
@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_the_gate_refuses_them_unless_they_are_allowed(tmp_path: Path, capsys, side: str, worse: float) -> None:
    known = {side: LEARNT}
    a = run_of(tmp_path, "a", known.get("baseline"))
    b = run_of(tmp_path, "b", known.get("candidate"), worse=worse)
    junit, comment = tmp_path / "gate.xml", tmp_path / "gate.md"
    files = ("--junit", str(junit), "--markdown", str(comment))
    assert gate(tmp_path, a, b, *files)[0] == 2
    assert f"XNLI of {side} (en 134)" in capsys.readouterr().err
    assert f"XNLI of {side} (en 134)" in comment.read_text(encoding="utf-8")
    code, found = gate(tmp_path, a, b, *files, "--allow-contaminated")
    said = capsys.readouterr().out
    assert code == (1 if worse else 0)
    assert any(f"XNLI of {side} (en 134)" in note for note in found["notes"])
    assert all(row["contaminated"] == [side] for row in (*found["cells"], *found["averages"]))
    for text in (said, comment.read_text(encoding="utf-8")):
        assert f"contaminated: the {side} learnt items of the test sets" in text
        assert MARK in text
    assert f"contaminated {side}" in junit.read_text(encoding="utf-8")


def test_clean_unchecked_and_unknown_models_pass_without_a_word(tmp_path: Path, capsys) -> None:
    runs = [run_of(tmp_path, "base"), run_of(tmp_path, "clean", Lineage((training(),)))]
    assert gate(tmp_path, *runs)[0] == 0
    assert main(["table", *map(str, runs)]) == 0
    shown = capsys.readouterr()
    assert "contaminated" not in shown.out + shown.err


def test_what_is_not_compared_is_no_reason_to_refuse(tmp_path: Path) -> None:
    a, b = run_of(tmp_path, "a", benchmark="xcopa"), run_of(tmp_path, "b", LEARNT, benchmark="xcopa")
    run(b, "b", LEARNT, benchmark="xnli")
    assert gate(tmp_path, a, b)[0] == 0
