"""docs/contributing/loss.md, followed in a copy of the package: its file, its recipe, its commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from guides import blocks
from safetensors.torch import load_file

from xling_bench.cli.main import main
from xling_bench.core import content

pytestmark = pytest.mark.e2e
REPOSITORY = Path(__file__).resolve().parents[2]
BLOCKS = blocks((REPOSITORY / "docs/contributing/loss.md").read_text(encoding="utf-8"))
LIST, PLAN, TRAIN = [
    shlex.split(line)[1:] for block in BLOCKS if block.language == "sh" for line in block.text.splitlines()
]
ALONE = ["--set", "method.instruction_weight=0"]
REFUSED = {
    "method.closeness_weight=0": "method: no loss has a weight above 0: nothing would be learnt. There are ",
    "data.pairs=[]": "data.pairs: the closeness loss needs translation pairs (or closeness_weight = 0)",
    "run.pairs=0": "data.pairs: the closeness loss needs translation pairs (or closeness_weight = 0)",
    "method.closeness_layr=2": "method.closeness_layr: there is no such key. Did you mean 'closeness_layer'",
    "method.closeness_weight=-1": "method.closeness_weight: Input should be greater than or equal to 0, got -1",
    'method.closeness_pooling="men"': "method.closeness_pooling: Input should be 'mean', 'max', 'last'",
    "data.allocation=none.json": "closeness loss needs them. Add a source, or set method.closeness_weight = 0.",
}
# One interpreter for all commands: starting it is most of what they cost.
DRIVER = """
import contextlib, io, json, sys
import xling_bench
from xling_bench.cli.main import main
answers = {"package": xling_bench.__file__}
for name, arguments in json.load(sys.stdin).items():
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(arguments)
    answers[name] = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "torch": "torch" in sys.modules}
print(json.dumps(answers))
"""


def clone(folder: Path) -> Path:
    """Package and content folders, with the guide's files in their places."""
    shutil.copytree(REPOSITORY / "xling_bench", folder / "xling_bench", ignore=shutil.ignore_patterns("_content"))
    shutil.copytree(content.folder("training"), folder / "training")
    for name in ("tasks", "templates", "reports"):
        (folder / name).symlink_to(content.folder(name))
    for block in BLOCKS:
        if block.path:
            path = folder / block.path
            assert not path.exists(), "the guide adds files and changes none"
            path.write_text(block.text, encoding="utf-8")
    return folder


def run(folder: Path, clone: Path, commands: dict[str, list[str]]) -> dict[str, Any]:
    environment = os.environ | {"PYTHONPATH": str(clone)}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps(commands), cwd=folder, env=environment, capture_output=True,
        text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers.pop("package") == str(clone / "xling_bench" / "__init__.py")
    return answers


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_guides_loss_is_trained_shown_and_refused_by_name(recipe: Path, tmp_path: Path, models) -> None:
    """And a run that does not use it is the same run in a version that has it."""
    (tmp_path / "data" / "none.json").write_text('{"de": 0}', encoding="utf-8")
    before = ["train", str(recipe), "-o", str(tmp_path / "before"), "--set", "run.steps=1"]
    assert main(before) == 0
    text = recipe.read_text(encoding="utf-8").replace("save_every = 4", "save_every = 100")
    text = text.replace("instructions = 3", "instructions = 4\nparts = 2")
    (tmp_path / "my.toml").write_text(f'method = "closeness"\n{text}', encoding="utf-8")
    commands = {
        "list": LIST,
        **{setting: [*PLAN, *ALONE, "--set", setting] for setting in REFUSED},
        "plan": [*PLAN, "--json"],
        "train": TRAIN,
        "alone": [*TRAIN[:-1], "alone", *ALONE],
        "before": before,
        "other": [*before, "--set", "method.closeness_weight=1"],
    }
    answers = run(tmp_path, clone(tmp_path / "clone"), commands)
    failed = {name: answer["code"] for name, answer in answers.items() if answer["code"]}
    assert failed == dict.fromkeys([*REFUSED, "other"], 2)
    assert re.search("closeness +Translations point the same way", answers["list"]["out"])
    for setting, said in REFUSED.items():
        assert said in answers[setting]["err"], setting
    assert [name for name in ("list", *REFUSED) if answers[name]["torch"]] == ["data.allocation=none.json"], (
        "a recipe is checked without torch; the data and the model are looked at later"
    )
    assert "this run has finished" in answers["before"]["err"]
    assert "another recipe.method.closeness_weight (None, now 1.0)" in answers["other"]["err"]

    plan = json.loads(answers["plan"]["out"])
    assert plan["objective"]["closeness_weight"] == 0.5
    assert "learns: 0.5 x closeness loss + 1.5 x loss of responses" in answers["plan"]["err"]
    assert "20 of 20 updates, closeness " in answers["train"]["err"]
    lines = log(tmp_path / "aligned")
    assert len(lines) == 20
    assert all({"closeness", "instruction"} < line.keys() and "contrastive" not in line for line in lines)
    assert all(line["loss"] == pytest.approx(0.5 * line["closeness"] + 1.5 * line["instruction"]) for line in lines)
    alone = [line["closeness"] for line in log(tmp_path / "alone")]
    assert sum(alone[-5:]) < 0.5 * sum(alone[:5])
    start, end = (load_file(folder / "model.safetensors") for folder in (models["xglm"], tmp_path / "alone" / "model"))
    moved = {name for name in start if not torch.equal(start[name], end[name])}
    assert any("layers.0." in name for name in moved)
    assert not any("layers.1." in name for name in moved), "the layers above get no gradient"
