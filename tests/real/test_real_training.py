"""Methods take two updates of SmolLM2 135M on real texts, and `run` and lm-eval score the checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from learning import recipe_text, write
from weights import SMOLLM2, build

from xling_bench.cli.main import main
from xling_bench.training.recipe import named

pytestmark = pytest.mark.real
SMALL = {"steps": 2, "pairs": 3, "instructions": 2, "pair_length": 32, "length": 256, "save_every": 2, "log_every": 1}
FEW = {"afp": ("adapter.kind=lora",), "commit": (), "infoxlm": (), "msbert": (), "cao": ()}  # each tries other code
METHODS = [
    pytest.param(method, settings, id=method, marks=() if method in FEW else pytest.mark.slow)
    for method, settings in {**dict.fromkeys(sorted(named()["method"]), ()), **FEW}.items()
]
SCORED = ["--tasks", "xling_xcopa_sw", "--limit", "4", "--shots", "0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Path:
    """200 real pairs and tasks in English and Chinese, and a dictionary."""
    try:
        build(SMOLLM2)
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    found = tmp_path_factory.mktemp("methods")
    write(found / "data", data_folder)
    return found


@pytest.mark.parametrize(("method", "settings"), METHODS)
def test_a_method_takes_updates_and_its_checkpoint_is_scored(
    folder: Path, tmp_path: Path, method: str, settings: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLING_DATA_DIR", str(folder / "data"))
    recipe, out = tmp_path / f"{method}.toml", tmp_path / "out"
    recipe.write_text(recipe_text(method, SMOLLM2.folder), encoding="utf-8")
    settings = (*settings, *(f"run.{key}={value}" for key, value in SMALL.items()))
    assert main(["train", str(recipe), "-o", str(out), *(part for each in settings for part in ("--set", each))]) == 0
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    record = json.loads((out / "model" / "xling_training.json").read_text(encoding="utf-8"))
    learnt = record["trainings"][-1]["learnt"]
    assert learnt["updates"] == 2
    assert learnt["pair_tokens"] + learnt["instruction_tokens"] > 0
    monkeypatch.setenv("XLING_DATA", "sample")
    monkeypatch.delenv("XLING_DATA_DIR")
    values = {}
    for backend in ("hf", "lm-eval-hf"):
        run = tmp_path / backend
        assert main(["run", "--model", f"{backend}:{out / 'model'}", *SCORED, "-o", str(run)]) == 0
        values[backend] = [
            [float(response[0]) for response in json.loads(line)["filtered_resps"]]
            for path in sorted(run.glob("*/*/samples.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
    assert len(values["hf"]) == 4
    for ours, theirs in zip(values["hf"], values["lm-eval-hf"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-2)
