"""Fixtures shared by all tests: clean data settings, the real data's folder, tiny models made on the spot."""

from __future__ import annotations

import os
from pathlib import Path

# Tiny models gain nothing from threads, and threads that wait for each other are slow where cores are shared.
# Set before torch is imported; the commands tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is looked for on the hub but by tests of it, which say so

import pytest
from hypothesis import settings
from runs import outcomes, write_run
from tiny import ARCHITECTURES, make_model
from workers import pytest_xdist_auto_num_workers, pytest_xdist_make_scheduler

__all__ = ["pytest_xdist_auto_num_workers", "pytest_xdist_make_scheduler"]

# The same examples in every run, so that a red run is red again; `--hypothesis-profile=default` looks for new ones.
# No deadlines: how long an example takes says how busy the machine is.
settings.register_profile("xling", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("xling")

REPOSITORY = Path(__file__).resolve().parents[1]
BESIDE = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that wants data says which; the developer's environment never leaks in."""
    for name in ("XLING_DATA", "XLING_DATA_DIR", "XLING_LOCK", "XLING_MLAMA", "XLING_CONTENT_DIR", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


REAL_DATA = os.environ.get("XLING_DATA_DIR") or (str(BESIDE) if BESIDE.is_dir() else "")


@pytest.fixture(scope="session")
def real_files() -> Path:
    """The real benchmark files. Skips only where there are none; a folder that lacks files makes tests fail."""
    if not REAL_DATA:
        pytest.skip("no real benchmark files: set XLING_DATA_DIR")
    return Path(REAL_DATA)


@pytest.fixture
def real_data(real_files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as the data source."""
    monkeypatch.setenv("XLING_DATA_DIR", str(real_files))
    return real_files


@pytest.fixture
def sample_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in sample as the data source."""
    monkeypatch.setenv("XLING_DATA", "sample")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny random checkpoints: xglm, bloom, llama."""
    root = tmp_path_factory.mktemp("models")
    return {name: make_model(name, root / name) for name in ARCHITECTURES}


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of XNLI as large as the real one: 15 languages, 5,010 items; outcomes are invented."""
    return write_run(tmp_path_factory.mktemp("runs") / "base", outcomes(5010))
