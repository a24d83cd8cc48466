"""The gate's settings and bad input: what is refused, what is chosen, what may be missing."""

from pathlib import Path

import pytest
from gates import config_file, gate
from runs import outcomes, write_run

from xling_bench.cli.main import main
from xling_bench.core import content
from xling_bench.core.errors import UsageError
from xling_bench.regress.settings import GateConfig, Slice, read_config
from xling_bench.results.tables.compare import MEAN


def test_bad_input_is_exit_code_2_and_says_what_to_do(base: Path, tmp_path: Path, capsys) -> None:
    scores = outcomes(30, ("en", "de"))
    small = write_run(tmp_path / "small", scores)
    mixed = write_run(write_run(tmp_path / "mixed", {"en": scores["en"]}), {"de": scores["de"]}, model="./other")
    sample = write_run(tmp_path / "sample", scores, source="sample")
    f1 = write_run(tmp_path / "f1", {"en": scores["en"]}, benchmark="xquad", metric="exact")
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000, encoding="utf-8")
    for a, b, message in (
        (tmp_path, small, "holds no results"),
        (deep, small, "not valid JSON for us"),
        (mixed, small, "holds results of 2 models"),
        (sample, sample, "--allow-sample"),
        (base, small, "lacks 13 of the baseline's 15 cells: xnli xglm 0 none acc: ar bg el"),
        (f1, f1, "none of the headline metrics"),
    ):
        assert gate(tmp_path, a, b)[0] == 2
        assert message in capsys.readouterr().err
    assert gate(tmp_path, sample, sample, "--allow-sample")[0] == 0
    assert "SAMPLE DATA" in capsys.readouterr().out
    for arguments in ([], ["--baseline", str(small), "--write-baseline", "x.parquet"]):
        assert main(["gate", "--candidate", str(small), *arguments]) == 2
        assert "either --baseline RUN" in capsys.readouterr().err
    assert main(["gate", "--candidate", str(small), "--write-baseline", "x.parquet", "--json", "x.json"]) == 2
    assert "--json: --write-baseline compares nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tolerence = 1", "unknown key 'tolerence'. Did you mean 'tolerance'"),
        ("[[slice]]\nbenchmark = ['xnli']", "unknown key 'slice.0.benchmark'. Did you mean 'benchmarks'"),
        ("[[slice]]\nbenchmarks = ['xnl']", "slice.0.benchmarks: unknown benchmark 'xnl'. Did you mean 'xnli'"),
        ("[[slice]]\nlanguages = ['en-xx']", "slice.0.languages: unknown language 'xx'"),
        ("metrics = ['accc']", "metrics: unknown metric 'accc'. Did you mean 'acc'"),
        ("alpha = 1.5", "alpha: Input should be less than 1"),
        ("tolerance = nan", "tolerance: Input should be"),
        ("gap = 'fail'", "gap: Input should be 'gate' or 'report'"),
        ("alpha = ", "not valid TOML"),
        ("alpha = 1e-17", "alpha: Input should be greater than or equal to 0.001"),
        ("a = " + "[" * 3000, "nested too deeply"),
        ("metrics = 'acc'", "metrics: expected a list in brackets, found 'acc'"),
        ("[slice]\ntolerance = 1", "slice: expected tables, each under [[slice]], found {'tolerance': 1}"),
    ],
)
def test_settings_are_checked_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        read_config(Path(config_file(tmp_path, text)))
    assert message in str(error.value)


def test_settings_that_cannot_be_read(tmp_path: Path, capsys) -> None:
    assert main(["gate", "--baseline", "a", "--candidate", "b", "--config", str(tmp_path / "none.toml")]) == 2
    assert "none.toml: cannot be read" in capsys.readouterr().err


