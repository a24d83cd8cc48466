"""Losses with a queue, a base or negatives of their own: two processes learn what one does from the same pairs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import training_recipe

from xling_bench.cli.main import main

pytestmark = pytest.mark.slow
EXACT = ("momentum", "labse", "distillation", "xeroalign", "transport", "kl_to_base", "l2_to_base", "word_alignment")
SETTINGS = ("word_alignment_aligner=argmax", "word_alignment_by=distance")


def test_two_processes_have_ones_losses(models: dict[str, Path], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path / "data"))
    recipe = training_recipe.write(tmp_path, models["llama"])
    weights = [part for loss in EXACT for part in ("--set", f"method.{loss}_weight=1")]
    weights += [part for setting in SETTINGS for part in ("--set", f"method.{setting}")]
    arguments = ["train", str(recipe), "--set", "run.steps=4", "--set", "run.instructions=4", *weights]
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "xling_bench"]
    command = [sys.executable, *several, *arguments, "-o", str(tmp_path / "two")]
    subprocess.run(command, check=True, capture_output=True, timeout=500)
    assert main([*arguments, "-o", str(tmp_path / "one")]) == 0
    logs = [(tmp_path / name / "log.jsonl").read_text(encoding="utf-8").splitlines() for name in ("one", "two")]
    assert len(logs[0]) == 4
    for alone, shared in zip(*(map(json.loads, lines) for lines in logs), strict=True):
        for loss in EXACT:
            assert shared[loss] == pytest.approx(alone[loss], rel=1e-3, abs=1e-7), loss
