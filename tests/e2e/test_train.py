"""`xling-bench train` from a user's seat: plan, train, kill, go on, score what came out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pytest
from safetensors.torch import load_file
from training_recipe import ROWS
from transformers import AutoTokenizer

from xling_bench.cli.main import main
from xling_bench.core.errors import DeclarationError

pytestmark = pytest.mark.e2e


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "xling_bench", "train", *map(str, arguments)]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("kills", [(4,), pytest.param((4, 8), marks=pytest.mark.slow)], ids=["once", "twice"])
def test_a_run_that_is_killed_ends_in_the_same_bytes(recipe: Path, tmp_path: Path, capsys, kills) -> None:
    """Killed in a process of its own; what is whole, and what goes on last, needs none."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main(["train", str(recipe), "-o", str(whole)]) == 0
    for step in kills:
        process = subprocess.Popen(command(recipe, "-o", killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 200
        while not (killed / f"checkpoint-{step}").is_dir() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert (killed / f"checkpoint-{step}").is_dir()
    capsys.readouterr()
    assert main(["train", str(recipe), "-o", str(killed)]) == 0
    assert capsys.readouterr().out.strip() == str(killed / "model")
    assert content(killed / "model") == content(whole / "model")
    assert (killed / "log.jsonl").read_bytes() == (whole / "log.jsonl").read_bytes()
    facts = json.loads((whole / "run.json").read_text(encoding="utf-8"))
    assert facts["recipe"]["run"]["steps"] == 12
    assert facts["objective"]["instruction_weight"] == 1.5
    assert {"torch", "transformers"} < facts["versions"].keys()


@pytest.mark.parametrize("name", ["xglm", "bloom", "llama"])
def test_the_model_has_its_bases_form(recipe: Path, models: dict[str, Path], tmp_path: Path, name: str) -> None:
    """The same tensors, shapes and configuration, so that what loads the base loads it."""
    base, out = models[name], tmp_path / "out"
    settings = ["--set", "run.steps=1", "--set", f"model.path={base}"]
    assert main(["train", str(recipe), "-o", str(out), *settings]) == 0
    tensors = [load_file(folder / "model.safetensors") for folder in (base, out / "model")]
    shapes = [{name: (each.shape, each.dtype) for name, each in found.items()} for found in tensors]
    assert shapes[0] == shapes[1]
    configs = [json.loads((folder / "config.json").read_text(encoding="utf-8")) for folder in (base, out / "model")]
    assert configs[0] == configs[1]
    trained, started = (AutoTokenizer.from_pretrained(folder) for folder in (out / "model", base))
    assert trained("Der Hund bellt 1.")["input_ids"] == started("Der Hund bellt 1.")["input_ids"]


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


def test_a_run_that_left_nothing_gives_its_folder_to_another(recipe: Path, tmp_path: Path, capsys) -> None:
    """As after a loss that was no number, whose message says to lower run.lr."""
    out = tmp_path / "out"
    arguments = ["train", str(recipe), "-o", str(out), "--set", "run.steps=3"]
    assert main([*arguments, "--set", "run.lr=1e30"]) == 2
    assert "Lower run.lr" in capsys.readouterr().err
    assert main(arguments) == 0
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_what_has_run_already_is_said(recipe: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    out = tmp_path / "out"
    arguments = ["train", str(recipe), "-o", str(out), "--set", "run.steps=5"]
    assert main(arguments) == 0
    assert "goes on" not in capsys.readouterr().err
    assert main(arguments) == 0
    assert "this run has finished" in capsys.readouterr().err
    assert main(["run", "--model", f"hf:{out}", "--tasks", "xling_xnli_en", "-o", str(tmp_path / "run")]) == 2
    assert f"Did you mean {out / 'model'}?" in capsys.readouterr().err
    shutil.rmtree(out / "model")
    free = ["--set", "run.keep=1", "--set", "run.log_every=2"]
    assert main([*arguments, *free]) == 0, "what changes no weight may change"
    assert "goes on from" in capsys.readouterr().err
    shutil.rmtree(out / "model")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(arguments) == 2
    assert "another processes (1, now 2)" in capsys.readouterr().err


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
    assert main(["train", str(recipe), "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    plan = json.loads(out)
    assert (plan["pairs"], plan["instructions"]) == (48, 36)
    assert plan["epochs"] == {"pairs": 48 / ROWS, "instructions": 36 / (2 * ROWS)}
    assert plan["recipe"]["method"]["mode"] == "plain"
    assert plan["objective"]["pooling"] == "last"
    assert plan["model"]["layers"] == 2
    assert "layer 1 of 2, pooling last" in err
    assert "instructions: 240 rows, by language en 120, de 120" in err
    assert "12 updates x 4 pairs = 48: each row 0.4 times" in err
    assert "12 updates x 3 instructions = 36: each row 0.15 times" in err
    assert "The dog barks" in err
    assert main(["train", str(recipe), "--dry-run", "--json", "--set", "method.contrastive_weight=0"]) == 0
    out, err = capsys.readouterr()
    plan = json.loads(out)
    assert (plan["pairs"], plan["instructions"]) == (0, 36), "what has no weight is not drawn"
    assert "contrastive" not in err
    assert "pair" not in err


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["some", "every"])
def test_all_named_recipes_fit_together(capsys, every: bool) -> None:
    from xling_bench.training.recipe import named, resolve

    parts = named()
    alone: dict[str, list[str]] = {}
    for model in parts["model"]:
        assert resolve(f"{model}/open-en-zh/afp", ["run.steps=1"]).run.steps == 1
    # Each of either with one of the other that asks for, or has, everything; data without pairs with all.
    some = [*((data, "afp") for data in parts["data"]), *product(("open-el-hi-th", "commit"), parts["method"])]
    for data, method in product(parts["data"], parts["method"]) if every else some:
        try:
            assert resolve(f"xglm-564m/{data}/{method}", ["run.steps=1"]).run.steps == 1
        except DeclarationError as error:  # data without pairs, for a method that needs some
            alone.setdefault(data, []).append(f"{method}: {error}")
    assert set(alone) == {"commit"}
    assert all("pairs" in said for said in alone["commit"])
    fits = {"commit", "commit-align", "alpaca-en", "cpt", "clm"}
    assert not fits & {said.partition(":")[0] for said in alone["commit"]}
    assert resolve("afp-xglm-564m").run.steps == 10_000
    sources = resolve("xglm-564m/en-zh/mcl").data.pairs
    assert {source.title: (source.reverse, source.translation) for source in sources} == {
        "bactrian/en.json": (0.0, None),
        "opus-100": (0.5, True),
    }, "as AFP's code does"
    assert resolve("xglm-564m/en-zh/mit").data.p_src == 1.0
    assert resolve("xglm-564m/en-zh/cif").method.objective().settings()["contrastive_weight"] == 0
    assert main(["train", "list"]) == 0
    assert "52-languages" in capsys.readouterr().out


def test_early_evaluation_is_the_runners_on_the_development_split(
    recipe: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
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
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4], "an evaluation hides no loss"
    assert not any("epoch" in line for line in lines)
    run = tmp_path / "run"
    names = "xling_xnli_en,xling_pawsx_de"
    assert main(["run", "--model", f"hf:{out / 'model'}", "--tasks", names, "--split", "dev", "-o", str(run)]) == 0
    for path in run.glob("*/*/results.json"):
        (result,) = json.loads(path.read_text(encoding="utf-8"))["results"].items()
        assert evaluated[-1][f"dev/{result[0]}"] == result[1]["acc,none"]
    capsys.readouterr()
    for name, said in (
        ("xling_xwinograd_en", "no development split"),
        ("xling_xlsum_en", "generates text"),
        ("xling_nope", "evaluate.tasks: "),
    ):
        more = ["--set", "evaluate.every=2", "--set", f'evaluate.tasks=["{name}"]']
        assert main(["train", str(recipe), "--dry-run", "--json", *more]) == 2
        assert said in capsys.readouterr().err
    monkeypatch.delenv("XLING_DATA")
    assert main(["train", str(recipe), "--dry-run", "--json", *arguments[2:]]) == 2
    assert "no development split is here" in capsys.readouterr().err
