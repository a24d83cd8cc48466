"""`xling-bench scale` as a command: points to laws to an allocation that `train` takes; runs; what is refused."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import training_recipe
import warm
from runs import outcomes, write_run

from xling_bench.training.corpora.data_config import read_allocation

pytestmark = pytest.mark.e2e
# Invented: alpha 70, beta 0.12, gamma 0.8 for German, 0.3 for Hindi, with errors of up to half a point.
ERRORS = (0.3, -0.4, 0.2, -0.1, 0.05)
SIZES = (5_000, 20_000, 80_000, 200_000, 400_000)


def scale(*arguments: object) -> subprocess.CompletedProcess:
    return warm.command("scale", *map(str, arguments), environment=dict(os.environ))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """points.csv, laws.csv and caps.csv in the working folder."""
    rows = [f"{key},{size},{100 - 70 * (gamma * size) ** -0.12 + error:.2f},comet,{gamma}"
            for key, gamma in (("German", 0.8), ("hin", 0.3))
            for size, error in zip(SIZES, ERRORS, strict=True)]  # fmt: skip
    (tmp_path / "points.csv").write_text("\n".join(["language,pairs,score,metric,gamma", *rows, ""]), encoding="utf-8")
    (tmp_path / "laws.csv").write_text("language,alpha,beta\nde,70,0.12\nhi,80,0.12\n", encoding="utf-8")
    (tmp_path / "caps.csv").write_text("language,pairs\nde,1000000\nhi,60000\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_points_to_laws_to_an_allocation_that_training_takes(files: Path, models: dict[str, Path]) -> None:
    fitted = scale("fit", "points.csv", "-o", "laws")
    assert fitted.returncode == 0, fitted.stderr
    assert "gamma is not identifiable from one language's points" in fitted.stderr
    laws = json.loads((files / "laws" / "laws.json").read_text(encoding="utf-8"))
    assert laws["fit"] == "each language by itself"
    assert "gamma is not identifiable" in laws["notes"][0]
    german = laws["laws"]["de"]
    assert (german["gamma"], german["points"], german["sizes"], german["degrees"]) == (0.8, 5, [5_000, 400_000], 3)
    for name, true in (("alpha", 70), ("beta", 0.12)):
        low, high = german["intervals"][name]
        assert low < german[name] < high
        assert low < true < high
    before = {path.name: path.read_bytes() for path in (files / "laws").iterdir()}
    assert set(before) == {"laws.json", "laws.svg", "laws.png"}
    assert scale("fit", "points.csv", "-o", "laws").stdout == fitted.stdout
    assert {path.name: path.read_bytes() for path in (files / "laws").iterdir()} == before

    done = scale("allocate", "--laws", "laws/laws.json", "--budget", "0.5M", "--caps", "caps.csv", "-o", "plan.toml")
    assert done.returncode == 0, done.stderr
    assert read_allocation(files / "plan.toml", ("de", "hi")) == {"de": 440_000, "hi": 60_000}
    assert "60,000 (reached)" in done.stdout
    assert "de: 440,000 pairs is outside the sizes that its law was fitted to, 5,000 to 400,000" in done.stderr
    assert (files / "plan.svg").is_file()
    assert (files / "plan.png").is_file()

    small = scale("allocate", "--laws", "laws/laws.json", "--budget", "50", "--caps", "caps.csv", "--method", "slsqp",
                  "-o", "data/small.json")  # fmt: skip
    assert small.returncode == 0, small.stderr
    counts = read_allocation(files / "data" / "small.json", ("de", "hi"))
    assert sum(counts.values()) == 50
    (files / "data" / "small.json").rename(files / "small.json")
    for figure in (files / "data").iterdir():
        figure.unlink()
    (files / "data").rmdir()
    recipe = training_recipe.write(files, models["xglm"])
    (files / "small.json").rename(files / "data" / "small.json")
    environment = {**os.environ, "XLING_DATA_DIR": str(files / "data")}
    planned = warm.command("train", str(recipe), "--dry-run", "--set", "data.allocation=small.json",
                           environment=environment)  # fmt: skip
    assert planned.returncode == 0, planned.stderr
    assert f"pairs: {counts['de']} rows" in planned.stdout + planned.stderr


def test_a_shared_law_by_gammas_of_represent(files: Path, models: dict[str, Path]) -> None:
    """gamma from the column, and as `represent` measures it, whose random models and strings are none."""
    shared = scale("fit", "points.csv", "--shared", "-o", "shared")
    assert shared.returncode == 0, shared.stderr
    laws = json.loads((files / "shared" / "laws.json").read_text(encoding="utf-8"))["laws"]
    assert laws["de"]["alpha"] == laws["hi"]["alpha"]
    assert laws["de"]["alpha"] == pytest.approx(70, abs=5)
    measured = warm.command("represent", f"hf:{models['llama']}", "--langs", "de,hi", "--layers", "last", "--data",
                            "sample", "--name", "tiny", "-o", "states", environment=dict(os.environ))  # fmt: skip
    assert measured.returncode == 0, measured.stderr
    (files / "bare.csv").write_text("".join(f"{line.rpartition(',')[0]}\n" for line in
                                            (files / "points.csv").read_text().splitlines()))  # fmt: skip
    refused = scale("fit", "bare.csv", "--shared", "-o", "by_states")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "--shared needs gamma of every language" in refused.stderr
    found = scale("fit", "bare.csv", "--shared", "--represent", "states/alignment.json", "-o", "by_states")
    assert found.returncode == 0, found.stderr
    records = json.loads((files / "states" / "alignment.json").read_text(encoding="utf-8"))["records"]
    gammas = {record["pair"]: record["value"] for record in records
              if (record["measure"], record["model"]) == ("gamma", "tiny")}  # fmt: skip
    laws = json.loads((files / "by_states" / "laws.json").read_text(encoding="utf-8"))["laws"]
    assert {f"en-{key}": law["gamma"] for key, law in laws.items()} == gammas


def test_runs_by_the_sizes_of_their_models(files: Path) -> None:
    """A law of FLORES, and XNLI over sizes; a model of whose training nothing is said is refused."""
    rows = ["model,language,pairs"]
    for number, size in enumerate((5_000, 20_000, 80_000, 320_000)):
        name = f"m{number}"
        better = {f"en-{key}": found + 3 * number for key, found in outcomes(20, ("de", "zh")).items()}
        write_run(files / name, better, benchmark="flores", metric="chrf", model=name, name=name)
        write_run(files / name, outcomes(60, ("de", "zh"), accuracy=0.5 + 0.05 * number), model=name, name=name)
        rows += [f"{name},{key},{size}" for key in ("de", "zh")]
    (files / "pairs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = scale("fit", "m0", "m1", "m2", "m3", "--pairs", "pairs.csv", "-o", "out")
    assert done.returncode == 0, done.stderr
    laws = json.loads((files / "out" / "laws.json").read_text(encoding="utf-8"))
    assert laws["metric"] == "chrf"
    sizes = {key: tuple(law["sizes"]) for key, law in laws["laws"].items()}
    assert sizes == dict.fromkeys(("de", "zh"), (5_000, 320_000))
    drawn = (files / "out" / "benchmarks.svg").read_text(encoding="utf-8")
    assert "XNLI, accuracy (de and zh)" in drawn
    accuracy = scale("fit", "m0", "m1", "m2", "m3", "--pairs", "pairs.csv", "--benchmark", "xnli", "-o", "xnli")
    assert accuracy.returncode == 0, accuracy.stderr
    refused = scale("fit", "other=m0", "m1", "m2", "--pairs", "pairs.csv", "-o", "none")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "--pairs says nothing of other" in refused.stderr


HEAD = "language,pairs,score,metric\n"
GOOD = "de,1000,50,chrf\nde,2000,52,chrf\nde,4000,53,chrf\n"


@pytest.mark.parametrize(("text", "message"), [
    (HEAD + "de,1000,50,chrf\nde,2000,52,chrf\n", "de: 2 points of 2 sizes"),
    (HEAD + "de,0,50,chrf\n" + GOOD, "points.csv, line 2: pairs is '0'; expected a whole number, 1 or more"),
    (HEAD + GOOD + "de,-5,50,chrf\n", "line 5: pairs is '-5'"),
    (HEAD + GOOD + "de,8000,100,chrf\n", "line 5: score is 100; expected percent, below 100"),
    (HEAD + GOOD + "de,8000,nan,chrf\n", "line 5: score is 'nan'; expected a number"),
    (HEAD + GOOD + "Germn,8000,54,chrf\n", "line 5: unknown language 'Germn'. Did you mean 'German'"),
    (HEAD + GOOD + "de,8000,54\n", "line 5: 3 cells, but the first line names 4 columns"),
    (HEAD + GOOD + "de,8000,54,bleu\n", "points of several metrics (chrf, bleu): choose one with --metric"),
    (HEAD.replace("score", "scores") + GOOD, "the column 'score' is missing"),
    (HEAD, "it holds no points"),
    ("", "the column 'language' is missing"),
    (HEAD.strip() + ",gamma\nde,1000,50,chrf,1.5\n", "line 2: gamma is 1.5; expected a number above 0, and 1 at most"),
])  # fmt: skip
def test_points_that_are_refused(files: Path, text: str, message: str) -> None:
    """One line that says where, exit code 2, and nothing written."""
    (files / "points.csv").write_text(text, encoding="utf-8")
    done = scale("fit", "points.csv", "-o", "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert message in done.stderr
    assert not (files / "out").exists()


@pytest.mark.parametrize(("change", "message"), [
    (["--budget", "2M"], "the budget of 2,000,000 pairs is above the 1,060,000 that the caps allow"),
    (["--budget", "lots"], "--budget 'lots': expected a number of pairs above 0"),
    (["--caps", "laws.csv"], "the column 'pairs' is missing"),
    (["--caps", "nowhere.csv"], "no such file"),
    (["--laws", "points.csv"], "the column 'alpha' is missing"),
    (["--laws", "caps.toml"], "no such file"),
    (["--method", "sqslp"], "Did you mean 'slsqp'?"),
    (["-o", "plan.txt"], "expected a name that ends in .toml or .json"),
])  # fmt: skip
def test_allocations_that_are_refused(files: Path, change: list[str], message: str) -> None:
    options = {"--laws": "laws.csv", "--budget": "1000", "--caps": "caps.csv", "-o": "plan.toml"}
    options[change[0]] = change[1]
    done = scale("allocate", *(word for pair in options.items() for word in pair))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert message in done.stderr
    assert not list(files.glob("plan*"))
