"""Which model `xling-bench train` takes, with which settings, and what it will need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from xling_bench.cli.main import main
from xling_bench.core.errors import UsageError
from xling_bench.training import needs
from xling_bench.training.recipe import named, resolve

pytestmark = pytest.mark.e2e


def test_any_model_is_named_by_an_option(recipe: Path, models: dict[str, Path], tmp_path: Path, capsys) -> None:
    """It takes the place of the recipe's, with neutral settings, or its file's; a mistyped name is not a hub's."""
    assert main(["train", "--model", str(models["llama"]), str(recipe), "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    part = json.loads(out)["recipe"]["model"]
    assert (part["path"], part["precision"]) == (str(models["llama"]), "float32"), "there is no GPU here"
    assert f"model: {models['llama']} (llama), computed in float32\nlearns: " in err
    assert main(["train", "--model", "xglm-565m", str(recipe), "--dry-run", "--json"]) == 2
    assert "nor a file in training/models/. Did you mean 'xglm-564m'" in capsys.readouterr().err
    for text in ("open-en-zh/afp", "xglm-564m/open-en-zh/afp"):
        found = resolve(text, model="me/mine")
        assert (found.model.path, found.model.precision, found.method.mode) == ("me/mine", "auto", "plain")
        assert resolve(text, model="gemma-3-270m").model.path == "google/gemma-3-270m"
    with pytest.raises(UsageError, match="DATA/METHOD with --model"):
        resolve("open-en-zh/afp")
    assert {"auto", "pythia-6.9b", "gemma-3-4b", "qwen-3-8b", "smollm2-360m"} <= named()["model"].keys()


def test_what_a_model_inherits_from_another_is_said(recipe: Path, models, capsys) -> None:
    """--set model.path keeps the named model's precision; giving one, or --model, does not."""
    recipe.write_text(f'model = "xglm-564m"\n{recipe.read_text(encoding="utf-8")}'.replace("[model]", "[nothing]"))
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text("\n".join(line for line in text.splitlines() if not line.startswith(("[nothing]", "path ="))))
    own = ["--set", f"model.path={models['llama']}"]
    assert main(["train", str(recipe), "--dry-run", "--json", *own]) == 0
    out, err = capsys.readouterr()
    assert "computed in bfloat16, as xglm-564m's file says (--model PATH inherits nothing)" in err
    assert json.loads(out)["recipe"]["inherits"] == "xglm-564m"
    assert main(["train", str(recipe), "--dry-run", "--json", *own, "--set", "model.precision=float32"]) == 0
    assert "inherits nothing" not in capsys.readouterr().err


def test_what_is_needed_is_counted_and_compared(recipe: Path, models, tmp_path: Path, capsys, monkeypatch) -> None:
    """Parameters as the weights' files have them; too little memory or disk is a warning, and no error."""
    from safetensors.torch import load_file

    many = sum(tensor.numel() for tensor in load_file(models["xglm"] / "model.safetensors").values())
    arguments = ["train", str(recipe), "--dry-run", "--json", "-o", str(tmp_path / "out")]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)["needs"]
    memory = told["memory"]
    assert told["parameters"] == many
    assert [memory[part] // many for part in ("weights", "gradients", "optimizer", "casts")] == [4, 4, 8, 0]
    beside = {(): 0, ("kl_to_base", "l2_to_base", "distillation"): 1}
    for losses, models_ in beside.items():
        more = [part for loss in losses for part in ("--set", f"method.{loss}_weight=1")]
        assert main([*arguments, *more]) == 0
        assert sum(json.loads(capsys.readouterr().out)["needs"]["memory"]["beside"].values()) == 4 * many * models_
    tensors = load_file(models["xglm"] / "model.safetensors")
    lower = sum(tensor.numel() for name, tensor in tensors.items() if "layers.1." not in name)  # tied: no output layer
    assert main([*arguments, "--set", "method.momentum_weight=1"]) == 0
    assert f"{4 * lower / 1e9:.3g} GB of it for a copy of layers 1 to 1 (momentum)" in capsys.readouterr().err
    assert told["disk"]["checkpoint"] == 12 * many
    assert (memory["there"] > 0, told["disk"]["there"] > 0) == (True, True)
    assert not {"MEMORY", "DISK"} & set(err.replace(":", " ").split())
    monkeypatch.setattr(needs, "_memory", lambda: ("the GPU", 16 * many - 1))
    monkeypatch.setattr(needs, "_free", lambda _: 0)
    assert main([*arguments, "--set", "model.untie=true"]) == 0
    out, err = capsys.readouterr()
    assert "MEMORY: this does not fit: the GPU has" in err
    assert "DISK: 0 GB are free there" in err
    embeddings = load_file(models["xglm"] / "model.safetensors")["model.embed_tokens.weight"].numel()
    assert json.loads(out)["needs"]["parameters"] == many + embeddings
    monkeypatch.setattr(needs, "_memory", lambda: ("main memory", 16 * many + 1))
    assert main(arguments) == 0
    assert "MEMORY: this may not fit: main memory has" in capsys.readouterr().err


def test_a_warm_up_of_the_whole_run_is_said(recipe: Path, capsys) -> None:
    """One update under warm-up has learning rate 0: its model is the base."""
    first = "the first update has learning rate 0 (warm-up of 1 update)"
    for settings, said, warned in (
        (("run.steps=12",), first, []),
        (("run.steps=1",), first, ["NOTHING IS LEARNT"]),
        (("run.steps=1", "run.warmup=0"), "schedule cosine\n", []),
        (("run.steps=1", "run.schedule=constant"), "schedule constant\n", []),
        (("run.steps=3", "run.warmup=0.9"), "(warm-up of 3 updates)", ["WARM-UP: it lasts the whole run"]),
        (("run.steps=3", "run.schedule=log_warmup"), "the second update has learning rate 0", []),
    ):
        assert main(["train", str(recipe), "--dry-run", *(x for each in settings for x in ("--set", each))]) == 0
        error = capsys.readouterr().out
        assert said in error
        assert [each for each in ("NOTHING IS LEARNT", "WARM-UP: it lasts the whole run") if each in error] == warned


def test_an_adapter_needs_less(recipe: Path) -> None:
    """Of gradients, optimiser and checkpoints its own; of weights all, half as much where they are kept in 16 bit."""
    pytest.importorskip("peft")

    def of(*settings: str) -> needs.Needs:
        return needs.needs_of(resolve(str(recipe), settings), None, processes=1, trust_remote_code=False)

    whole, small = of(), of("adapter.kind=lora")
    half = of("adapter.kind=dora", "adapter.frozen=bfloat16")
    assert small["reason"] == half["reason"] == ""
    assert 0 < small["trained"] < 0.5 * whole["trained"] == 0.5 * whole["parameters"]
    assert small["memory"]["optimizer"] == 8 * small["trained"]
    assert half["memory"]["weights"] < 0.7 * small["memory"]["weights"]


def test_activations_grow_with_what_goes_through_at_once(recipe: Path) -> None:
    """And shrink with parts and with layers that are run again."""

    def rough(*settings: str) -> int:
        found = needs.needs_of(resolve(str(recipe), settings), None, processes=1, trust_remote_code=False)["memory"]
        assert found is not None
        return found["activations"]

    whole = rough("run.instructions=4")
    assert rough("run.instructions=8", "run.pairs=8") > whole
    assert rough("run.instructions=4", "run.parts=2") < whole
    assert rough("run.instructions=4", "model.gradient_checkpointing=true") < whole


def test_auto_is_resolved_before_it_is_recorded(recipe: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """By what the device can; the run is then one in that precision."""
    arguments = ["train", str(recipe), "--dry-run", "--json", "--set", "model.precision=auto"]
    for has, precision in ((True, "bfloat16"), (False, "float32")):
        with monkeypatch.context() as patch:
            patch.setattr(torch.cuda, "is_available", lambda has=has: has)
            patch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
            patch.setattr(needs, "_memory", lambda: ("the GPU", None))
            assert main(arguments) == 0
        assert json.loads(capsys.readouterr().out)["recipe"]["model"]["precision"] == precision
