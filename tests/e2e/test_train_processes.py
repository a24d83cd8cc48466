"""Training on two processes that talk over gloo, and TensorBoard's files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import training_recipe

from xling_bench.cli.main import main

pytestmark = pytest.mark.e2e


@pytest.fixture
def recipe(models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without dropout. Responses have many lengths: a mean of processes' means is not that of all tokens."""
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path / "data"))
    return training_recipe.write(tmp_path, models["llama"])


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def settings(**values: int) -> list[str]:
    return [part for name, value in values.items() for part in ("--set", f"run.{name}={value}")]


def test_two_processes_learn_what_one_does(recipe: Path, tmp_path: Path) -> None:
    """Sizes are an update's, so the recipe is the same: a part's negatives are of both processes, and the instruction
    loss is over the tokens of both."""
    one, two = tmp_path / "one", tmp_path / "two"
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]  # on a free port
    starter = [*several, "-m", "xling_bench", "train", str(recipe)]
    few = settings(steps=3, log_every=1, pairs=8, instructions=4, parts=2)
    done = subprocess.run(
        [sys.executable, *starter, "-o", str(two), *few], check=True, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.splitlines() == [str(two / "model")], "one of the two speaks"
    assert "3 updates x 8 pairs = 24 (2 processes x 2 parts x 2 an update)" in done.stderr
    assert main(["train", str(recipe), "-o", str(one), *few]) == 0
    assert len(log(one)) == 3
    for alone, shared in zip(log(one), log(two), strict=True):
        for name in ("contrastive", "instruction", "loss", "grad_norm"):
            assert shared[name] == pytest.approx(alone[name], rel=1e-4), name


def test_a_size_that_processes_do_not_divide(recipe: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert main(["train", str(recipe), "--dry-run", "--json", *settings(pairs=128, instructions=126, parts=2)]) == 2
    said = (
        "run.pairs: an update's 128 pairs cannot be shared out equally to 3 processes x 2 parts; give a multiple of 6"
    )
    assert f"{said}, for example 126 or 132." in capsys.readouterr().err
    assert main(["train", str(recipe), "--dry-run", "--json", *settings(pairs=126, instructions=126, parts=2)]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["sizes"]["pairs"] == {"update": 126, "part": 21}
    assert plan["pairs"] == 12 * 126, "drawn by all processes together"


def test_the_log_has_every_checkpoint_and_the_end(recipe: Path, tmp_path: Path) -> None:
    """Whatever log_every is, and the same lines again when the run goes on from a checkpoint between two of them."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    more = [*settings(steps=7, save_every=4, log_every=3), "--set", "run.keep_optimizer=true"]
    assert main(["train", str(recipe), "-o", str(whole), *more]) == 0
    assert [line["step"] for line in log(whole)] == [3, 4, 6, 7]
    assert main(["train", str(recipe), "-o", str(stopped), *more]) == 0
    for name in ("model", "checkpoint-7"):
        (stopped / name).rename(tmp_path / name)
    assert main(["train", str(recipe), "-o", str(stopped), *more]) == 0
    assert log(stopped) == log(whole)
    assert curves(stopped) == {
        name: [(line["step"], pytest.approx(line[name])) for line in log(whole)]
        for name in log(whole)[0].keys() - {"step"}
    }


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a run that was stopped and went on."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    shown = EventAccumulator(str(folder / "tensorboard"), purge_orphaned_data=True)
    shown.Reload()
    return {name: [(event.step, event.value) for event in shown.Scalars(name)] for name in shown.Tags()["scalars"]}
