"""The committed CI workflows: their shell steps, run in order on real checkpoints, pass one and fail a degraded one.

The data are invented, in XCOPA's official layout: right answers are made of some words, wrong ones of others. A tiny
model trained on the right words answers all items; with noise on its weights it loses a good part of them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from defusedxml.ElementTree import parse
from test_runner import run

from xling_bench.core import content
from xling_bench.demo import make_tokenizer

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]
UNITS = ("et", "sw")
RIGHT, WRONG = "lumi maja kivi puu vesi tuli", "mvua nyumba jiwe mti maji moto"
TASKS = ",".join(f"xling_xcopa_{unit}" for unit in UNITS)


def sentence(words: str, chance: np.random.Generator) -> str:
    return " ".join(chance.choice(words.split(), 4))


def write_data(folder: Path) -> None:
    """150 items per language in XCOPA's layout."""
    for seed, unit in enumerate(UNITS):
        chance, lines = np.random.default_rng(seed), []
        for number in range(150):
            label = int(chance.integers(2))
            texts = [sentence(WRONG, chance), sentence(WRONG, chance)]
            texts[label] = sentence(RIGHT, chance)
            item = {"premise": sentence(RIGHT + " " + WRONG, chance), "choice1": texts[0], "choice2": texts[1]}
            lines.append(json.dumps(item | {"question": "cause", "label": label, "idx": number}))
        path = folder / "xcopa" / "data" / unit / f"test.{unit}.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_checkpoints(folder: Path) -> None:
    """`good`, a tiny Llama trained on the right words, and `degraded`, the same with noise on its weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    chance = np.random.default_rng(0)
    texts = [sentence(RIGHT, chance) for _ in range(200)]
    tokenizer = make_tokenizer(texts)
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
                         num_attention_heads=2, bos_token_id=0, pad_token_id=1, eos_token_id=2)  # fmt: skip
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(40):
        batch = tokenizer(list(chance.choice(texts, 16)), return_tensors="pt", padding=True)
        targets = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=targets).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    for name, noise in (("good", 0.0), ("degraded", 0.5)):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(noise * torch.randn_like(parameter))
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository as a user would have it: settings, data, two checkpoints, a committed baseline of the good one."""
    folder = tmp_path_factory.mktemp("workspace")
    write_data(folder / "data")
    write_checkpoints(folder)
    shutil.copytree(content.folder("reports"), folder / "reports")
    tools = folder / "bin"  # what `pip install` would have put on the path, and GitHub's own command
    tools.mkdir()
    commands = {
        "xling-bench": f'exec "{sys.executable}" -m xling_bench "$@"',
        "gh": f'echo "$@" >> "{folder}/gh.log"',
    }
    for name, line in commands.items():
        (tools / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    data = {"data": "files", "XLING_DATA_DIR": str(folder / "data")}
    done = run("run", "--model", f"hf:{folder / 'good'}", "--tasks", TASKS, "-o", str(folder / "base"), **data)
    assert done.returncode == 0, done.stderr
    done = run("gate", "--candidate", str(folder / "base"), "--write-baseline", str(folder / "baselines/main.parquet"))
    assert done.returncode == 0, done.stderr
    return folder


def shell(workspace: Path, script: str, variables: dict[str, str]) -> subprocess.CompletedProcess:
    """A script as the CI runs it: bash that stops at the first error, in the repository."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("XLING_")}
    clean |= {"PYTHONPATH": str(ROOT), "PATH": f"{workspace / 'bin'}:{os.environ['PATH']}", **variables}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=workspace, env=clean, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def filled(values: dict[str, str], known: dict[str, str]) -> dict[str, str]:
    """Values with GitHub's `${{ name }}` replaced; an expression nobody knows is an error of the workflow."""
    return {name: re.sub(r"\$\{\{ (.*?) \}\}", lambda m: known[m[1]], value) for name, value in values.items()}


def github(workspace: Path, checkpoint: str) -> int:
    """Run the shell steps of the GitHub workflow, called for a pull request; the first exit code that is not 0."""
    workflow: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/gate.yml").read_text(encoding="utf-8"))
    called = workflow[True]["workflow_call"]["inputs"]  # YAML 1.1 reads `on` as true
    by_hand = workflow[True]["workflow_dispatch"]["inputs"]
    assert {k: v.get("default") for k, v in called.items()} == {k: v.get("default") for k, v in by_hand.items()}
    given = {"checkpoint": checkpoint, "tasks": TASKS, "data": "files", "data_dir": str(workspace / "data")}
    known = {f"inputs.{name}": given.get(name, value.get("default", "")) for name, value in called.items()}
    known |= {"github.token": "token", "github.event.pull_request.number": "7"}
    job = workflow["jobs"]["gate"]
    variables = filled(job["env"], known) | {"GITHUB_STEP_SUMMARY": str(workspace / "summary.md")}
    variables["GITHUB_REPOSITORY"] = "owner/repository"
    code, ran = 0, []
    for step in job["steps"]:
        if "run" not in step or step["name"] == "Install":  # this environment is what it would install
            continue
        assert "${{" not in step["run"], "an input in a script would be run as code"
        if code and "always()" not in step.get("if", ""):
            continue
        ran.append(step["name"])
        done = shell(workspace, step["run"], variables | filled(step.get("env", {}), known))
        assert done.returncode == 0 or step["name"] == "Gate", done.stderr
        code = code or done.returncode
    assert ran == ["Evaluate the checkpoint", "Gate", "Summary", "Comment on the pull request"]
    return code


def gitlab(workspace: Path, checkpoint: str) -> int:
    """Run the script of the GitLab job."""
    job = yaml.safe_load((content.folder("reports") / "ci" / "gitlab-gate.yml").read_text(encoding="utf-8"))["gate"]
    given = {"CHECKPOINT": checkpoint, "TASKS": TASKS, "CONFIG": "reports/gate.toml", "XLING_DATA": "files"}
    variables = job["variables"] | given | {"XLING_DATA_DIR": str(workspace / "data")}
    assert job["artifacts"]["reports"]["junit"] == "gate/gate.xml"
    return shell(workspace, "\n".join(job["script"]), variables).returncode


@pytest.mark.parametrize(
    ("steps", "checkpoint", "code"),
    [(github, "./good", 0), (github, "./degraded", 1), (gitlab, "./degraded", 1)],
    ids=["github-good", "github-degraded", "gitlab-degraded"],
)
def test_the_steps_of_a_workflow_gate_a_checkpoint(workspace: Path, steps: Any, checkpoint: str, code: int) -> None:
    for name in ("runs", "gate"):  # every pipeline starts from a clean checkout
        shutil.rmtree(workspace / name, ignore_errors=True)
    for name in ("summary.md", "gh.log"):
        (workspace / name).unlink(missing_ok=True)
    assert steps(workspace, checkpoint) == code
    found = json.loads((workspace / "gate" / "gate.json").read_text(encoding="utf-8"))
    assert found["exit_code"] == code
    assert all(cell["baseline"] > 95 for cell in found["cells"])
    expected = "regressed" if code else "inconclusive"
    assert {cell["language"]: cell["verdict"] for cell in found["cells"]} == dict.fromkeys(UNITS, expected)
    failures = [case.get("name") for case in parse(workspace / "gate" / "gate.xml").iter("testcase") if len(case)
                and case[0].tag == "failure"]  # fmt: skip
    assert failures == (list(UNITS) if code else [])
    if steps is github:
        assert (workspace / "summary.md").read_text(encoding="utf-8") == (workspace / "gate/gate.md").read_text("utf-8")
        comment = "pr comment 7 --repo owner/repository --body-file gate/gate.md\n"
        assert (workspace / "gh.log").read_text(encoding="utf-8") == comment
