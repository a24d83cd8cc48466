"""A run launched as two processes that talk over gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_runner import results

pytestmark = pytest.mark.e2e
OPTIONS = ["--tasks", "xling_xnli_de,xling_xcopa_th,xling_mlama_de", "--shots", "0,2", "--data", "sample",
           "--token-budget", "40", "--batch-size", "2"]  # fmt: skip


def launch(*arguments: str, processes: int = 2) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("XLING_")}
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]  # a free port
    starter = several if processes > 1 else []
    return subprocess.run(
        [sys.executable, *starter, "-m", "xling_bench", *arguments],
        env=clean, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_two_processes_give_the_bytes_of_one(models, tmp_path) -> None:
    model = f"hf:{models['xglm']}"
    one = launch("run", "--model", model, *OPTIONS, "-o", str(tmp_path / "one"), processes=1)
    assert one.returncode == 0, one.stderr
    two = launch("run", "--model", model, *OPTIONS, "-o", str(tmp_path / "two"))
    assert two.returncode == 0, two.stderr
    assert results(tmp_path / "two") == results(tmp_path / "one")
    assert len(results(tmp_path / "one")) == 2 * 6
    assert two.stdout.replace("/two", "/one") == one.stdout, "one table, printed once"
    assert two.stderr.count("2 processes share the work") == 1
    again = launch("run", "--model", model, *OPTIONS, "-o", str(tmp_path / "two"))
    assert again.returncode == 0, again.stderr
    assert "(6 there already)" in again.stdout
    assert "loading" not in again.stderr


def test_a_failure_is_said_once_and_ends_all_processes(models, tmp_path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in Path(models["xglm"]).iterdir():
        (broken / file.name).write_bytes(file.read_bytes() if file.suffix != ".safetensors" else b"nonsense")
    ended = launch("run", "--model", f"hf:{broken}", *OPTIONS, "-o", str(tmp_path / "run"))
    assert ended.returncode != 0
    assert ended.stderr.count("cannot be loaded") == 1, ended.stderr
    assert not list((tmp_path / "run").glob("xling_*/*/results.json"))
