"""FSDP2 on two processes on CPUs: it learns what one process does, and what it saves is whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import training_recipe
from safetensors.torch import load_file

from xling_bench.cli.main import main

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
DRIVER = Path(__file__).parents[1] / "sharded_on_cpu.py"
SETTINGS = ["run.pairs=4", "run.instructions=4", "run.steps=6", "run.save_every=3", "run.keep_optimizer=true"]


def sharded(recipe: Path, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    given = [part for setting in (*SETTINGS, *more) for part in ("--set", setting)]
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *several, str(DRIVER), "train", str(recipe), "-o", str(folder), *given]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ["xglm", "llama"])
def test_shards_learn_what_one_process_does(models, tmp_path: Path, monkeypatch, name: str) -> None:
    """Losses and gradients' norms, negatives of both processes with their gradients, weights; tied and untied; and a
    run that goes on from a checkpoint ends in the same bytes."""
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path / "data"))
    recipe, one, two = training_recipe.write(tmp_path, models[name]), tmp_path / "one", tmp_path / "two"
    done = sharded(recipe, two, "method.pooling=mean")
    assert done.returncode == 0, done.stderr[-3000:]
    given = [part for setting in (*SETTINGS, "method.pooling=mean") for part in ("--set", setting)]
    assert main(["train", str(recipe), "-o", str(one), *given]) == 0
    assert len(log(two)) == 6
    for alone, shared in zip(log(one), log(two), strict=True):
        for key in ("contrastive", "instruction", "loss", "grad_norm"):
            assert shared[key] == pytest.approx(alone[key], rel=1e-4), key
    want, got = (load_file(folder / "model" / "model.safetensors") for folder in (one, two))
    assert want.keys() == got.keys()
    for key, value in want.items():
        torch.testing.assert_close(got[key], value, rtol=1e-3, atol=1e-4, msg=key)
    stopped = tmp_path / "stopped"
    shutil.copytree(two, stopped)
    for gone in ("model", "checkpoint-6"):
        shutil.rmtree(stopped / gone)
    again = sharded(recipe, stopped, "method.pooling=mean")
    assert again.returncode == 0, again.stderr[-3000:]
    weights = "model/model.safetensors"
    assert (stopped / weights).read_bytes() == (two / weights).read_bytes()
    assert log(stopped) == log(two)
