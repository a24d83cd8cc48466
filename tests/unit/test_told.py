"""What a person is told of a run: units, how fast it is, how long it will take, what to score the model by."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from trained import record, training

from xling_bench.training import told
from xling_bench.training.ending import what_next
from xling_bench.training.losses import LOSSES


def test_every_loss_says_what_its_number_is() -> None:
    assert [loss.name for loss in LOSSES if not loss().unit] == []


def test_lines_have_units_rates_and_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Two seconds an update: a line at each twentieth, and whenever a minute has passed without one."""
    clock = [0.0]
    monkeypatch.setattr(told.time, "monotonic", lambda: clock[0])
    bar = told.Bar({"contrastive": "nats per pair", "mine": ""})
    state = SimpleNamespace(is_world_process_zero=True, max_steps=4000, global_step=0)
    bar.on_train_begin(None, state, None)
    for step in (10, 30, 31, 50, 200, 4000):
        state.global_step, clock[0] = step, 2.0 * step
        bar.on_log(None, state, None, logs={"contrastive": 0.5, "mine": 2, "learning_rate": 1e-5})
    bar.on_log(None, state, None, logs={"dev/a": 0.25, "dev/b": 0.75, "dev/mean": 0.5})
    bar.on_train_end(None, state, None)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("contrastive in nats per pair")
    assert [line.partition(";")[2] for line in lines[1:-1]] == [
        " 2 s/update, 2 h 12 min left", " 2 s/update, 2 h 7 min left", " 2 s/update, 2 h 13 min in all",
    ]  # fmt: skip
    assert lines[2].startswith("training: 200 of 4000 updates, contrastive 0.5 nats per pair, mine 2; 2 s/update, ")
    assert lines[-1] == "update 4000: accuracy on development items 50.0 % (a 25.0 %, b 75.0 %)"


@pytest.mark.parametrize(
    ("learnt", "key"),
    [((), "xnli"), (("xnli",), "xcopa"), (("xnli", "xcopa", "pawsx", "xstorycloze", "sib200", "flores"), "xnli")],
)
def test_what_is_offered_to_score_a_model_by_was_not_learnt(tmp_path: Path, learnt, key) -> None:
    overlaps = {name: {"checked": {}, "missing": [], "found": {"en": {"test": 3}}} for name in learnt}
    record(tmp_path, training(policy="allow", overlaps=overlaps))
    first, *others = what_next(tmp_path, ("en", "zh"))
    assert f"--tasks xling_{key} --langs " in first
    assert ("though it learnt xnli's items" in first) == (key in learnt)
    assert all(name in "".join(others) for name in learnt)
