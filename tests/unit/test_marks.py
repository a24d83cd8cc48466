"""Contaminated numbers are marked wherever they stand, others nowhere; the gate refuses them unless it is told."""

import csv
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from gates import gate
from runs import outcomes, turned, write_run
from trained import BASE, contaminated, training

from xling_bench import load_results
from xling_bench.cli.main import main
from xling_bench.report.build import Options, write_report
from xling_bench.results.lineage import Lineage
from xling_bench.results.marks import MARK
from xling_bench.results.tables.run_table import Cell, language_table, markdown

UNITS = ("en", "de", "sw")
ITEMS = 120
LEARNT = Lineage((contaminated(),))


def run(
    folder: Path, name: str, lineage: Lineage | None = None, *, benchmark: str = "xnli", worse: float = 0.0
) -> Path:
    """A run whose results know what their model learnt."""
    of = BASE if lineage is None else lineage.hash  # else the record names that one as what it was trained from
    scores = outcomes(ITEMS, UNITS)
    scores = {unit: turned(values, worse) if worse else values for unit, values in scores.items()}
    for unit, values in scores.items():
        known = {} if lineage is None else {"provenance": lineage.standing(benchmark, unit, "test").written()}
        write_run(folder, {unit: values}, benchmark=benchmark, name=name, model=f"./{name}", fingerprint=of, **known)
    if lineage is not None:
        (folder / "run.json").write_text(json.dumps({"trainings": lineage.written()}), encoding="utf-8")
    return folder


def run_of(folder: Path, name: str, lineage: Lineage | None = None, **more) -> Path:
    return run(folder / name, name, lineage, **more)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A base model of which nothing is on record, and one trained on XNLI's test items."""
    return run_of(tmp_path, "base", worse=0.3), run_of(tmp_path, "tuned", LEARNT)


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


def test_the_legend_of_a_runs_table_is_text() -> None:
    hostile = "e\n| X | Y |\n<script>alert(1)</script>"
    cell = Cell("xnli", "en", "p", 0, 0, "none", "acc", 50.0, 9, 0, 0, "i", "files", BASE, "s", Path("r"),
                "contaminated", f"{hostile} 5")  # fmt: skip
    legend = markdown(language_table([cell])).partition("\n\n")[2]
    assert MARK in legend
    assert "<script" not in legend
    assert "| X" not in legend


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


def page_of(runs, folder: Path, **options) -> str:
    return write_report(list(runs), folder, Options(draws=50, items=0, **options)).read_text(encoding="utf-8")


def test_the_page_marks_them_wherever_they_stand(pair, tmp_path: Path) -> None:
    page = page_of(pair, tmp_path / "site")
    board = re.search(r'<section id="leaderboard".*?</section>', page, re.DOTALL)
    assert board is not None
    rows = re.findall(r"<tr>.*?</tr>", board[0], re.DOTALL)
    assert [MARK in row for row in rows] == ["tuned</bdi>" in row for row in rows]
    assert f"{MARK}: contaminated" in page
    assert "XNLI of tuned (en 134)" in page
    data = json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    at = {name: number for number, name in enumerate(data["columns"])}
    told = {(data["models"][cell[at["model"]]], cell[at["contaminated"]]) for cell in data["cells"]}
    assert told == {("base", 0), ("tuned", 1)}
    for name in ("gaps", "change"):
        section = re.search(f'<section id="{name}".*?</section>', page, re.DOTALL)
        assert section is not None
        assert "Contaminated" in section[0]
    for name in ("leaderboard.md", "leaderboard.tex"):
        text = (tmp_path / "site" / name).read_text(encoding="utf-8")
        assert "XNLI of tuned (en 134)" in text
        sign = MARK if name.endswith("md") else r"\textdagger{}"
        rows = [{cell.strip() for cell in re.split(r"[|&]", line)} for line in text.splitlines()]
        told = {(name, any(sign in cell for cell in row)) for row in rows for name in ("base", "tuned") if name in row}
        assert told == {("base", False), ("tuned", True)}
    board_csv = csv.DictReader(io.StringIO((tmp_path / "site" / "leaderboard.csv").read_text(encoding="utf-8")))
    assert {(row["model"], row["contaminated"]) for row in board_csv} == {("base", "False"), ("tuned", "True")}
    numbers = json.loads((tmp_path / "site" / "leaderboard.json").read_text(encoding="utf-8"))["numbers"]
    assert {(row["model"], row["contaminated"]) for row in numbers} == {("base", False), ("tuned", True)}
    for figure in (tmp_path / "site" / "figures").glob("*.svg"):
        marked = MARK in figure.read_text(encoding="utf-8")
        assert marked == (figure.stem != "heatmap-base"), figure.name


