"""`xling-bench represent --transfer` as a command, on a tiny model and the sample."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import warm

pytestmark = pytest.mark.e2e
LANGS = ["--langs", "de,zh,th", "--data", "sample", "--layers", "1,last"]


def represent(*arguments: object) -> subprocess.CompletedProcess:
    return warm.command("represent", *map(str, arguments), environment=dict(os.environ))


def records(folder: Path) -> tuple[list[dict], dict]:
    whole = json.loads((folder / "alignment.json").read_text(encoding="utf-8"))
    return [each for each in whole["records"] if each["measure"].startswith("transfer")], whole


def test_heads_beside_their_baselines_and_no_state_twice(models, tmp_path) -> None:
    """Pairs' states are those of the command without; its other numbers are, too; a second command computes none."""
    out, plain = tmp_path / "out", tmp_path / "plain"
    command = [f"hf:{models['llama']}", "--langs", "de,zh", "--data", "sample", "--layers", "1,last"]
    assert represent(*command, "-o", out).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (out / "states").rglob("*.npz")}
    others = records(out)[1]["records"]
    changes = ["--transfer", "sib200", "--intervene", "centre,rotate", "--fit", "flores-dev"]
    done = represent(*command, *changes, "-o", out)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    found, whole = records(out)
    assert [each for each in whole["records"] if each not in found and each["intervention"] is None] == others
    by = {(each["model"], each["intervention"]): each for each in found}
    assert set(by) == {("llama", None), ("llama", "centre"), ("llama", "rotate"), ("llama (random)", None),
                       ("majority class", None)}  # fmt: skip
    own = {(each["measure"], each["pair"], each["layer"]) for each in found if each["model"] == "llama (random)"}
    assert own == {(f"transfer{name}_sib200", pair, layer) for layer in (1, 2) for name, pair in (
        ("_cv", "en"), ("", "en"), ("", "en-de"), ("", "en-zh"), ("_gap", "en-de"), ("_gap", "en-zh"), ("_gap", None),
    )}  # fmt: skip
    assert all(0 <= each["value"] <= 1 for each in found if "gap" not in each["measure"])
    facts = whole["signatures"][by["llama", "rotate"]["signature"]]
    assert (facts["trained_on"], facts["train_items"], facts["test_items"]) == ("en dev", 5, 8)
    assert (facts["fitted_on"], facts["intervention"], facts["weights"]) == ("flores-dev", "rotate", "own")
    assert "| llama, centre | sib200 | en-de |" in done.stdout
    assert "| majority class | sib200 | en-zh | - |" in done.stdout
    after = {path: path.stat().st_mtime_ns for path in (out / "states").rglob("*.npz")}
    again = represent(*command, *changes, "-o", out)
    assert again.stdout == done.stdout
    assert {path: path.stat().st_mtime_ns for path in (out / "states").rglob("*.npz")} == after
    assert represent(*command, *changes, "-o", plain).returncode == 0
    assert (plain / "alignment.json").read_bytes() == (out / "alignment.json").read_bytes()


def test_pairs_of_texts_and_a_language_that_is_not_there(models, tmp_path) -> None:
    """XNLI's sample has Thai, PAWS-X's has not. German is the pivot: its head, its items."""
    done = represent(f"hf:{models['llama']}", *LANGS, "--transfer", "xnli,pawsx", "--transfer-limit", 4, "--no-random",
                     "--pivot", "de", "-o", tmp_path / "out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "note: transfer pawsx: no items in th, left out" in done.stderr
    assert "note: transfer xnli: the head learns from 6 items of de dev, and is tested on 4 of test" in done.stderr
    found = {(each["measure"], each["pair"]) for each in records(tmp_path / "out")[0] if each["layer"] == 2}
    pairs = {"xnli": ("de-zh", "de-th"), "pawsx": ("de-zh",)}
    assert found == {(f"transfer{name}_{key}", pair) for key, own in pairs.items() for name, pair in [
        ("_cv", "de"), ("", "de"), ("_gap", None), *[(name, pair) for name in ("", "_gap") for pair in own],
    ]}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), [
    (["--transfer", "xnly"], "--transfer 'xnly': Did you mean 'xnli' or"),
    (["--transfer", "xquad"], "--transfer 'xquad': XQuAD has no classes of its own."),
    (["--transfer", "sib200", "--langs", "sw"], "SIB-200 has items in none of sw here"),
    (["--transfer", "sib200", "--pivot", "sw"], "the built-in sample has no 'sw' for sib200"),
    (["--transfer", "xnli", "--transfer-limit", "1"], "--transfer-limit 1: expected 2 items or more"),
    (["--transfer", "xnli", "--intervene", "centre", "--fit", "flores-dev"], "it has sentences of --transfer xnli"),
])  # fmt: skip
def test_refusals(change, message, models, tmp_path) -> None:
    """One line, exit code 2, and no numbers."""
    done = represent(f"hf:{models['llama']}", *LANGS, "-o", tmp_path / "out", *change)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "out" / "alignment.json").exists()
