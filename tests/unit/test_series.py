"""Checkpoints of one training: what is said of them, against scipy and by hand; the command; the page's section."""

import json
import math
import re
import shutil
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import outcomes, write_run
from scipy import stats

from xling_bench.cli.main import main
from xling_bench.core.errors import UsageError
from xling_bench.report.figures.curves import MOST, Line, Panel, limits_of
from xling_bench.report.sections.over_steps import lines_of
from xling_bench.results.tables.criteria import hplt_e
from xling_bench.results.tables.steering import MEAN, read_series, scores_of, steering, steps_of
from xling_bench.stats.signal import above, neighbour_noise

STEPS = (100, 200, 400, 700, 1000)
ACCURACIES = (0.30, 0.36, 0.45, 0.52, 0.60)
UNITS = ("en", "de", "th")
LIST = st.lists(st.floats(-100, 100), min_size=3, max_size=12)


@given(LIST, st.floats(-5, 5), st.floats(-50, 50), st.integers(0, 1000))
def test_noise_sees_no_straight_trend(scores, slope, start, seed) -> None:
    """A line added to the scores changes nothing, whatever the steps' distances; a line alone has none."""
    steps = np.cumsum(np.random.default_rng(seed).uniform(1, 10, len(scores)))
    line = start + slope * steps
    found = neighbour_noise(steps, scores)
    assert neighbour_noise(steps, np.array(scores) + line) == pytest.approx(found, abs=1e-9)
    assert neighbour_noise(steps, line) == pytest.approx(0, abs=1e-9)


def test_noise_is_the_deviation_of_scores() -> None:
    """Of 20,000 scores of deviation 2 around a parabola, at uneven steps."""
    rng = np.random.default_rng(0)
    steps = np.cumsum(rng.uniform(0.5, 1.5, 20_000))
    scores = (steps / 5000) ** 2 + rng.normal(0, 2, 20_000)
    assert neighbour_noise(steps, scores) == pytest.approx(2, rel=0.02)
    # By hand, equal steps: (y1 + y3) / 2 - y2 = -1, and 0.5^2 + 0.5^2 + 1 = 1.5.
    assert neighbour_noise([1, 2, 3], [0, 1, 0]) == pytest.approx(math.sqrt(1 / 1.5))
    assert neighbour_noise([1, 2], [0, 1]) is None
    assert neighbour_noise([100, 200, 400, 700], [100 * right / 300 for right in (90, 100, 120, 150)]) == 0, "rounding"
    with pytest.raises(ValueError, match="rise"):
        neighbour_noise([1, 1, 2], [0, 1, 0])


def test_above_is_holms_test() -> None:
    scores, errors = [34.0, 37.0, 35.5, 50.0], [1.0] * 4
    p = stats.norm.sf(np.array(scores) - 33.3)
    order = np.argsort(p)
    expected = [False] * 4
    for rank, number in enumerate(order):
        if p[number] * (4 - rank) >= 0.05:
            break
        expected[number] = True
    assert above(33.3, scores, errors) == expected == [False, True, True, True]


def series(folder, *, family: str = "xglm", shift: float = 0.0, items: int = 600):
    """Runs whose accuracies are about those: `outcomes` are right where the mean of two uniform numbers is low."""
    for step, accuracy in zip(STEPS, ACCURACIES, strict=True):
        share = accuracy + shift
        low = math.sqrt(share / 2) if share < 0.5 else 1 - math.sqrt((1 - share) / 2)
        scores = outcomes(items, UNITS, accuracy=low, seed=step)
        write_run(folder / f"step-{step}", scores, fingerprint=f"{step:016d}", name=f"m{step}", family=family)
    return [str(folder / f"step-{step}") for step in STEPS]


def test_rows_are_what_scipy_says(tmp_path) -> None:
    frame = read_series(series(tmp_path))
    table = steering(frame).set_index("language")
    for unit in (*UNITS, MEAN):
        rows = frame if unit == MEAN else frame[frame["language"] == unit]
        values = 100 * rows.groupby("step")["value"].mean().to_numpy()
        row = table.loc[unit]
        assert row["steps"] == 5
        assert [row["first"], row["last"], row["best"]] == pytest.approx([values[0], values[-1], values.max()])
        assert row["monotonicity"] == pytest.approx(stats.spearmanr(STEPS, values).statistic)
        assert row["cv"] == pytest.approx(100 * stats.variation(values, ddof=1))
        line = [
            np.interp(b, (a, c), (u, w)) - v
            for a, b, c, u, v, w in zip(STEPS, STEPS[1:], STEPS[2:], values, values[1:], values[2:], strict=False)
        ]
        shares = [(b - a) / (c - a) for a, b, c in zip(STEPS, STEPS[1:], STEPS[2:], strict=False)]
        weights = [1 / (s**2 + (1 - s) ** 2 + 1) for s in shares]
        assert row["noise"] == pytest.approx(np.sqrt(np.mean(np.array(line) ** 2 * weights)))
        assert row["signal"] == pytest.approx(values[-1] - 100 / 3)
        assert row["snr"] == pytest.approx(row["signal"] / row["noise"])
    # One-sided tests of shares of 600 items against 1/3, Holm over 5 steps, by scipy.
    values = frame[frame["language"] == "de"].groupby("step")["value"].mean()
    errors = np.maximum(np.sqrt(values * (1 - values) / 599), math.sqrt(2 / 9 / 600))
    p = np.sort(stats.norm.sf((values - 1 / 3) / errors))
    passed = sum(np.cumprod(p * np.arange(5, 0, -1) < 0.05))
    reached = values[stats.norm.sf((values - 1 / 3) / errors) <= p[passed - 1]]
    assert table.loc["de", "above_chance_from"] == reached.index.min()


