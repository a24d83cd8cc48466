"""Where a run of `xling-bench train` ends: by a development score, or by epochs."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from xling_bench.cli.main import main
from xling_bench.training.early import EarlyEvaluation
from xling_bench.training.told import Bar

pytestmark = pytest.mark.e2e
BY_ACCURACY = ("run.steps=20", "run.save_every=100", "run.keep=1", "evaluate.every=2",
               'evaluate.tasks=["xling_xnli_en"]', "stop.by=accuracy", "stop.patience=2")  # fmt: skip


def train(recipe: Path, folder: Path, *settings: str) -> int:
    return main(["train", str(recipe), "-o", str(folder), *(x for each in settings for x in ("--set", each))])


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """What early evaluation says after each update, and the update (at 0) after which SIGTERM comes."""
    told: dict[int, float] = {}
    now = [0]
    usual = Bar.on_step_end

    def on_step_end(self, args, state, control, **more) -> None:
        usual(self, args, state, control, **more)
        now[0] = state.global_step
        if told.get(0) == now[0]:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setenv("XLING_DATA", "sample")
    monkeypatch.setattr(Bar, "on_step_end", on_step_end)
    monkeypatch.setattr(EarlyEvaluation, "__call__", lambda *_: {"xling_xnli_en": told[now[0]], "mean": told[now[0]]})
    return told


def test_the_best_checkpoint_is_the_model_of_a_run_that_stops(recipe: Path, tmp_path: Path, capsys, scores) -> None:
    """Equal scores are no better ones. A run that was stopped on its way, and goes on, decides as one that was not."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    scores |= {2: 0.3, 4: 0.5, 6: 0.4, 8: 0.5}
    assert train(recipe, whole, *BY_ACCURACY) == 0
    error = capsys.readouterr().err
    assert "ends after update 8: no accuracy above 50.0 %, that of update 4, whose weights model/ has" in error
    assert "update 6: accuracy on development items 40.0 % (xling_xnli_en 40.0 %)" in error
    assert "update 6: accuracy 40.0 %; the best so far is that of update 4, 50.0 %" in error
    best = "model/ has the weights of update 4: accuracy 50.0 %, the best of 30.0 % (update 2), 50.0 % (update 4), "
    assert f"{best}40.0 % (update 6), 50.0 % (update 8)" in error
    assert "early stopping by accuracy (the mean over these tasks): the run ends after 2 measurements without" in error
    facts = json.loads((whole / "run.json").read_text(encoding="utf-8"))
    assert facts["chosen"] == {"by": "accuracy", "step": 4, "score": 0.5, "ended": 8}
    record = json.loads((whole / "model" / "xling_training.json").read_text(encoding="utf-8"))
    assert record["trainings"][-1]["learnt"]["updates"] == 4
    assert sorted(path.name for path in whole.glob("checkpoint-*")) == ["checkpoint-4", "checkpoint-8"]
    for update in (3, 7):
        scores[0] = update
        assert train(recipe, stopped, *BY_ACCURACY) == 143
    assert train(recipe, stopped, *BY_ACCURACY) == 0
    assert content(stopped / "model") == content(whole / "model")
    assert (stopped / "log.jsonl").read_bytes() == (whole / "log.jsonl").read_bytes()
    del scores[0]
    assert train(recipe, tmp_path / "four", "run.steps=20", "run.save_every=4", "run.keep=0") == 0
    weights = (tmp_path / "four" / "checkpoint-4" / "model.safetensors").read_bytes()
    assert (whole / "model" / "model.safetensors").read_bytes() == weights


def test_a_run_that_comes_to_its_end_has_its_best_model_too(recipe: Path, tmp_path: Path, capsys, scores) -> None:
    """And what is measured cannot change while it decides."""
    out = tmp_path / "out"
    scores |= {2: 0.6, 4: 0.5}
    few = (*BY_ACCURACY, "run.steps=4")
    assert train(recipe, out, *few) == 0
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["chosen"]["step"] == 2
    capsys.readouterr()
    assert train(recipe, out, *few, "evaluate.limit=5") == 2
    assert "another recipe.evaluate.limit" in capsys.readouterr().err
    assert train(recipe, out, *few, "run.save_every=7") == 0, "a finished run stays as it is"
    assert train(recipe, tmp_path / "none", "stop.by=retrieval") == 2
    assert "stop.by: retrieval is what [alignment] measures; set alignment.every" in capsys.readouterr().err


def test_epochs_are_updates_of_the_longer_or_the_named_stream(recipe: Path, tmp_path: Path, capsys) -> None:
    """120 pairs by 4, 240 instructions by 3. Of steps and epochs the later given counts; both at once is an error."""

    def plan(*settings: str) -> dict:
        given = (x for each in settings for x in ("--set", each))
        assert main(["train", str(recipe), "--dry-run", "--json", *given]) == 0
        return json.loads(capsys.readouterr().out)

    for settings, steps in (
        (("run.epochs=1.5",), 120),
        (("run.epochs=1.5", "run.epochs_of=pairs"), 45),
        (("run.epochs=0.01", "run.epochs_of=pairs"), 1),
        (("run.epochs=2", "run.steps=7"), 7),
        (("run.epochs=1", "method.instruction_weight=0"), 30),
    ):
        found = plan(*settings)
        assert found["recipe"]["run"]["steps"] == steps
        assert found["needs"]["disk"]["most"] > 0
    assert plan("run.epochs=1.5")["epochs"]["instructions"] == pytest.approx(1.5)
    out = tmp_path / "out"
    for settings, code in ((("run.epochs=0.1",), 0), (("run.epochs=0.1",), 0), (("run.epochs=0.2",), 2)):
        assert train(recipe, out, *settings) == code
    assert "another recipe.run.epochs (0.1, now 0.2)" in capsys.readouterr().err
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["recipe"]["run"]["steps"] == 8
    recipe.write_text(recipe.read_text(encoding="utf-8") + "epochs = 2\n")
    assert main(["train", str(recipe), "--dry-run", "--json"]) == 2
    assert "run: epochs: `steps` is given, too" in capsys.readouterr().err
    assert main(["train", str(recipe), "--dry-run", "--set", "run.steps=5", "--set", "run.epochs_of=pairs"]) == 2
    assert "epochs_of" in capsys.readouterr().err
