"""Bits per byte: a metric that compares within a language, in its own unit and decimals; lower is better."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from runs import outcomes, write_run

from xling_bench import load_results
from xling_bench.cli.main import main
from xling_bench.regress.gate import run_gate
from xling_bench.regress.settings import GateConfig
from xling_bench.regress.wording import row
from xling_bench.report.figures.heatmap import heat_map
from xling_bench.report.leaderboard import leaderboard
from xling_bench.report.measure import measure
from xling_bench.report.payload import payload
from xling_bench.report.sections.over_steps import context
from xling_bench.results.tables.compare import GAP, MEAN, compare_runs
from xling_bench.results.tables.formulations import formulations
from xling_bench.results.tables.overview import overview
from xling_bench.results.tables.run_table import language_table, markdown, read_run
from xling_bench.results.tables.steering import read_series

UNITS = ("en", "de", "th")
SAID = "bpb: bits per byte, lower is better, no mean or gap over languages, which it does not compare."
STEPS = (100, 200, 300)


def bits(shift: float) -> dict[str, np.ndarray]:
    """Of 200 items, about 1.2, 1.5 and 0.8 bits per byte, less by `shift`."""
    rng = np.random.default_rng(0)
    return {unit: level - shift + rng.normal(0, 0.01, 200) for unit, level in zip(UNITS, (1.2, 1.5, 0.8), strict=True)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three checkpoints, each better by 0.013 bits per byte."""
    folder = tmp_path_factory.mktemp("within")
    return [
        write_run(folder / f"step-{step}", bits(0.013 * number), metric="bpb", name=f"m-{step}", fingerprint=f"{step}")
        for number, step in enumerate(STEPS)
    ]


@pytest.mark.parametrize("command", ["compare", "series", "table"])
def test_commands_print_three_decimals_and_how_to_read_them_and_nothing_over_languages(
    command: str, runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, *map(str, runs[: 2 if command == "compare" else 3])]) == 0
    told = capsys.readouterr()
    assert SAID in told.out + told.err
    assert MEAN not in told.out
    assert f"| {GAP}" not in told.out
    value = load_results([runs[0]]).set_index("language")["value"]["de"]
    assert ("-0.013" if command == "compare" else f"{value:.3f}") in told.out


@pytest.mark.parametrize("option", ["--summary", "--spread", "--ranks", "--by=resource"])
def test_tables_over_languages_refuse_what_does_not_compare_across_them(
    option: str, runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["table", *map(str, runs), option]) == 2
    assert "only bpb, which compares within a language" in capsys.readouterr().err


def test_beside_accuracy_only_accuracy_is_averaged(runs: list[Path], tmp_path: Path) -> None:
    accuracy = load_results([write_run(tmp_path / "acc", outcomes(100, UNITS), name="m-100", fingerprint="100")])
    table = overview(pd.concat([accuracy, load_results([runs[0]])], ignore_index=True))
    pd.testing.assert_frame_equal(table, overview(accuracy))


def test_a_run_has_no_gap(runs: list[Path]) -> None:
    lines = language_table(read_run(runs[0]))
    assert [line.gap for line in lines] == [None] * 3
    assert SAID in markdown(lines)
    assert f"{lines[0].value:.3f}" in markdown(lines)


def test_the_gate_judges_each_language_and_a_fall_of_bits_is_no_loss(runs: list[Path]) -> None:
    config = GateConfig.model_validate({"metrics": ["bpb"]})
    better, worse = run_gate(runs[0], runs[1], config, draws=500), run_gate(runs[1], runs[0], config, draws=500)
    assert (better.status, better.verdict, worse.status) == ("passed", "improved", "failed")
    assert [finding.difference.language for finding in worse.findings] == list(UNITS)
    assert SAID in worse.notes
    for finding in worse.findings:
        assert finding.why.startswith("0.013 bits per byte worse")
        assert "+0.013" in row(finding)
    within = run_gate(runs[1], runs[0], config.model_copy(update={"tolerance": 0.02}), draws=500)
    assert within.findings[0].why.endswith("significant, within the tolerance of 0.02 bits per byte")


def test_figures_and_the_page_print_bits_with_three_decimals(runs: list[Path]) -> None:
    measured = measure(load_results(runs[:2]), draws=100)
    value = measured.cells.iloc[0]
    (figure,) = filter(None, [heat_map(measured.cells, str(value["model"]))])
    assert f">{value['value']:.3f}<" in figure.svg.decode()
    assert payload(measured, [], [], {}, [0, 1])["digits"] == {"bpb": 3}


def test_cloze_and_letters_have_no_mean(tmp_path: Path) -> None:
    for family, shift in (("cf", 0.0), ("mcf", 0.1)):
        write_run(tmp_path / "run", bits(shift), metric="bpb", family=family)
    assert set(formulations(load_results([tmp_path / "run"]), draws=100)["language"]) == set(UNITS)


def test_the_page_has_a_curve_beside_the_headlines_and_no_mean(runs: list[Path], tmp_path: Path) -> None:
    rises = [write_run(tmp_path / f"step-{step}", outcomes(60, UNITS, seed=step), fingerprint=f"{step}",
                       name=f"m-{step}") for step in STEPS]  # fmt: skip
    frame = pd.concat([read_series(rises), read_series(runs)], ignore_index=True)
    frame = frame.assign(model=frame["step"].map("m-{}".format)).drop(columns="step")
    shown = context(SimpleNamespace(measured=measure(frame, draws=100)))
    assert shown is not None
    assert [figure.title.rpartition(": ")[2] for figure in shown["curves"]] == ["accuracy", "bits per byte"]
    assert SAID in shown["curves"][1].caption
    assert MEAN in shown["curves"][0].inline
    assert MEAN not in shown["curves"][1].inline


def test_a_page_of_bits_alone_averages_nothing(runs: list[Path], tmp_path: Path) -> None:
    assert main(["report", *map(str, runs), "--items", "0", "-o", str(tmp_path / "page")]) == 0
    measured = measure(load_results(runs), draws=100)
    assert measured.spread is measured.overview is measured.ranks is None
    assert leaderboard(measured) == []


def test_what_two_engines_round_otherwise_is_no_difference(tmp_path: Path) -> None:
    """Every item by 2e-6, which a test of signs calls certain; a real difference of 0.002 stays one."""
    sides = {"a": 0.0, "rounded": 2e-6, "better": 0.002}
    for number, (name, shift) in enumerate(sides.items()):
        write_run(tmp_path / name, bits(shift), metric="bpb", name=name, fingerprint=f"{number}")
    rounded, better = (compare_runs(tmp_path / "a", tmp_path / name)[0] for name in ("rounded", "better"))
    assert (rounded["p"] == 1).all()
    assert (rounded[["difference", "low", "high"]] == 0).all(axis=None)
    assert (better["p"] < 0.01).all()
    assert better["difference"].to_list() == pytest.approx([-0.002] * 3)
