"""vLLM and what it is held against: models that both programs take, and real data."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny import make_model

sys.path.insert(0, str(Path(__file__).parents[1] / "real"))
from weights import GEMMA


@pytest.fixture(scope="session", autouse=True)
def vllm_is_here() -> None:
    """These tests are asked for by name: without vLLM they fail."""
    if find_spec("vllm") is None:
        pytest.fail("vLLM is not installed in this environment: `make test-vllm`", pytrace=False)


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny random checkpoints whose heads are as wide as vLLM wants them."""
    root = tmp_path_factory.mktemp("wide")
    return {name: make_model(name, root / name, width=128, gain=8.0) for name in ("llama", "bloom", "xglm")}


@pytest.fixture(scope="session")
def gemma() -> Path:
    """The folder of Gemma 3 270M in float32; `make test-real` makes it."""
    if not (GEMMA.folder / "built.txt").is_file():
        pytest.fail(f"{GEMMA.folder} is not there: run tests/real/weights.py (`make test-real`)", pytrace=False)
    return GEMMA.folder


@pytest.fixture(scope="session")
def files(real_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real data; MLQA's development set, which has answers, in the place of the test set, which has none here."""
    folder = tmp_path_factory.mktemp("data")
    for each in real_files.iterdir():
        if each.name != "mlqa":
            (folder / each.name).symlink_to(each)
    place = folder / "mlqa" / "MLQA_V1" / "test"
    place.mkdir(parents=True)
    development = real_files / "mlqa" / "MLQA_V1" / "dev" / "dev-context-de-question-de.json"
    assert development.is_file(), development
    (place / "test-context-de-question-de.json").symlink_to(development)
    return folder
