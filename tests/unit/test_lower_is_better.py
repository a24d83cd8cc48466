"""A metric where lower is better: outcomes counted as right or as wrong give the same gaps, ranks and verdicts."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from runs import outcomes, turned, write_run

from xling_bench import load_results
from xling_bench.metrics.metric import Answer, Expected, Metric
from xling_bench.metrics.registry import METRICS, score_text
from xling_bench.regress.gate import run_gate
from xling_bench.regress.settings import GateConfig
from xling_bench.report.build import Options, write_report
from xling_bench.report.figures import before_after, heat_map
from xling_bench.report.leaderboard import leaderboard
from xling_bench.report.measure import measure
from xling_bench.report.sections.sensitivity import flips
from xling_bench.results.tables.compare import GAP, compare_runs
from xling_bench.results.tables.overview import overview
from xling_bench.results.tables.ranks import rank_models
from xling_bench.results.tables.run_table import language_table, read_run
from xling_bench.results.tables.uncertainty import spread_intervals

UNITS = ("en", "de", "hi", "sw")
SCORE, ERROR = "f1", "error"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Path]]:
    """{metric: two runs}, the second one worse in Hindi: right answers counted, and wrong ones."""
    toy = replace(METRICS[SCORE], name=ERROR, meaning="share of wrong answers", lower_is_better=True, label="")
    monkeypatch.setitem(METRICS, ERROR, toy)
    good = outcomes(400, UNITS) | {"en": outcomes(400, ("en",), accuracy=0.8)["en"]}
    bad = good | {"hi": turned(good["hi"], 0.4)}
    found: dict[str, list[Path]] = {SCORE: [], ERROR: []}
    for name, scores in (("good", good), ("bad", bad)):
        for metric, runs in found.items():
            values = {unit: v if metric == SCORE else 1 - v for unit, v in scores.items()}
            told = {"benchmark": "xquad", "metric": metric, "model": name, "family": "xllama"}
            runs.append(write_run(tmp_path / metric / name, values, **told))
    return found


def test_gaps_and_ranks_are_those_of_the_same_outcomes_counted_the_other_way(runs: dict[str, list[Path]]) -> None:
    frames = {metric: load_results(paths) for metric, paths in runs.items()}
    for table, same, turned_round in (
        (overview, ["transfer_gap", "std", "range", "worst"], "mean"),
        (spread_intervals, ["gap", "gap_low", "gap_high"], "mean"),
        (rank_models, ["model", "rank", "rank_best", "rank_worst"], "mean"),
    ):
        score, error = (table(frames[metric]) for metric in (SCORE, ERROR))
        for name in same:
            if score[name].dtype == float:
                np.testing.assert_allclose(score[name], error[name], atol=1e-9, err_msg=name)
            else:
                assert list(score[name]) == list(error[name]), name
        np.testing.assert_allclose(score[turned_round], 100 - error[turned_round])
    assert list(rank_models(frames[ERROR])["model"]) == ["good", "bad"]
    gaps = [[line.gap for line in language_table(read_run(runs[metric][1]))] for metric in (SCORE, ERROR)]
    np.testing.assert_allclose(*gaps)
    boards = [leaderboard(measure(frames[metric], draws=200)) for metric in (SCORE, ERROR)]
    assert [row.model for row in boards[0]] == [row.model for row in boards[1]] == ["good", "bad"]
    np.testing.assert_allclose(*[[row.scores["xquad"].gap for row in board] for board in boards])


def test_the_gate_and_compare_see_the_same_loss(runs: dict[str, list[Path]]) -> None:
    gates = {}
    for metric, (good, bad) in runs.items():
        config = GateConfig.model_validate({"metrics": [metric]})
        forth, back = run_gate(good, bad, config, draws=500), run_gate(bad, good, config, draws=500)
        assert (forth.status, back.status, back.verdict) == ("failed", "passed", "improved")
        gates[metric] = forth
        table, _, _ = compare_runs(good, bad)
        sign = METRICS[metric].sign
        assert sign * table.set_index("language")["difference"]["hi"] < -20
        assert table.set_index("language")["difference"][GAP] > 5  # a larger gap, either way
    verdicts = [[(f.difference.language, f.verdict, f.gates) for f in gate.findings] for gate in gates.values()]
    assert verdicts[0] == verdicts[1]
    gaps = [next(f.difference for f in gate.findings if f.difference.language == GAP) for gate in gates.values()]
    np.testing.assert_allclose([gaps[0].baseline, gaps[0].candidate], [gaps[1].baseline, gaps[1].candidate])


def test_the_report_says_which_metrics_are_so(runs: dict[str, list[Path]], tmp_path: Path) -> None:
    pages = {}
    for metric, paths in runs.items():
        write_report(paths, tmp_path / f"page-{metric}", Options(draws=200))
        pages[metric] = (tmp_path / f"page-{metric}" / "index.html").read_text(encoding="utf-8")
    assert '"lower_is_better":["error"]' in pages[ERROR]
    assert '"lower_is_better"' not in pages[SCORE].replace("data.lower_is_better", "")
    data = [json.loads(re.search(r'id="data">(.*?)</script>', pages[metric])[1]) for metric in (SCORE, ERROR)]
    assert "Where lower is better (error) it is the mean of the others minus English." in pages[ERROR]
    assert "those of error, where lower is better, are the mean of the others minus English" in pages[ERROR]
    assert "here lower is better" not in pages[SCORE]
    changes = [found["items"]["xquad"]["changes"] for found in data]
    assert changes[0] == changes[1]
    assert any(broken > fixed for fixed, broken in changes[0]["0 1 0"])
    verdict = r"<strong>(Of \d+ cells .*?)</strong>"
    said = [re.search(verdict, pages[metric])[1] for metric in (SCORE, ERROR)]
    assert (
        said[0] == said[1] == "Of 4 cells 0 got better and 1 worse (p below 0.05 after Holm); 3 are undecided, "
        "which is not “the same”."
    )


def test_colours_are_those_of_the_same_outcomes(runs: dict[str, list[Path]]) -> None:
    cells = {metric: measure(load_results(paths), draws=200).cells for metric, paths in runs.items()}
    maps = [heat_map(cells[metric], "good") for metric in (SCORE, ERROR)]
    assert colours(maps[0]) == colours(maps[1])
    assert len(colours(maps[0])) > 2
    assert "lower is better in error, coloured from 100 to 0" in maps[1].caption
    assert "lower is better" not in maps[0].caption
    pairs = [before_after(cells[metric], "good", "bad")[0] for metric in (SCORE, ERROR)]
    assert colours(pairs[0]) == colours(pairs[1])
    assert "blue down (better)" in pairs[1].caption


def colours(figure) -> Counter:
    """What a figure is drawn in; its ink is the page's."""
    return Counter(re.findall(r"#[0-9a-f]{6}", figure.inline))


