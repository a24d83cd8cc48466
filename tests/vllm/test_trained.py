"""vLLM takes what `train` writes, and gives the numbers that transformers gives of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from programs import samples
from ways import DEVICE, RANKED, ours, sums

sys.path.insert(0, str(Path(__file__).parents[1] / "real"))
from learning import recipe_text, write
from weights import SMOLLM2

from xling_bench.cli.main import main

pytestmark = [pytest.mark.vllm, pytest.mark.data]
SMALL = {"steps": 2, "pairs": 3, "instructions": 2, "pair_length": 32, "length": 256, "lr": 1e-3, "warmup": 0}


@pytest.fixture(scope="module")
def smollm2() -> Path:
    """The folder of SmolLM2 135M in float32; `make test-real` makes it."""
    if not (SMOLLM2.folder / "built.txt").is_file():
        pytest.fail(f"{SMOLLM2.folder} is not there: run tests/real/weights.py (`make test-real`)", pytrace=False)
    return SMOLLM2.folder


def train(method: str, base: Path, files: Path, root: Path, *settings: str) -> Path:
    write(root / "data", files)
    recipe = root / "recipe.toml"
    recipe.write_text(recipe_text(method, base), encoding="utf-8")
    every = (*settings, *(f"run.{key}={value}" for key, value in SMALL.items()))
    sets = [part for each in every for part in ("--set", each)]
    assert main(["train", str(recipe), "--data-dir", str(root / "data"), "-o", str(root / "out"), *sets]) == 0
    return root / "out" / "model"


def by_transformers(model: Path, files: Path, output: Path) -> dict[Any, list[float]]:
    named = ["--tasks", ",".join(RANKED), "--limit", "2", "--dtype", "float32", "--device", DEVICE]
    assert main(["run", "--model", f"hf:{model}", *named, "--data-dir", str(files), "-o", str(output)]) == 0
    return sums(samples(output))


def by_both(trained: Path, files: Path, root: Path) -> dict[Any, list[float]]:
    """What `run` gives by transformers, which vLLM gives, too."""
    mine = by_transformers(trained, files, root / "hf")
    ours(f"vllm:{trained}", root / "vllm", files, "--max-length", 1024, "--likelihood", "vllm", tasks=RANKED, items=2)
    theirs = sums(samples(root / "vllm"))
    assert mine.keys() == theirs.keys() != set()
    for key, values in mine.items():
        assert values == pytest.approx(theirs[key], abs=1e-3, rel=1e-5), key
    return mine


def test_a_real_model_with_a_merged_adapter(smollm2: Path, files: Path, tmp_path: Path) -> None:
    trained = train("afp", smollm2, files, tmp_path, "adapter.kind=lora")
    learnt = by_both(trained, files, tmp_path)
    for key, values in by_transformers(smollm2, files, tmp_path / "base").items():
        assert learnt[key] != pytest.approx(values, abs=0.02), "what was trained is what was scored"


def test_an_output_layer_of_its_own(wide: dict[str, Path], files: Path, tmp_path: Path) -> None:
    """AFP's code parts the output layer from the embeddings (`mode = "code"`)."""
    by_both(train("afp", wide["llama"], files, tmp_path, 'method.mode="code"'), files, tmp_path)
