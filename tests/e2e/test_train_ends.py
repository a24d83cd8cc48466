"""How `xling-bench train` ends: when it is asked to, and what a finished run leaves on the disk."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path

import pytest

from xling_bench.cli.main import main
from xling_bench.training.told import Bar

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


def test_in_the_last_update_and_after_it_a_run_does_as_it_says(
    recipe: Path, tmp_path: Path, capsys, signals, monkeypatch
) -> None:
    """It stops with what it has saved; while the model is written there is no update to wait for."""
    from xling_bench.training.loop import AlignmentTrainer

    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert train(recipe, whole) == 0
    capsys.readouterr()
    signals.append((8, signal.SIGTERM))
    assert train(recipe, stopped) == 143
    told = capsys.readouterr().err
    assert "saves after this update and stops" in told
    assert f"{stopped}/checkpoint-8 is saved" in told
    usual = AlignmentTrainer._publish

    def interrupted(self, *given, **more) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        usual(self, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(AlignmentTrainer, "_publish", interrupted)
        assert train(recipe, stopped) == 143
    told = capsys.readouterr().err
    assert "after this update" not in told
    assert f"{stopped}/checkpoint-8 is saved" in told
    assert not (stopped / "model").exists()
    assert train(recipe, stopped) == 0
    assert content(stopped / "model") == content(whole / "model")


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


def test_a_finished_run_is_made_longer(recipe: Path, tmp_path: Path, capsys, signals) -> None:
    """Where rates do not depend on the length it ends as if it had been long from the beginning; else it says so."""
    whole, longer = tmp_path / "whole", tmp_path / "longer"
    constant = ("run.schedule=constant", "run.keep_optimizer=true")
    assert train(recipe, whole, *constant, "run.steps=12") == 0
    assert train(recipe, longer, *constant) == 0
    short = content(longer / "model")
    signals.append((10, signal.SIGTERM))
    capsys.readouterr()
    assert train(recipe, longer, *constant, "run.steps=12") == 143
    assert "a run of 8 updates is there, and goes on to 12" in capsys.readouterr().err
    assert content(longer / "model-8") == short
    assert train(recipe, longer, *constant, "run.steps=12") == 0
    assert json.loads((longer / "run.json").read_text(encoding="utf-8"))["extended"] == [8]
    weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in (whole, longer)]
    assert weights[0] == weights[1] != short["model.safetensors"]


def test_a_run_that_was_interrupted_is_ended_where_it_is(recipe: Path, tmp_path: Path, capsys, signals) -> None:
    """Its last checkpoint is the model, and nothing says that more was learnt; `--finish` trains no update."""
    out = tmp_path / "out"
    settings = [part for setting in (*SETTINGS, "run.save_every=2") for part in ("--set", setting)]
    command = ["train", str(recipe), "-o", str(out), *settings]
    assert main([*command, "--finish"]) == 2
    assert "has no checkpoint" in capsys.readouterr().err
    signals += [(5, signal.SIGTERM)] * 2  # at once, without a checkpoint of it
    assert main(command) == 143
    assert "with --finish it ends the run there" in capsys.readouterr().err
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 5, "loss": 1.0}\n')  # of an update that no checkpoint has
    weights = (out / "checkpoint-4" / "model.safetensors").read_bytes()
    assert main([*command, "--finish"]) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(out / "model")
    assert f"nothing more is learnt, and the model is made from {out}/checkpoint-4" in told.err
    assert "ended after update 4 of 8, at contrastive " in told.err
    assert (out / "model" / "model.safetensors").read_bytes() == weights
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["finished"] == {"step": 4, "of": 8}
    record = json.loads((out / "model" / "xling_training.json").read_text(encoding="utf-8"))["trainings"][-1]
    assert (record["learnt"]["updates"], record["recipe"]["run"]["steps"]) == (4, 8)
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()][-1] == 4
    assert main(command) == 0
    told = capsys.readouterr().err
    assert "this run has finished (--finish ended it after update 4 of 8), and nothing is done" in told
    assert main([*command, "--finish", "--extend"]) == 2


def test_a_schedule_that_knows_its_end_is_made_longer_on_demand_only(recipe: Path, tmp_path: Path, capsys) -> None:
    """Along that of the new length, from where the run was; a run without its optimiser is not, and loses nothing."""
    out, small = tmp_path / "out", tmp_path / "small"
    keep = ("run.keep_optimizer=true", "run.warmup=0", "run.log_every=1")
    assert train(recipe, out, *keep) == 0
    capsys.readouterr()
    assert train(recipe, out, *keep, "run.steps=16") == 2
    assert (
        "The rates of its schedule, cosine, depend on the number of updates: --extend goes" in capsys.readouterr().err
    )
    assert train(recipe, out, *keep, "run.steps=7") == 2
    settings = [part for setting in (*SETTINGS, *keep, "run.steps=16") for part in ("--set", setting)]
    assert main(["train", str(recipe), "-o", str(out), "--extend", *settings]) == 0
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    rates = {line["step"]: line["learning_rate"] for line in lines}

    def rate(step: int, steps: int) -> float:
        return 0.5e-3 * (1 + math.cos(math.pi * (step - 1) / steps))

    assert rates == pytest.approx({step: rate(step, 8 if step <= 8 else 16) for step in range(1, 17)})
    assert train(recipe, small) == 0
    kept = content(small / "model")
    extended = [part for setting in (*SETTINGS, "run.steps=16") for part in ("--set", setting)]
    assert main(["train", str(recipe), "-o", str(small), "--extend", *extended]) == 2
    assert "so the run cannot be made longer (run.keep_optimizer = true keeps it)" in capsys.readouterr().err
    assert content(small / "model") == kept
