"""LoRA and DoRA: what is trained, what a checkpoint holds, and that the merged model is the base with its adapter."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
import training_recipe
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from xling_bench.cli.main import main

pytestmark = pytest.mark.e2e
THERE = "linear layers there are: k_proj, v_proj, q_proj, out_proj, fc1, fc2"
SETTINGS = ("adapter.kind=dora", "adapter.rank=4", "adapter.dropout=0.1", "run.keep_optimizer=true")
ADAPTER = [part for setting in SETTINGS for part in ("--set", setting)]


@pytest.fixture(scope="module")
def trained(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(recipe, folder) of a finished run with DoRA of XGLM, whose embeddings are tied."""
    folder = tmp_path_factory.mktemp("adapted")
    recipe = training_recipe.write(folder, models["xglm"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLING_DATA_DIR", str(folder / "data"))
        assert main(["train", str(recipe), "-o", str(folder / "run"), *ADAPTER]) == 0
    return recipe, folder / "run"


def test_a_checkpoint_holds_the_adapter_only_and_the_model_is_the_bases_form(trained, models) -> None:
    _, run = trained
    assert not list(run.glob("checkpoint-*/model*.safetensors"))
    for folder in (run / "adapter", *run.glob("checkpoint-*")):
        names = load_file(folder / "adapter_model.safetensors")
        assert all(any(f".lora_{part}" in name for part in ("A", "B", "magnitude_vector")) for name in names)
        assert not (folder / "README.md").exists()
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        assert config["base_model_name_or_path"] == models["xglm"].name, "no path of this machine"
    assert not any("lm_head" in name or "embed" in name for name in names)
    base, model = (load_file(path / "model.safetensors") for path in (models["xglm"], run / "model"))
    assert {name: value.shape for name, value in base.items()} == {name: value.shape for name, value in model.items()}
    changed = {name for name in base if not torch.equal(base[name], model[name])}
    assert changed
    assert all(name.endswith("proj.weight") or ".fc" in name for name in changed)
    first = [name for name in changed if "layers.0." in name]
    assert first, "the contrastive loss at layer 1 has parameters to learn"


def test_the_merged_model_is_the_base_with_its_adapter(trained, models) -> None:
    from peft import PeftModel

    _, run = trained
    merged = AutoModelForCausalLM.from_pretrained(run / "model").eval()
    base = AutoModelForCausalLM.from_pretrained(models["xglm"], dtype=torch.float32)
    beside = PeftModel.from_pretrained(base, run / "adapter").eval()
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        torch.testing.assert_close(merged(ids).logits, beside(ids).logits, rtol=1e-4, atol=1e-4)


def test_a_run_that_was_killed_ends_in_the_same_bytes(trained, tmp_path: Path, monkeypatch) -> None:
    recipe, run = trained
    monkeypatch.setenv("XLING_DATA_DIR", str(recipe.parent / "data"))
    again = tmp_path / "again"
    shutil.copytree(run, again)
    for name in ("model", "adapter", "checkpoint-12"):
        shutil.rmtree(again / name)
    assert main(["train", str(recipe), "-o", str(again), *ADAPTER]) == 0
    weights = "adapter_model.safetensors"
    for name in (f"adapter/{weights}", f"checkpoint-12/{weights}", "model/model.safetensors",
                 "model/xling_training.json", "log.jsonl"):  # fmt: skip
        assert (again / name).read_bytes() == (run / name).read_bytes(), name


def test_both_weights_and_adapter_evaluate(trained, models, tmp_path: Path, capsys) -> None:
    _, run = trained
    few = ["--tasks", "xling_xnli_de", "--shots", "0", "--limit", "4", "--data", "sample"]
    assert main(["run", "--model", f"hf:{run / 'model'}", *few, "-o", str(tmp_path / "merged")]) == 0
    assert main(["run", "--model", f"hf:{models['xglm']}", "--peft", str(run / "adapter"), *few, "-o",
                 str(tmp_path / "beside")]) == 0  # fmt: skip
    scores = [
        [json.loads(line) for path in (tmp_path / name).rglob("samples.jsonl") for line in path.open(encoding="utf-8")]
        for name in ("merged", "beside")
    ]
    assert scores[0]
    assert [row.get("choice") for row in scores[0]] == [row.get("choice") for row in scores[1]]
    twice = ["--model", f"hf:{run / 'model'}", "--peft", str(run / "adapter"), *few, "-o", str(tmp_path / "twice")]
    assert main(["run", *twice]) == 2
    assert "the adapter is merged in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["adapter.kind=lora", 'adapter.targets=["lm_head"]'], "lm_head is the model's output layer.*" + THERE),
        (["adapter.kind=lora", 'adapter.targets=["query"]'], "no linear layer 'query'; " + THERE),
        (["adapter.kind=lora", "model.untie=true"], "model.untie: an adapter trains no output layer"),
        (["adapter.kind=lora", "adapter.targets=[]"], "adapter.targets: no layer is named"),
        (["adapter.kind=qlora"], "adapter.kind: .*'lora'"),
        (["adapter.kind=lora", "adapter.rank=0"], "adapter.rank"),
    ],
)
def test_an_adapter_that_cannot_be_is_one_error(trained, tmp_path, capsys, monkeypatch, settings, message) -> None:
    recipe, _ = trained
    monkeypatch.setenv("XLING_DATA_DIR", str(recipe.parent / "data"))
    given = [part for setting in settings for part in ("--set", setting)]
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path))  # without data: nothing is read
    assert main(["train", str(recipe), "--dry-run", "--json", *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert re.search(message, line), line


def test_frozen_weights_may_be_bfloat16(trained, tmp_path: Path, monkeypatch, capsys) -> None:
    recipe, _ = trained
    monkeypatch.setenv("XLING_DATA_DIR", str(recipe.parent / "data"))
    few = ["--set", "adapter.kind=lora", "--set", "adapter.frozen=bfloat16", "--set", "run.steps=2"]
    assert main(["train", str(recipe), "-o", str(tmp_path / "x"), *few]) == 0
    assert "LoRA of rank 16, alpha 32, in all linear layers" in capsys.readouterr().err
    weights = load_file(tmp_path / "x" / "model" / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float32}
    learnt = load_file(tmp_path / "x" / "adapter" / "adapter_model.safetensors")
    assert {value.dtype for value in learnt.values()} == {torch.float32}