def test_steps_come_from_names_or_are_given(tmp_path) -> None:
    runs = series(tmp_path)
    assert steps_of(["ckpt-10", "ckpt-9"]) == [10, 9]
    assert steps_of(["a-10", "b-20"]) is steps_of(["a", "b"]) is steps_of(["a-1", "a-1"]) is None
    assert sorted(set(read_series(runs[::-1])["step"])) == list(STEPS)
    assert sorted(set(read_series(runs, [1, 2, 3, 4, 9])["step"])) == [1, 2, 3, 4, 9]
    named = [f"{letter}={run}" for letter, run in zip("vwxyz", runs, strict=True)]
    assert sorted(set(read_series(named)["step"])) == [1, 2, 3, 4, 5]
    for wrong in ([1, 2], [1, 3, 2, 4, 5]):
        with pytest.raises(UsageError, match="--steps"):
            read_series(runs, wrong)
    with pytest.raises(UsageError, match="at least 3"):
        read_series(runs[:2])
    large = 10**15  # what a float, and a column of numbers, holds exactly
    assert max(read_series(runs, [1, 2, 3, 4, large])["step"]) == large
    with pytest.raises(UsageError, match="up to 1,000,000,000,000,000"):
        read_series(runs, [1, 2, 3, 4, large + 1])
    assert steps_of([f"m-{large}", "m-1"]) == [large, 1]
    assert steps_of([f"m-{large + 1}", "m-1"]) is steps_of([f"m-{'9' * 5000}", "m-1"]) is None


def test_a_model_at_several_steps_is_named(tmp_path, capsys) -> None:
    runs = series(tmp_path)
    said = "are one and the same model"
    assert main(["series", *runs[:3]]) == 0
    assert said not in capsys.readouterr().err
    assert main(["series", runs[0], runs[0], runs[1], "--steps", "1,2,3"]) == 0
    assert f"note: steps 1, 2 {said}" in capsys.readouterr().err


def test_runs_that_were_not_measured_alike_are_named_with_what_to_do(tmp_path, capsys) -> None:
    runs = series(tmp_path, items=30)
    shutil.rmtree(tmp_path / "step-400")
    write_run(tmp_path / "step-400", outcomes(30, UNITS, accuracy=0.5, seed=3), fingerprint="4" * 16, code="abcdef01")
    assert main(["series", *runs]) == 2
    said = capsys.readouterr().err
    assert re.search(r"code differs: \S+ for step-\d+, \S+ for step-\d+\. .* Measure all alike: ", said)
    assert "step-400" in said


def test_hplt_e_is_its_statistics(tmp_path) -> None:
    """Against the published formulas, by scipy and pandas: two prompts, the windows as shares of the last step."""
    runs = series(tmp_path)
    series(tmp_path, family="native", shift=0.02)
    frame = read_series(runs)
    table = hplt_e(frame).set_index("language")
    for unit in UNITS:
        rows = frame[frame["language"] == unit]
        prompts = 100 * rows.pivot(index="step", columns="family", values="value")
        best, mid = prompts.max(axis=1), prompts[(prompts.index >= 150) & (prompts.index <= 800)]
        late, final = prompts[(prompts.index >= 400) & (prompts.index <= 800)], prompts[prompts.index >= 800]
        row = table.loc[unit]
        assert row["prompts"] == 2
        assert row["monotonicity"] == pytest.approx(stats.spearmanr(mid.index, best[mid.index]).statistic)
        assert row["cv"] == pytest.approx(100 * stats.variation(best[mid.index], ddof=1))
        assert row["mad"] == pytest.approx(np.median([stats.median_abs_deviation(x) for x in mid.to_numpy()]))
        chosen = late.idxmax(axis=1).to_list()
        assert row["prompt_switch_rate"] == 100 * np.mean([a != b for a, b in pairwise(chosen)])
        assert row["snr"] == pytest.approx(best[final.index].mean() / final.std(axis=1).mean())
        assert row["above_random"] == pytest.approx(best[final.index].max() - 100 / 3)
    # Windows are the series', not those of the steps that a benchmark has.
    early = hplt_e(frame[(frame["language"] != "th") | (frame["step"] < 1000)]).set_index("language")
    assert math.isnan(early.loc["th", "above_random"])
    assert early.loc["th", "cv"] == pytest.approx(table.loc["th", "cv"])