def test_verdicts_by_prompt_are_those_of_the_same_outcomes(tmp_path: Path, runs: dict[str, list[Path]]) -> None:
    said = {}
    for metric, paths in runs.items():
        frame = load_results(paths)
        frame = pd.concat([frame, frame.assign(demos="semantic-en", shots=0)], ignore_index=True)
        said[metric] = list(flips(frame, ["good", "bad"], 500)["verdicts"])
    assert said[SCORE] == said[ERROR]
    assert "worse" in said[SCORE][0]


def test_a_relative_gap_is_positive_where_a_language_is_behind(runs: dict[str, list[Path]]) -> None:
    for paths in runs.values():
        table = overview(load_results(paths))
        assert (np.sign(table["relative_gap"]) == np.sign(table["transfer_gap"])).all()
        assert (table["transfer_gap"] > 0).all()


def test_a_declaration_that_contradicts_itself_is_refused() -> None:
    from xling_bench.core.errors import DeclarationError

    with pytest.raises(DeclarationError, match="metric x: over = 'corpus', but"):
        replace(METRICS["f1"], name="x", over="corpus")
    with pytest.raises(DeclarationError, match="metric x: expected one of `compared`, `likelihood`, `statistics`"):
        Metric("x", "", "rule")
    with pytest.raises(DeclarationError, match="more is better"):
        replace(METRICS["acc"], name="x", lower_is_better=True)
    with pytest.raises(DeclarationError, match="a name is letters"):
        replace(METRICS["f1"], name="a b|c")
    with pytest.raises(DeclarationError, match=r"metric x: its rule 'a\|b' has a"):
        replace(METRICS["f1"], name="x", rule="a|b").signature(Expected(None, "de"))


@pytest.mark.parametrize(
    ("statistics", "said"),
    [(lambda _: 50.0, "a score is 50.0; a share lies in"), (lambda _: float("nan"), "a score is nan"),
     (lambda _: None, "not declared `partial`"), (lambda _: 1 / 0, "its statistics end in ZeroDivisionError")],
)  # fmt: skip
def test_what_a_metric_does_otherwise_than_it_declares_is_one_line(monkeypatch, statistics, said) -> None:
    from xling_bench.core.errors import DeclarationError

    monkeypatch.setitem(METRICS, "toy", replace(METRICS["f1"], name="toy", statistics=statistics))
    with pytest.raises(DeclarationError, match=f"metric toy: .*{said}"):
        score_text(["toy"], Answer(Expected(None, "de"), "a", ["a"]))
