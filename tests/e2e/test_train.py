"""`xling-bench train` from a user's seat: plan, train, kill, go on, score what came out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xling_bench.cli.main import main

pytestmark = pytest.mark.e2e
ROWS = 120
RECIPE = """
[model]
path = "{model}"

[data]
languages = ["en", "de"]
decontaminate = []
reverse = 0.5

[[data.pairs]]
kind = "moses"
files = {{ en = "pairs.en", de = "pairs.de" }}

[[data.instructions]]
kind = "alpaca"
files = {{ en = "tasks.en.json", de = "tasks.de.json" }}

[run]
steps = 12
pairs = 4
instructions = 3
lr = 1e-3
save_every = 4
log_every = 1
"""


@pytest.fixture
def recipe(models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe of everything, and its data."""
    data = tmp_path / "data"
    data.mkdir()
    for language, word in (("en", "The dog barks"), ("de", "Der Hund bellt")):
        (data / f"pairs.{language}").write_text("".join(f"{word} {i}.\n" for i in range(ROWS)), encoding="utf-8")
        tasks = [{"instruction": f"{word}? {i}", "input": "", "output": f"{word}! {i}"} for i in range(ROWS)]
        (data / f"tasks.{language}.json").write_text(json.dumps(tasks), encoding="utf-8")
    monkeypatch.setenv("XLING_DATA_DIR", str(data))
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.format(model=models["xglm"]), encoding="utf-8")
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "xling_bench", "train", *map(str, arguments)]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_killed_twice_ends_in_the_same_bytes(recipe: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(recipe, "-o", whole), check=True, capture_output=True, timeout=300)
    for step in (4, 8):
        process = subprocess.Popen(command(recipe, "-o", killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 200
        while not (killed / f"checkpoint-{step}").is_dir() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert (killed / f"checkpoint-{step}").is_dir()
    done = subprocess.run(command(recipe, "-o", killed), check=True, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == str(killed / "model")
    assert content(killed / "model") == content(whole / "model")
    assert (killed / "log.jsonl").read_bytes() == (whole / "log.jsonl").read_bytes()
    facts = json.loads((whole / "run.json").read_text(encoding="utf-8"))
    assert facts["recipe"]["run"]["steps"] == 12
    assert facts["objective"]["instruction_weight"] == 1.5
    assert {"torch", "transformers"} < facts["versions"].keys()


def test_the_model_is_loaded_and_scored_unchanged(recipe: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    out = tmp_path / "out"
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=2"]) == 0
    monkeypatch.setenv("XLING_DATA", "sample")
    monkeypatch.delenv("XLING_DATA_DIR")
    values = {}
    for backend in ("hf", "lm-eval-hf"):
        run = tmp_path / backend
        arguments = ["--model", f"{backend}:{out / 'model'}", "--tasks", "xling_xnli_en,xling_xcopa_sw", "-o", str(run)]
        assert main(["run", *arguments]) == 0
        found = sorted(run.glob("*/*/samples.jsonl"))
        values[backend] = [
            [float(response[0]) for response in json.loads(line)["filtered_resps"]]
            for path in found
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
    assert len(values["hf"]) == len(values["lm-eval-hf"]) > 10
    for ours, theirs in zip(values["hf"], values["lm-eval-hf"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-3)


WRONG = [
    ("run.stepz=3", "run.stepz: there is no such key. Did you mean 'steps'"),
    ("runs.steps=3", "Did you mean 'run'"),
    ("data.langs=[]", "data.langs: there is no such key. Did you mean 'languages'"),
    ("method.layer=3", "layers 1 to 2; there is no layer 3"),
    ("run.length=4096", "run.length: the model has 2048 positions, got 4096"),
    ("run.pair_length=4096", "run.pair_length: the model has 2048 positions"),
    ("model.path=./nowhere", "model folder ./nowhere does not exist"),
    ("steps", "expected PART.KEY=VALUE"),
    ("run.steps=true", "run.steps: Input should be a valid integer, got true"),
    ("run.steps=2.5", "run.steps: Input should be a valid integer, got 2.5"),
    ("run.steps=2\npairs = 3", "one value each"),
    ("run.lr=inf", "run.lr: Input should be a finite number"),
    ("method.mode=papre", "Input should be 'code' or 'paper', got \"papre\""),
    ("evaluate.tasks=xling_xnli", "evaluate.tasks: expected a list"),
]


@pytest.mark.parametrize(("setting", "said"), WRONG)
def test_what_is_wrong_is_said_before_anything_is_read(recipe: Path, tmp_path: Path, capsys, setting, said) -> None:
    """A dry run says the same, with data that could not be read in any case."""
    (tmp_path / "data" / "pairs.de").unlink()
    assert main(["train", str(recipe), "-o", str(tmp_path / "out"), "--set", setting]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert main(["train", str(recipe), "--dry-run", "--set", setting]) == 2
    assert capsys.readouterr().err == error
    assert not (tmp_path / "out").exists()


def test_recipes_that_are_none(recipe: Path, tmp_path: Path, capsys) -> None:
    def refused(*arguments: str) -> str:
        assert main(["train", *arguments]) == 2
        return capsys.readouterr().err

    out = str(tmp_path / "out")
    (binary := tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    assert "give -o DIR" in refused(str(recipe))
    assert "Did you mean 'afp'" in refused("xglm-564m/en-zh/apf", "-o", out)
    assert "expected MODEL/DATA/METHOD" in refused("xglm-564m", "-o", out)
    assert "does not exist" in refused("nothing.toml", "-o", out)
    assert "not valid TOML" in refused(str(binary), "-o", out)
    nothing = ("--set", "method.contrastive_weight=0", "--set", "method.instruction_weight=0")
    assert "both 0" in refused(str(recipe), "-o", out, *nothing)


def test_another_recipe_in_the_same_folder_is_refused(recipe: Path, tmp_path: Path, capsys) -> None:
    out = str(tmp_path / "out")
    assert main(["train", str(recipe), "-o", out, "--set", "run.steps=2"]) == 0
    capsys.readouterr()
    assert main(["train", str(recipe), "-o", out, "--set", "run.steps=3"]) == 2
    assert "another recipe.run.steps (2, now 3)" in capsys.readouterr().err
    assert main(["train", str(recipe), "-o", out, "--set", "run.steps=2"]) == 0, "a finished run is left as it is"


def test_the_base_model_and_the_recipe_may_move(recipe: Path, models, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".xling-tmp-1-run.json").write_text("{", encoding="utf-8")  # all that a run killed at once has left
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=2"]) == 0
    shutil.rmtree(out / "model")
    shutil.copytree(models["xglm"], tmp_path / "moved")
    renamed = recipe.rename(tmp_path / "renamed.toml")
    again = ["train", str(renamed), "-o", str(out), "--set", "run.steps=2", "--set"]
    assert main([*again, f"model.path={tmp_path / 'moved'}"]) == 0
    assert (out / "model").is_dir()
    capsys.readouterr()
    assert main([*again, f"model.path={models['llama']}"]) == 2
    assert "another model" in capsys.readouterr().err


def test_a_dry_run_says_what_would_be_done(recipe: Path, capsys) -> None:
    recipe.write_text('title = "For readers"\n' + recipe.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["train", str(recipe), "--dry-run"]) == 0
    out, err = capsys.readouterr()
    plan = json.loads(out)
    assert (plan["pairs"], plan["instructions"]) == (48, 36)
    assert plan["epochs"] == {"pairs": 48 / ROWS, "instructions": 36 / (2 * ROWS)}
    assert plan["recipe"]["method"]["mode"] == "code"
    assert plan["objective"]["pooling"] == "last"
    assert plan["model"]["layers"] == 2
    assert "layer 1 of 2, pooling last" in err
    assert "data: pairs / instructions by language: en 120 / 120, de 120 / 120" in err
    assert "12 updates: 48 pairs (each row 0.4 times), 36 instructions (each row 0.15 times)" in err
    assert "The dog barks" in err
    assert main(["train", str(recipe), "--dry-run", "--set", "method.contrastive_weight=0"]) == 0
    out, err = capsys.readouterr()
    plan = json.loads(out)
    assert (plan["pairs"], plan["instructions"]) == (0, 36), "what has no weight is not drawn"
    assert "contrastive" not in err
    assert "first pair" not in err


def test_all_named_recipes_fit_together(capsys) -> None:
    from xling_bench.training.recipe import named, resolve

    parts = named()
    for model in parts["model"]:
        for data in parts["data"]:
            for method in parts["method"]:
                recipe = resolve(f"{model}/{data}/{method}", ["run.steps=1"])
                assert recipe.run.steps == 1
    assert resolve("xglm-564m/en-zh/mit").data.p_src == 1.0
    assert resolve("xglm-564m/en-zh/cif").method.objective()["contrastive_weight"] == 0
    assert main(["train", "list"]) == 0
    assert "52-languages" in capsys.readouterr().out


def test_early_evaluation_is_the_runners_on_the_development_split(recipe: Path, tmp_path: Path, monkeypatch) -> None:
    """The same accuracy as `run --split dev` gives the same model; a task without such a split is refused."""
    monkeypatch.setenv("XLING_DATA", "sample")
    out = tmp_path / "out"
    tasks = '["xling_xnli_en", "xling_pawsx_de"]'
    settings = ["run.steps=4", "evaluate.every=2", f"evaluate.tasks={tasks}"]
    arguments = [part for setting in settings for part in ("--set", setting)]
    assert main(["train", str(recipe), "-o", str(out), *arguments]) == 0
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    evaluated = [line for line in lines if "dev/mean" in line]
    assert [line["step"] for line in evaluated] == [2, 4]
    run = tmp_path / "run"
    names = "xling_xnli_en,xling_pawsx_de"
    assert main(["run", "--model", f"hf:{out / 'model'}", "--tasks", names, "--split", "dev", "-o", str(run)]) == 0
    for path in run.glob("*/*/results.json"):
        (result,) = json.loads(path.read_text(encoding="utf-8"))["results"].items()
        assert evaluated[-1][f"dev/{result[0]}"] == result[1]["acc,none"]
    more = ["--set", "evaluate.every=2", "--set", 'evaluate.tasks=["xling_xwinograd_en"]']
    assert main(["train", str(recipe), "-o", str(tmp_path / "other"), *more]) == 2


@pytest.mark.parametrize(
    ("name", "content"), [("optimizer.pt", b"no tensors"), ("rng_state.pth", b""), ("scheduler.pt", None)]
)
def test_a_damaged_checkpoint_is_one_error(
    recipe: Path, tmp_path: Path, capsys, name: str, content: bytes | None
) -> None:
    out = tmp_path / "out"
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=6"]) == 0
    shutil.rmtree(out / "model")
    (last,) = (path for path in out.glob("checkpoint-*") if path.name == "checkpoint-6")
    shutil.rmtree(last)
    damaged = out / "checkpoint-4" / name
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(content)
    capsys.readouterr()
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=6"]) == 2
    error = capsys.readouterr().err
    assert "checkpoint-4" in error
    assert "Delete the folder" in error
    assert "Traceback" not in error
