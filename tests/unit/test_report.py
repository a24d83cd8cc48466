"""The report's parts without a browser: leaderboard, items, sizes, determinism, errors."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import HOSTILE, UNITS, hostile_runs, two_runs, xnli_texts
from runs import outcomes, turned, unseal, write_run

from xling_bench.cli.main import main
from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.text import line, visible
from xling_bench.report.build import MOST_BYTES, Options, write_report
from xling_bench.report.drill_down import drill_down, within
from xling_bench.report.leaderboard import leaderboard
from xling_bench.report.measure import measure
from xling_bench.report.payload import script_json
from xling_bench.report.sections import sensitivity
from xling_bench.report.select import leading, models_of
from xling_bench.report.setting import settings_of
from xling_bench.results.frame import load_results
from xling_bench.results.tables.formulations import formulations
from xling_bench.results.tables.uncertainty import cell_intervals

DRAWS = 500
FAST = Options(draws=DRAWS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return two_runs(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def site(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(runs, tmp_path_factory.mktemp("site"), FAST).parent


@pytest.mark.long
def test_same_runs_give_the_same_bytes(runs: list[Path], site: Path, tmp_path: Path) -> None:
    again = write_report(runs, tmp_path / "site", FAST).parent
    files = sorted(path.relative_to(site) for path in site.rglob("*") if path.is_file())
    assert len(files) > 10
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    for name in files:
        assert (site / name).read_bytes() == (again / name).read_bytes(), name


def test_leaderboard_numbers_are_the_tables_own(runs: list[Path], site: Path) -> None:
    frame = load_results(runs)
    with (site / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    row = next(r for r in rows if (r["model"], r["shots"], r["benchmark"]) == ("tuned", "0", "xnli"))
    mine = frame[(frame["model"] == "tuned") & (frame["benchmark"] == "xnli") & (frame["shots"] == 0)]
    assert float(row["value"]) == pytest.approx(100 * mine["value"].mean())
    assert float(row["low"]) < float(row["value"]) < float(row["high"])
    assert (row["rank"], row["rank_best"]) == ("2", "2")
    numbers = json.loads((site / "leaderboard.json").read_text(encoding="utf-8"))["numbers"]
    assert {n["signature"] for n in numbers} == set(frame["signature"])
    cells = cell_intervals(frame, draws=DRAWS)
    low = {(r.model, r.benchmark, r.language, r.shots): r.low for r in cells.itertuples()}
    for n in numbers:
        assert n["low"] == pytest.approx(low[n["model"], n["benchmark"], n["language"], n["shots"]], abs=1e-6)
    for name in ("leaderboard.md", "leaderboard.tex"):
        assert f"{float(row['value']):.1f} [" in (site / name).read_text(encoding="utf-8")


def test_a_model_that_lacks_a_language_is_named_and_not_ranked(tmp_path: Path) -> None:
    base = outcomes(200, UNITS)
    full = [write_run(tmp_path / name, base, model=name) for name in ("a", "b")]
    part = write_run(tmp_path / "c", {u: np.ones(200) for u in UNITS if u != "sw"}, model="c")
    rows = {row.model: row for row in leaderboard(measure(load_results([*full, part]), draws=DRAWS))}
    assert rows["c"].rank is None
    assert rows["c"].missing == "XNLI: 1 of 4"
    assert rows["a"].rank is not None
    assert (rows["a"].rank.best, rows["a"].rank.worst, rows["a"].rank.tied) == (1, 2, "b")


def test_models_at_chance_are_not_ranked_and_why_is_said(tmp_path: Path) -> None:
    """XCOPA, chance 1/2: one model guesses, two know something. The guesser is nobody's neighbour in the order."""
    mixed = {unit: np.arange(400) % 2 for unit in UNITS}
    runs = [
        write_run(
            tmp_path / name, outcomes(400, UNITS, accuracy=accuracy), benchmark="xcopa", model=name, choices=mixed
        )
        for name, accuracy in (("guesses", 0.5), ("knows", 0.7), ("best", 0.8))
    ]
    for run in runs:
        write_run(run, outcomes(400, UNITS, accuracy=0.5 if run.name == "guesses" else 0.8), model=run.name)
    rows = {row.model: row for row in leaderboard(measure(load_results(runs), draws=DRAWS))}
    assert rows["guesses"].scores["xcopa"].rank is None
    assert (rows["best"].rank.place, rows["knows"].rank.place) == (1, 2)
    assert rows["guesses"].scores["xcopa"].at_chance == 4
    only = measure(load_results([tmp_path / "guesses"]), draws=DRAWS)
    assert only.ranks is not None
    assert only.ranks["rank"].isna().all()