def test_the_command_says_what_steers(tmp_path, capsys) -> None:
    runs = series(tmp_path)
    out = tmp_path / "series.json"
    assert main(["series", *runs, "--require", "monotonicity>=0.9,snr>=1", "-o", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert {row["language"] for row in rows} == {*UNITS, MEAN}
    for row in rows:
        meets = row["monotonicity"] >= 0.9 and row["snr"] >= 1
        assert (row["steers"] == "meets") == meets
    assert "steps 100, 200, 400, 700, 1000" in capsys.readouterr().err
    assert main(["series", *runs, "--criteria", "hplt-e"]) == 0
    assert "fails: cv<=15" in capsys.readouterr().out
    assert main(["series", *runs, "--criteria", "hplt-e", "--require", "monotonicity>=0.5,mad<=5"]) == 0
    told = capsys.readouterr()
    assert "unknown: mad" in told.out, "one prompt has no spread"
    assert "ranking consistency" in told.err
    for wrong, said in ((["--require", "snr=3"], "expected NAME>=NUMBER"), (["--require", "snrr>3"], "did you mean"),
                        (["--steps", "1,2"], "expected 5 rising numbers")):  # fmt: skip
        assert main(["series", *runs, *wrong]) == 2
        assert said in capsys.readouterr().err.lower().replace("name>=number", "NAME>=NUMBER")


def test_the_page_has_curves_of_a_series(tmp_path) -> None:
    runs = series(tmp_path, items=60)
    page = tmp_path / "page"
    named = [f"m-{step}={run}" for step, run in zip(STEPS, runs, strict=True)]
    assert main(["report", *named, "--items", "0", "-o", str(page)]) == 0
    text = (page / "index.html").read_text()
    assert 'id="steps"' in text
    assert "steps 100, 200, 400, 700, 1,000" in text
    assert "steps-0-xnli" in text


def test_curves_are_of_what_the_table_says(tmp_path) -> None:
    """The mean's curve is the table's mean: over languages, pairs apart, at the steps that have them all."""
    runs = []
    for step, lost in ((1, ""), (2, "de"), (3, ""), (4, "")):
        scores = {unit: np.arange(20) % 10 < step + add for unit, add in (("de", 0), ("en", 2), ("de-en", -1))}
        kept = {unit: values / 2 for unit, values in scores.items() if unit != lost}
        none = {unit: np.full(20, -1) for unit in kept}
        runs.append(write_run(tmp_path / f"m-{step}", kept, benchmark="mlqa", metric="f1", family="xllama",
                              choices=none, name=f"m-{step}", fingerprint=f"{step:016d}"))  # fmt: skip
    frame = read_series(list(map(str, runs)))
    drawn = {line.label: line for line in lines_of(scores_of(frame), "f1", MOST)}
    row = steering(frame).set_index("language").loc[MEAN]
    assert set(drawn) == {"de", "en", "de-en", MEAN}
    assert drawn[MEAN].x == [1, 3, 4]
    assert [drawn[MEAN].y[0], drawn[MEAN].y[-1], len(drawn[MEAN].y)] == [row["first"], row["last"], row["steps"]]
    assert {line.label for line in lines_of(scores_of(frame), "f1", 3)} == {"de", "de-en", MEAN}


@pytest.mark.parametrize(
    ("names", "steps"),
    [("m-1 m-2 m-3", True), ("m-1b m-4b m-12b", False), ("s270m-it s360M-it s1000m-it", False), ("1ba 2ba 3ba", True)],
)
def test_models_of_several_sizes_are_no_series(tmp_path, names, steps) -> None:
    given = [f"{name}={run}" for name, run in zip(names.split(), series(tmp_path, items=20), strict=False)]
    assert main(["report", *given, "--items", "0", "-o", str(tmp_path / "page")]) == 0
    assert ('id="steps"' in (tmp_path / "page/index.html").read_text()) == steps


@given(st.floats(-100, 100), st.floats(0, 50))
def test_an_axis_shows_a_movement_only_where_there_is_one(value, rise) -> None:
    """What is constant stands in the middle of a tenth of itself either way; what moves nearly fills the axis."""
    low, high = limits_of([Panel("", [Line("de", [1.0, 2.0], [value, value + rise])])])
    assert low < value <= value + rise < high
    if rise == 0:
        assert high - low >= 0.2 * abs(value) - 1e-9
        assert (low + high) / 2 == pytest.approx(value)
    elif rise > 1e-6:
        assert high - low == pytest.approx(1.08 * rise)