def test_other_prompts_of_a_contaminated_benchmark_are_marked(pair, tmp_path: Path) -> None:
    known = LEARNT.standing("xnli", "en", "test").written()
    for folder, more in zip(pair, ({}, {"fingerprint": LEARNT.hash, "provenance": known}), strict=True):
        write_run(folder, outcomes(ITEMS, UNITS), family="native", name=folder.name, model=f"./{folder.name}", **more)
    section = re.search(r'<section id="sensitivity".*?</section>', page_of(pair, tmp_path / "site"), re.DOTALL)
    assert section is not None
    spread, flips = section[0].split("Do verdicts flip?")
    rows = re.findall(r"<tr>.*?</tr>", spread, re.DOTALL)[1:]
    assert [MARK in row for row in rows] == ["<td>tuned</td>" in row for row in rows]
    assert f"<td>tuned{MARK}</td>" in flips
    assert "<td>base</td>" in flips


def test_a_page_of_others_has_no_mark(tmp_path: Path) -> None:
    runs = [run_of(tmp_path, "base"), run_of(tmp_path, "clean", Lineage((training(),)))]
    page = page_of(runs, tmp_path / "site")
    sections = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert MARK not in sections
    assert "Contaminated" not in sections


def test_the_page_shows_lineage_and_recipe_escaped(tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>\u202e"
    run = {"steps": 20, "pairs": 32, "lr": 1e-5, "schedule": evil}
    recipe = {"name": evil, "run": run, "method": {"mode": "plain"}, "adapter": {"kind": "none"}, "secret": evil}
    data = [{"use": "pairs", "name": evil, "kind": "moses", "hash": "abcd"}]
    known = contaminated(de={"dev": 7}).model_dump()
    teachers = [{"name": f"taught {evil}", "fingerprint": BASE, "trainings": [known]},
                {"name": "blank", "fingerprint": BASE, "trainings": []}]  # fmt: skip
    lineage = Lineage((contaminated(), training(recipe=recipe, data=data, teachers=teachers)))
    page = page_of([run_of(tmp_path, "base"), run_of(tmp_path, "tuned", lineage)], tmp_path / "site")
    section = re.search(r'<section id="trainings".*?</section>', page, re.DOTALL)
    assert section is not None
    assert evil not in page
    assert "<img" not in section[0]
    assert "\u202e" not in section[0]
    for said in ("Trained from <bdi>base</bdi>", "LEARNT: XNLI en 134", "steps", BASE, "36 instructions",
                 "Provenance unknown", "700 tokens of instructions", "texts of test sets LEARNT: XNLI de dev 7",
                 f"blank ({BASE}); nothing is on record of it", "12 updates of 20"):  # fmt: skip
        assert said in section[0], said
    table, whole = section[0].rpartition("<details>")[::2]
    assert "secret" in whole
    assert "secret" not in table
    assert "<td>steps 20, pairs 32, lr 1e-05, schedule &lt;img" in table
    assert re.search(r'<th scope="row">Mode</th><td>plain</td>', table)
    assert "Adapter" not in table
    (tmp_path / "tuned" / "run.json").unlink()
    page = page_of([tmp_path / "tuned"], tmp_path / "other")
    assert "the recipe is not shown" in page


@pytest.mark.parametrize("turned_round", [False, True])
def test_before_and_after_are_found(pair, tmp_path: Path, capsys, turned_round: bool) -> None:
    """The base first, however the two are given, and whatever stands between them."""
    runs = pair[::-1] if turned_round else pair
    assert main(["compare", *map(str, runs)]) == 0
    shown = capsys.readouterr()
    assert "A: base" in shown.out
    assert "tuned was trained from base" in shown.err
    assert ("the base stands first" in shown.err) == turned_round
    other = run_of(tmp_path, "other", Lineage((training(base={"name": "x", "fingerprint": "f" * 16, "revision": None,
                                                              "on_record": False}),)))  # fmt: skip
    page = page_of((*runs, other), tmp_path / "site")
    assert re.search(r"<p><bdi>tuned</bdi> minus\s+<bdi>base</bdi>", page)
    assert "The second was trained from the first" in page
    page = page_of((*runs, other), tmp_path / "named", before="tuned", after="other")
    assert re.search(r"<p><bdi>other</bdi> minus\s+<bdi>tuned</bdi>", page)
    assert "The second was trained from the first" not in page


def test_the_nearest_of_several_ancestors_is_the_one_before(tmp_path: Path) -> None:
    from xling_bench.results.ancestry import trained_from

    first = Lineage((training(),))
    second = first.then(training(base={"name": "a", "fingerprint": first.hash, "revision": None, "on_record": True}))
    runs = [run_of(tmp_path, name, lineage) for name, lineage in (("c", second), ("base", None), ("b", first))]
    assert trained_from(load_results(runs)) == {"b": "base", "c": "b"}
    assert trained_from(load_results([runs[0], runs[1]])) == {"c": "base"}
