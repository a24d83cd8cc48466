"""COMET's environment, made from nothing once, and a tiny checkpoint that its own libraries wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from xling_bench.comet.environment import VARIABLE
from xling_bench.demo import training_text

REPOSITORY = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("comet")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `comet install` makes."""
    into = tmp_path_factory.mktemp("comet") / "environment"
    command = [sys.executable, "-m", "xling_bench", "comet", "install", "--into", str(into)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "about 1.3 GB" in done.stderr.splitlines()[0]
    assert f"{VARIABLE}={into}" in done.stdout
    return into


@pytest.fixture(scope="session")
def checkpoint(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    texts = folder.with_name("texts.txt")
    texts.write_text("\n".join(training_text()[:400]), encoding="utf-8")
    program = [environment / "bin" / "python", REPOSITORY / "tests" / "tinycomet.py", folder, texts]
    subprocess.run(program, check=True, capture_output=True)
    return folder


@pytest.fixture
def installed(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands find it."""
    monkeypatch.setenv(VARIABLE, str(environment))
    return environment
