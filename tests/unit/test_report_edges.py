"""The report on runs that are odd: other prompts, other items, odd names, damaged samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from report_runs import UNITS, choices, two_runs, xnli_texts
from runs import outcomes, turned, unseal, write_run

from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.text import line
from xling_bench.report.build import Options, write_report
from xling_bench.report.formats import as_markdown, table_rows
from xling_bench.report.leaderboard import Row, Score, leaderboard
from xling_bench.report.measure import measure
from xling_bench.report.payload import payload
from xling_bench.report.printed import printed
from xling_bench.report.sections import sensitivity
from xling_bench.report.select import models_of
from xling_bench.report.setting import Setting
from xling_bench.results.frame import load_results

DRAWS = 200
FAST = Options(draws=DRAWS)
ZERO = Setting(0, "none")


@pytest.mark.long
def test_the_page_stays_small_though_items_are_full_of_markup(tmp_path: Path) -> None:
    def texts(_: str, __: int) -> tuple[dict[str, Any], list[Any]]:
        return {"context": "<" * 600, "question": "&" * 600, "answers": ["<" * 300]}, ["<>" * 300]

    none = {unit: np.full(150, -1) for unit in UNITS}
    runs = [
        write_run(tmp_path / name, {u: v / 2 for u, v in outcomes(150, UNITS).items()}, benchmark="xquad", metric="f1",
                  family="xllama", model=name, texts=texts, choices=none)
        for name in "abcdef"
    ]  # fmt: skip
    page = write_report(runs, tmp_path / "site", Options(draws=DRAWS, items=150))
    assert 4_000_000 < page.stat().st_size < 5_000_000


def test_verdicts_are_of_the_languages_all_variants_have(tmp_path: Path) -> None:
    """b is worse in Swahili only, which the other prompts lack: that is no flip."""
    base = outcomes(400, UNITS)
    worse = base | {"sw": turned(base["sw"], 0.5)}
    for name, scores in (("a", base), ("b", worse)):
        write_run(tmp_path / name, scores, model=name)
        write_run(tmp_path / name, {u: v for u, v in scores.items() if u != "sw"}, model=name, family="native")
    rows = sensitivity.variants(load_results([tmp_path / "a", tmp_path / "b"]))
    flips = sensitivity.flips(rows, ["a", "b"], DRAWS)
    assert list(flips["verdicts"]) == ["native: undecided, xglm: undecided"]


def test_variants_without_a_common_language_have_no_verdict(tmp_path: Path) -> None:
    base = outcomes(60, UNITS)
    for name, unit in (("a", "en"), ("b", "ar")):
        write_run(tmp_path / name, base, model=name)
        write_run(tmp_path / name, {unit: base[unit]}, model=name, family="native")
    frame = load_results([tmp_path / "a", tmp_path / "b"])
    assert sensitivity.flips(sensitivity.variants(frame), models_of(frame), DRAWS).empty
    assert write_report([tmp_path / "a", tmp_path / "b"], tmp_path / "site", FAST).is_file()


def test_a_ranked_model_that_lacks_an_unranked_benchmark_is_not_called_unranked(tmp_path: Path) -> None:
    for name in "ab":
        write_run(tmp_path / name, outcomes(60, ("en", "sw")), model=name)
        write_run(tmp_path / name, outcomes(60, ("en", "sw")), benchmark="xcopa", model=name)
    graded = {unit: values / 2 for unit, values in outcomes(60, ("en", "ar")).items()}
    none = {unit: np.full(60, -1) for unit in graded}
    write_run(tmp_path / "a", graded, benchmark="xquad", metric="f1", family="xllama", model="a", choices=none)
    rows = leaderboard(measure(load_results([tmp_path / "a", tmp_path / "b"]), draws=DRAWS))
    assert [row.rank is None for row in rows] == [False, False]
    notes = {row[1]: row[-1] for row in table_rows(rows, {"xcopa": "acc", "xnli": "acc", "xquad": "f1"})[1:]}
    assert notes == {"a": "tied with b", "b": "lacks XQuAD: all; tied with a"}


def test_a_model_measured_with_other_prompts_only_is_named(tmp_path: Path) -> None:
    base = outcomes(60, UNITS)
    runs = [write_run(tmp_path / name, base, model=name) for name in "ab"]
    runs.append(write_run(tmp_path / "c", base, model="c", family="native"))
    rows = {row.model: row for row in leaderboard(measure(load_results(runs), draws=DRAWS))}
    assert (rows["c"].rank, rows["c"].missing, rows["c"].scores) == (None, "XNLI: all", {})


def test_there_is_no_minus_before_zero(tmp_path: Path) -> None:
    markdown = as_markdown([Row("m", ZERO, Score(-0.04, -0.03, 0.02, 1, 1))], {}, [])
    assert "0.0 [0.0, 0.0]" in markdown
    assert "-0.0" not in markdown


def test_languages_are_not_printed_as_p_values() -> None:
    table = printed(pd.DataFrame({"model": ["m"], "mean": [50.0], "pt": [83.3333], "p": [0.0333]}))
    assert [cell.text for cell in table.rows[0]] == ["m", "50.0", "83.3", "0.033"]


def test_numbers_of_the_page_print_as_the_tables_do(tmp_path: Path) -> None:
    """33.3499999 must not be sent as 33.35, which prints as 33.4."""
    items = np.zeros(20_000)
    items[:6_669] = 1
    cells = measure(load_results(write_run(tmp_path / "run", {"en": items})), draws=DRAWS)
    sent = payload(cells, ["xnli"], [], {}, [0, 0])["cells"][0]
    assert sent[6] == pytest.approx(33.345)
    for value in (62.34999996, 0.25, 33.349, -0.04999999):
        cells.cells["value"] = value
        sent = payload(cells, ["xnli"], [], {}, [0, 0])["cells"][0]
        assert round(sent[6], 1) == round(value, 1)


def test_two_long_names_stay_two() -> None:
    first, second = (line(f"/data/{'x' * 40}/run{letter}/{'y' * 40}") for letter in "AB")
    assert first != second
    assert len(first) <= 80
    assert [len(line("a" * 100, most)) <= most for most in (3, 10, 31, 80)] == [True] * 4


def test_a_name_that_is_no_unicode_is_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", outcomes(20, ("en", "ar")), model="./ch\udcff")
    page = write_report([run], tmp_path / "site", Options(draws=DRAWS, title="t\ud800"))
    assert "ch[U+DCFF]" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("doc", "answers", "said"),
    [({}, [[-1.0, False]] * 3, "no label"), ({"label": "x"}, [[-1.0, False]] * 3, "no label"), (None, [], "no answer")],
)
def test_samples_of_another_shape_are_named(tmp_path: Path, doc: Any, answers: list[Any], said: str) -> None:
    scores = outcomes(5, ("en",))
    more: dict[str, Any] = {"choices": choices(scores)}
    if doc is None:
        more = {"benchmark": "xquad", "metric": "f1", "family": "xllama", "choices": {"en": np.full(5, -1)}}
        doc = {"context": "c", "question": "q", "answers": ["a"]}
    run = write_run(tmp_path / "run", scores, texts=lambda *_: (doc, answers), **more)
    with pytest.raises(DataError, match=rf"en, .*-test-0000: {said}"):
        write_report([run], tmp_path / "site", FAST)


def test_a_sample_nested_without_end_is_damaged(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", outcomes(5, ("en",)), texts=xnli_texts)
    samples = next(run.rglob("samples.jsonl"))
    samples.write_text("[" * 100_000, encoding="utf-8")
    unseal(samples.parent)
    with pytest.raises(DataError, match=r"line 1: .*nested too deeply"):
        write_report([run], tmp_path / "site", FAST)


def test_rankings_whose_samples_are_gone_are_left_out(tmp_path: Path) -> None:
    scores = outcomes(30, ("en", "ar"))
    run = write_run(tmp_path / "run", scores, benchmark="mlama", metric="p1", form="bmlama17",
                    choices={unit: np.zeros(30) for unit in scores})  # fmt: skip
    assert "RankC" not in write_report([run], tmp_path / "site", FAST).read_text(encoding="utf-8").split("<script")[0]


@pytest.mark.long
def test_only_files_named_like_our_figures_are_ever_removed(tmp_path: Path) -> None:
    runs = two_runs(tmp_path, 20)
    site = write_report(runs, tmp_path / "site", FAST).parent
    listed = ["../../victim.png", "mine.png", "heatmap-old.svg", "heatmap-link.svg"]
    facts = json.loads((site / "leaderboard.json").read_text(encoding="utf-8")) | {"figures": listed}
    (site / "leaderboard.json").write_text(json.dumps(facts), encoding="utf-8")
    for path in (tmp_path / "victim.png", site / "figures" / "mine.png", site / "figures" / "heatmap-old.svg"):
        path.write_text("x", encoding="utf-8")
    (site / "figures" / "heatmap-link.svg").symlink_to(tmp_path / "victim.png")
    write_report(runs, site, FAST)
    assert (tmp_path / "victim.png").is_file()
    assert (site / "figures" / "mine.png").is_file()
    assert not (site / "figures" / "heatmap-old.svg").exists()
    assert not (site / "figures" / "heatmap-link.svg").is_symlink()


def test_one_model_on_both_sides_is_refused(tmp_path: Path) -> None:
    runs = two_runs(tmp_path, 20)
    with pytest.raises(UsageError, match=r"both 'tuned'"):
        write_report(runs, tmp_path / "site", Options(draws=DRAWS, before="./tuned", after="./tuned"))


def test_the_page_says_what_each_settings_ranks_are_of(tmp_path: Path) -> None:
    scores = outcomes(20, ("en", "sw"))
    for name in "ab":
        for shots in (0, 5):
            write_run(tmp_path / name, scores, model=name, shots=shots)
        write_run(tmp_path / name, scores, model=name, benchmark="xcopa")
    page = write_report([tmp_path / "a", tmp_path / "b"], tmp_path / "site", FAST).read_text(encoding="utf-8")
    assert "0 shots: Ranked by overall: chance-corrected accuracy, mean over XCOPA, XNLI." in page
    assert "5 shots: Ranked by XNLI." in page


@pytest.mark.parametrize("benchmarks", [("xcopa",), ("xcopa", "xnli")])
def test_why_nobody_is_ranked_is_said_of_every_model(tmp_path: Path, benchmarks: tuple[str, ...]) -> None:
    """One model guesses, and the other has nobody to be ranked against; a model alone is in no order."""
    for key in benchmarks:
        options = {"xcopa": 2, "xnli": 3}[key]
        guessed = dict.fromkeys(UNITS, np.arange(600) // 2 % options == 0)
        for name, scores in (("guesses", guessed), ("knows", outcomes(600, UNITS, accuracy=0.8))):
            write_run(tmp_path / name, scores, benchmark=key, family="native", model=name)
    both, alone = (
        measure(load_results([tmp_path / name for name in names]), draws=DRAWS)
        for names in (("guesses", "knows"), ("knows",))
    )
    rows = {row.model: row for row in leaderboard(both)}
    cells = 4 * len(benchmarks)
    assert {name: row.rank for name, row in rows.items()} == {"guesses": None, "knows": None}
    assert rows["guesses"].note == f"not ranked: {cells} of {cells} cells at chance"
    assert rows["knows"].note == "not ranked: no other model to be ranked against"
    assert rows["knows"].note in as_markdown([*rows.values()], dict.fromkeys(benchmarks, "acc, native"), [])
    assert [row.note for row in leaderboard(alone)] == [""]


def test_tables_of_one_family_a_benchmark_name_it(tmp_path: Path) -> None:
    scores = outcomes(60, ("en", "sw"))
    runs = [write_run(tmp_path / name, scores, model=name, family="native", choices=choices(scores)) for name in "ab"]
    page = write_report(runs, tmp_path / "site", FAST).read_text(encoding="utf-8")
    for name in ("spread", "before-after", "consistency"):
        table = page.split(f'data-name="{name}"')[1].split("</table>")[0]
        assert "Prompts</th>" in table, name
        assert "<td>native</td>" in table, name
