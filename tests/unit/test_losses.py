"""Losses as declarations: what a file must hold, whose a key is, what is wrong in a method."""

import re
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError, model_validator

from xling_bench.core.errors import DeclarationError
from xling_bench.training import losses
from xling_bench.training.losses import LOSSES, NEEDS, Loss
from xling_bench.training.losses.contrastive import Contrastive
from xling_bench.training.objective import PLAIN, MethodPart, Objective, _keys, objective


class Toy(Loss):
    """Without a weight unless one is given."""

    needs = "pairs"
    low: int = 1
    high: int = 2

    def __call__(self, network, rows, divisor=None):
        raise NotImplementedError

    @model_validator(mode="after")
    def _ordered(self):
        if self.low > self.high:
            raise ValueError(f"low: at most high, got {self.low} and {self.high}")
        return self


def test_every_file_is_a_loss_and_every_key_is_one_losss() -> None:
    files = {path.stem for path in Path(losses.__file__).parent.glob("[a-z]*.py")} - {"loss"}
    assert [loss.name for loss in LOSSES] == sorted(files)
    keys = [key for loss in LOSSES for key in loss().settings()]
    assert len(keys) == len(set(keys))
    assert set(MethodPart.model_fields) == {"title", "mode", "learn", *keys}
    assert all(field.default is None for key, field in MethodPart.model_fields.items() if key in keys)
    assert all(loss.needs in NEEDS for loss in LOSSES)


def test_a_mode_says_what_a_method_leaves_open_and_changes_nothing_else() -> None:
    for loss in LOSSES:
        assert loss.of("plain", {}) == loss()
        for mode, own in (("code", loss.code), ("paper", loss.paper)):
            plain, other = loss().settings(), loss.of(mode, {}).settings()
            assert {key for key in plain if plain[key] != other[key]} == set(own)
    assert objective(mode="paper", pooling="max").settings()["pooling"] == "max"
    assert objective(layer=2, instruction_weight=0).settings() == PLAIN.settings() | {
        "layer": 2,
        "instruction_weight": 0,
    }


def test_a_loss_that_is_off_by_default_is_recorded_only_when_it_has_a_weight() -> None:
    off, on = Objective((*PLAIN.losses, Toy())), Objective((*PLAIN.losses, Toy(weight=1)))
    assert off.settings() == PLAIN.settings()
    own = {"test_losses_weight": 1, "test_losses_low": 1, "test_losses_high": 2}
    assert on.settings() == PLAIN.settings() | own
    assert (off.active, on.active) == (PLAIN.active, (*PLAIN.active, Toy(weight=1)))


def test_what_two_keys_together_are_is_checked_by_the_loss() -> None:
    with pytest.raises(ValueError, match=r"^low: at most high, got 3 and 2$") as raised:
        Toy.of("code", {"test_losses_low": 3})
    assert not isinstance(raised.value, ValidationError), "a recipe's own error repeats it"


def test_a_key_or_a_name_of_something_else_is_refused_and_a_stream_that_there_is_not() -> None:
    class Twice(Toy):
        short_keys = True
        layer: int = 1

    class Moded(Toy):
        short_keys = True
        mode: str = ""

    with pytest.raises(DeclarationError, match=r"losses/test_losses.py: method.layer is another's key"):
        _keys([Contrastive, Twice])
    with pytest.raises(DeclarationError, match=r"method.mode is another's key"):
        _keys([Moded])
    with pytest.raises(DeclarationError, match=r"needs: expected pairs or instructions, got None"):
        _keys([type("Needless", (Loss,), {"__module__": __name__})])
    Twice.name = "grad_norm"
    with pytest.raises(DeclarationError, match=r"losses/grad_norm.py: a log has another number of this name"):
        _keys([Twice])


@pytest.mark.parametrize("losses_held", [0, 2])
def test_a_file_holds_one_loss(tmp_path: Path, monkeypatch, losses_held: int) -> None:
    head = "from xling_bench.training.losses.loss import Loss\n"
    body = "".join(f"class L{n}(Loss):\n    pass\n" for n in range(losses_held))
    (tmp_path / "odd.py").write_text(head + body, encoding="utf-8")
    monkeypatch.setattr(losses, "__path__", [str(tmp_path)])
    said = re.escape(f"xling_bench.training.losses.odd: expected one subclass of Loss in the file, got {losses_held}.")
    try:
        with pytest.raises(DeclarationError, match=said):
            losses._found()
    finally:
        del sys.modules["xling_bench.training.losses.odd"], losses.odd