def test_settings_choose_and_require(tmp_path: Path, capsys) -> None:
    scores = outcomes(30, ("en", "de"))
    run = write_run(write_run(tmp_path / "run", scores), scores, shots=5)
    assert len(gate(tmp_path, run, run)[1]["cells"]) == 4
    assert len(gate(tmp_path, run, run, "--config", config_file(tmp_path, "shots = [5]"))[1]["cells"]) == 2
    capsys.readouterr()
    for text, message in (
        ("shots = [2]", "has no 2-shot"),
        ("metrics = ['acc', 'f1']", "has no metric f1"),
        ("seeds = [3]", "has no seed 3"),
        ("[[slice]]\nlanguages = ['swh_Latn']\nrequired = true", "slice 1 of the gate's settings requires sw"),
    ):
        assert gate(tmp_path, run, run, "--config", config_file(tmp_path, text))[0] == 2
        assert message in capsys.readouterr().err
    assert Slice(languages=("deu_Latn", "zh-Hant", "en-swh_Latn", MEAN)).languages == ("de", "zh_hant", "en-sw", MEAN)


def test_the_committed_settings_are_the_defaults_but_for_slices() -> None:
    config = read_config(content.folder("reports") / "gate.toml")
    assert config.model_copy(update={"slice": ()}) == GateConfig()
    assert not config.limits("flores", "en-de").required
    assert config.limits("xcopa", "sw").max_mde == 8


def test_missing_cells_may_be_ignored_and_are_named(base: Path, tmp_path: Path) -> None:
    scores = outcomes(5010)
    part = write_run(tmp_path / "part", {unit: scores[unit] for unit in ("en", "de", "sw")})
    extra = write_run(part, {"sw": scores["sw"]}, shots=5)
    code, found = gate(tmp_path, base, extra, "--config", config_file(tmp_path, 'missing = "ignore"'))
    assert code == 0
    assert [row["language"] for row in found["cells"]] == ["en", "de", "sw"]
    assert found["notes"][:2] == [
        "Not compared, only the baseline has: xnli xglm 0 none acc: ar bg el es fr hi ru th tr ur vi zh.",
        "Not compared, only the candidate has: xnli xglm 5 same acc: sw.",
    ]


def test_unequal_seeds_are_refused_with_the_setting_that_helps(tmp_path: Path, capsys) -> None:
    scores = outcomes(200, ("en", "de"))
    one = write_run(tmp_path / "one", scores, shots=5)
    two = write_run(write_run(tmp_path / "two", scores, shots=5), scores, shots=5, seed=1)
    assert gate(tmp_path, two, one)[0] == 2
    assert "In gate.toml: seeds = [...]" in capsys.readouterr().err
    assert gate(tmp_path, two, one, "--config", config_file(tmp_path, "seeds = [0]"))[0] == 0


def test_no_alpha_is_too_small_for_a_large_loss(tmp_path: Path) -> None:
    """Means over two seeds are tested by 10,000 signings, none of which is as far: the tail says how small p is."""
    scores = outcomes(200)
    a = write_run(write_run(tmp_path / "a", scores, shots=5), scores, shots=5, seed=1)
    worse = scores | {"sw": 0 * scores["sw"]}
    b = write_run(write_run(tmp_path / "b", worse, shots=5), scores, shots=5, seed=1)
    code, found = gate(tmp_path, a, b, "--config", config_file(tmp_path, "alpha = 0.001"))
    assert code == 1
    assert next(row["p"] for row in found["cells"] if row["language"] == "sw") < 15 / 10_001


def test_a_benchmark_without_its_headline_metric_is_not_passed_over(tmp_path: Path, capsys) -> None:
    """All of XCOPA is lost, in a metric the gate does not look at by itself."""
    scores, other = outcomes(60, ("en", "de")), outcomes(60, ("et", "sw"))
    a = write_run(write_run(tmp_path / "a", scores), other, benchmark="xcopa", metric="acc_token")
    lost = {unit: 0 * values for unit, values in other.items()}
    b = write_run(write_run(tmp_path / "b", scores), lost, benchmark="xcopa", metric="acc_token")
    assert gate(tmp_path, a, b)[0] == 2
    assert (
        "has xcopa without the headline metric, which the gate looks at; it has: acc_token" in capsys.readouterr().err
    )
    assert gate(tmp_path, a, b, "--config", config_file(tmp_path, "metrics = ['acc', 'acc_token']"))[0] == 1
    assert gate(tmp_path, a, b, "--config", config_file(tmp_path, "metrics = ['acc']"))[0] == 0


def test_one_path_on_both_sides_is_said(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", outcomes(60, ("en", "de")))
    assert "Baseline and candidate are the same files: nothing could differ." in gate(tmp_path, run, run)[1]["notes"]
