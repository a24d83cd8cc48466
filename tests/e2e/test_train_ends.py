"""How `xling-bench train` ends: when it is asked to, and what a finished run leaves on the disk."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from xling_bench.cli.main import main
from xling_bench.training.callbacks import Bar

pytestmark = pytest.mark.e2e
SETTINGS = ("run.steps=8", "run.save_every=4", "run.log_every=3")


def train(recipe: Path, folder: Path, *more: str) -> int:
    settings = [part for setting in (*SETTINGS, *more) for part in ("--set", setting)]
    return main(["train", str(recipe), "-o", str(folder), *settings])


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(update, signal): each comes once, when its update is made."""
    to_come: list[tuple[int, int]] = []
    usual = Bar.on_step_end

    def on_step_end(self, args, state, control, **more) -> None:
        usual(self, args, state, control, **more)
        while to_come and to_come[0][0] == state.global_step:
            os.kill(os.getpid(), to_come.pop(0)[1])

    monkeypatch.setattr(Bar, "on_step_end", on_step_end)
    return to_come


def test_a_run_that_is_asked_to_end_saves_and_goes_on_from_there(recipe: Path, tmp_path: Path, capsys, signals) -> None:
    """Between two lines of the log, too; at the end all is as if it had never been stopped."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert train(recipe, whole) == 0
    for update, number, code in ((1, signal.SIGINT, 130), (5, signal.SIGTERM, 143)):
        signals.append((update, number))
        capsys.readouterr()
        assert train(recipe, stopped) == code
        told = capsys.readouterr()
        assert f"interrupted by {number.name}; {stopped}/checkpoint-{update} is saved, and the same" in told.err
        assert (told.out, (stopped / "model").exists()) == ("", False)
        assert (stopped / f"checkpoint-{update}" / "optimizer.pt").is_file()
    assert train(recipe, stopped) == 0
    assert content(stopped / "model") == content(whole / "model")
    assert (stopped / "log.jsonl").read_bytes() == (whole / "log.jsonl").read_bytes()


def test_asked_twice_a_run_ends_at_once(recipe: Path, tmp_path: Path, capsys, signals) -> None:
    out = tmp_path / "out"
    for update, left in (
        (2, "there is no checkpoint, and the same command begins anew"),
        (6, "/checkpoint-4 is saved"),
    ):
        signals += [(update, signal.SIGTERM)] * 2
        assert train(recipe, out) == 143
        assert left in capsys.readouterr().err
        assert not (out / f"checkpoint-{update}").exists()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "afterwards signals go where they went"


def test_a_finished_run_has_its_weights_once_and_no_optimiser(recipe: Path, tmp_path: Path, capsys) -> None:
    """The last checkpoint's weights are the model's, by another name; it goes on only if its state was kept."""
    small, large = tmp_path / "small", tmp_path / "large"
    assert train(recipe, small) == 0
    assert train(recipe, large, "run.keep_optimizer=true") == 0
    for folder in (small, large):
        assert (folder / "model" / "model.safetensors").stat().st_ino == (
            folder / "checkpoint-8" / "model.safetensors"
        ).stat().st_ino
        kept = {path.name for path in (folder / "checkpoint-4").iterdir()}
        assert ("optimizer.pt" in kept, "model.safetensors" in kept) == (folder == large, True)
        assert not {"optimizer.pt", "trainer_state.json", "rng_state.pth"} & content(folder / "model").keys()
    assert content(small / "model") == content(large / "model")
    for folder, code in ((small, 2), (large, 0)):
        for name in ("model", "checkpoint-8"):
            (folder / name).rename(tmp_path / f"{folder.name}-{name}")
        capsys.readouterr()
        assert train(recipe, folder, "run.keep_optimizer=true") == code
    assert content(large / "model") == content(tmp_path / "large-model")
    capsys.readouterr()
    assert train(recipe, small) == 2
    assert "checkpoint-4 has no optimiser state: it was dropped when the run was finished" in capsys.readouterr().err


def test_a_run_killed_before_its_end_was_written_needs_no_optimiser(recipe: Path, tmp_path: Path, monkeypatch) -> None:
    """The last checkpoint is the model already."""
    from xling_bench.training.loop import AlignmentTrainer

    out, whole = tmp_path / "out", tmp_path / "whole"
    assert train(recipe, whole) == 0
    with monkeypatch.context() as patch:
        patch.setattr(AlignmentTrainer, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert train(recipe, out) == 130
    assert sorted(path.name for path in out.glob("checkpoint-*")) == ["checkpoint-4", "checkpoint-8"]
    sealed = json.loads((out / "checkpoint-8" / "files.json").read_text(encoding="utf-8"))
    assert "optimizer.pt" not in sealed
    assert train(recipe, out) == 0
    assert content(out / "model") == content(whole / "model")