def test_published_rows_are_marked_and_never_ranked(runs: list[Path], tmp_path: Path) -> None:
    page = write_report(runs, tmp_path, Options(draws=DRAWS, reference="afp"))
    board = json.loads((tmp_path / "leaderboard.json").read_text(encoding="utf-8"))["leaderboard"]
    published = [row for row in board if row["published"]]
    assert {row["rank"] for row in published} == {None}
    # AFP (Li et al. 2024), Table 7: XGLM-7.5B, XNLI, 0 shots: 45.6 +- 3.4
    assert [(r["scores"]["xnli"]["value"], r["scores"]["xnli"]["std"]) for r in published
            if r["model"] == "XGLM-7.5B" and r["shots"] == 0] == [(45.6, 3.4)]  # fmt: skip
    assert page.read_text(encoding="utf-8").count("published, not measured here") == len(published)
    assert "AFP's code pads" not in (tmp_path / "leaderboard.md").read_text(encoding="utf-8"), "none of its benchmarks"
    with pytest.raises(UsageError, match="expected one of afp"):
        write_report(runs, tmp_path, Options(reference="apf"))


def test_the_items_chosen_are_those_the_models_disagree_on(runs: list[Path]) -> None:
    frame = load_results(runs)
    lead = leading(frame)
    found = drill_down(lead, models_of(frame), settings_of(frame), 10)["xnli"]
    scores = {
        (row.model, row.language): row.items for row in lead.itertuples() if row.benchmark == "xnli" and row.shots == 0
    }
    changed = {i for i in scores["base", "sw"].index if scores["base", "sw"][i] != scores["tuned", "sw"][i]}
    assert len(changed) == 6
    assert {item["id"] for item in found["items"][:6]} == changed
    assert found["of"] == 60
    first, sw = found["items"][0], found["languages"].index("sw")
    number = int(first["id"].rpartition("-")[2])
    assert first["texts"]["sw"][0] == f"Mbwa anabweka {number}"
    labels = ("entailment", "neutral", "contradiction")
    assert first["gold"]["sw"] == labels[number % 3]
    assert [first["answers"][m][0][sw] for m in (0, 1)] == [
        [labels[number % 3], 100.0],
        [labels[(number + 1) % 3], 0.0],
    ]


def test_generated_answers_stand_as_they_were_given(runs: list[Path]) -> None:
    frame = load_results(runs)
    found = drill_down(leading(frame), models_of(frame), settings_of(frame), 3)["xquad"]
    item = found["items"][0]
    number = int(item["id"].rpartition("-")[2])
    answer = item["answers"][1][0][found["languages"].index("ar")]
    assert answer[0] == f"الكلب ينبح {number}"
    assert item["answers"][1][1] == [None] * 3  # not measured at 5 shots
    assert item["gold"]["zh"] == "狗在叫"


def test_a_damaged_sample_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", outcomes(5, ("en",)), texts=xnli_texts)
    path = next(run.rglob("samples.jsonl"))
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([lines[0], "{broken", *lines[2:]]) + "\n", encoding="utf-8")
    unseal(path.parent)
    with pytest.raises(DataError, match=r"samples\.jsonl, line 2: not valid JSON"):
        write_report([run], tmp_path / "site", FAST)


@given(st.integers(0, 3000))
def test_items_fit_their_budget_and_come_in_order(budget: int) -> None:
    found = {key: {"items": [{"id": f"{key}{i}", "t": "é" * 10 * i} for i in range(9)]} for key in "ab"}
    kept = within(found, budget)
    size = sum(
        len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())
        for e in kept.values()
        for item in e["items"]
    )
    assert size <= budget
    for key, entry in kept.items():
        assert entry["items"] == found[key]["items"][: len(entry["items"])]


@given(st.text(max_size=50), st.integers(1, 20))
def test_visible_text_has_nothing_hidden_and_is_cut(text: str, most: int) -> None:
    for wild in (text, text + "\u202e\x00\ud800"):
        shown = visible(wild, most)
        shown.encode("utf-8")
        assert not set(shown) & set("\x00\x1b\u202a\u202e\u2066\u2069")
        assert "\n" not in line(wild, most + 2)
    assert visible("abc") == "abc"
    assert visible("a\u200fb") == "a\u200fb"  # a mark that Arabic text needs


def test_json_in_a_script_element_cannot_end_it() -> None:
    data = {"a": [text[:100].encode("utf-8", "replace").decode() for text in HOSTILE] + ["\u2028&<!--"]}
    text = script_json(data)
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == data


def test_hostile_names_and_texts_stay_text(tmp_path: Path) -> None:
    page = write_report(hostile_runs(tmp_path), tmp_path / "site", FAST).read_text(encoding="utf-8")
    assert page.count("<script") == 2 + page.split('<script type="module">')[1].count("<script")
    assert "window.pwned = 1</script>" not in page
    assert "\x00" not in page
    assert "\u202e" not in page
    assert len(page.encode()) < 5_000_000
    markdown = (tmp_path / "site" / "leaderboard.md").read_text(encoding="utf-8")
    assert "<b>" not in markdown
    table = [row for row in markdown.splitlines() if row.startswith("|")]
    assert len({row.replace("\\|", "").count("|") for row in table}) == 1
    rows = list(csv.reader(io.StringIO((tmp_path / "site" / "leaderboard.csv").read_text(encoding="utf-8"))))
    assert {len(row) for row in rows} == {len(rows[0])}


def test_prompts_that_change_a_verdict_are_shown(tmp_path: Path) -> None:
    base = outcomes(400, UNITS)
    worse = {unit: turned(scores, 0.15) for unit, scores in base.items()}
    for name, families in (("a", (base, base)), ("b", (worse, base))):
        for family, scores in zip(("xglm", "native"), families, strict=True):
            write_run(tmp_path / name, scores, model=name, family=family)
    frame = load_results([tmp_path / "a", tmp_path / "b"])
    rows = sensitivity.variants(frame)
    spread = sensitivity.spread(rows).set_index("model")
    assert spread.loc["a", "range"] == pytest.approx(0)
    assert spread.loc["b", "range"] == pytest.approx(15)
    flips = sensitivity.flips(rows, models_of(frame), DRAWS)
    assert list(flips["verdicts"]) == ["native: undecided, xglm: worse"]
    assert list(flips["flips"]) == [True]


def test_cloze_and_letters_are_held_against_each_other(tmp_path: Path) -> None:
    """Letters lose what was taken from them, item by item; the interval is of the paired difference, a run measured in
    one form only has no row, and equal forms differ by nothing."""
    base = outcomes(400, UNITS)
    worse = {unit: turned(scores, 0.15) for unit, scores in base.items()}
    for name, letters in (("a", worse), ("b", base)):
        write_run(tmp_path / name, base, model=name, family="cf")
        write_run(tmp_path / name, letters, model=name, family="mcf")
    write_run(tmp_path / "c", base, model="c", family="cf")
    frame = load_results([tmp_path / "a", tmp_path / "b", tmp_path / "c"])
    table = formulations(frame, draws=DRAWS).set_index(["model", "language"])
    assert set(table.index) == {(m, u) for m in ("a", "b") for u in (*UNITS, "(mean)")}
    lost = table.loc["a"]
    for unit in UNITS:
        both = np.array(worse[unit]) - np.array(base[unit])
        assert lost.loc[unit, "difference"] == pytest.approx(100 * both.mean())
        assert lost.loc[unit, "letters"] - lost.loc[unit, "cloze"] == pytest.approx(lost.loc[unit, "difference"])
    assert lost.loc["(mean)", "difference"] == pytest.approx(-15)
    assert (lost["low"] < lost["difference"]).all()
    assert (lost["high"] < 0).all()
    assert (table.loc["b", ["difference", "low", "high"]] == 0).all().all()
    assert (table.loc["b", "p"] == 1).all()
    page = sensitivity.context(SimpleNamespace(measured=SimpleNamespace(frame=frame, models=models_of(frame)),
                                               options=SimpleNamespace(draws=DRAWS)))  # fmt: skip
    assert len(page["forms"].rows) == len(table)


@pytest.mark.long
def test_old_figures_of_ours_go_and_other_files_stay(runs: list[Path], tmp_path: Path) -> None:
    write_report(runs, tmp_path, FAST)
    (tmp_path / "figures" / "mine.png").write_bytes(b"mine")
    before = {path.name for path in (tmp_path / "figures").iterdir()}
    write_report(runs[:1], tmp_path, FAST)
    after = {path.name for path in (tmp_path / "figures").iterdir()}
    assert "heatmap-tuned.svg" in {name.rpartition("-")[0] + ".svg" for name in before} | before
    assert not any("tuned" in name for name in after)
    assert "mine.png" in after


def test_the_command_says_where_the_page_is_and_what_is_wrong(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: str) -> str:
        assert main(["report", *arguments]) == 2
        return capsys.readouterr().err

    assert main(["report", *map(str, runs), "-o", str(tmp_path / "site"), "--items", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{tmp_path}/site/index.html (")
    assert (tmp_path / "site" / "index.html").stat().st_size < MOST_BYTES
    assert "no results of model 'bse'. Did you mean" in refused(
        *map(str, runs), "-o", str(tmp_path / "s"), "--before", "bse"
    )
    assert "does not exist" in refused(str(tmp_path / "nothing"), "-o", str(tmp_path / "s"))
    assert "expected 0 or more" in refused(str(runs[0]), "-o", str(tmp_path / "s"), "--items", "-1")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}", encoding="utf-8")
    assert "is a run" in refused(str(runs[0]), "-o", str(tmp_path / "run"))


def test_results_without_items_still_make_a_page(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"en-de": np.zeros(30), "de-en": np.zeros(30)}, benchmark="flores", metric="chrf")
    page = write_report([run], tmp_path / "site", FAST).read_text(encoding="utf-8")
    assert "No benchmark with item scores in several languages" in page
    assert "Not ranked: no benchmark has item scores." in page
