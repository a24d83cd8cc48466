"""The real models, built when they are not there yet."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from weights import REAL, Weights, build


@pytest.fixture(scope="session", params=REAL, ids=[weights.name for weights in REAL])
def real(request: pytest.FixtureRequest) -> Weights:
    """Each real model: its GGUF file and its float32 folder. Fails, never skips, where the packages lack."""
    try:
        build(request.param)
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    return request.param


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real benchmark files. Skips only where there are none."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = os.environ.get("XLING_DATA_DIR") or (str(beside) if beside.is_dir() else "")
    if not folder:
        pytest.skip("no real benchmark files: set XLING_DATA_DIR")
    return Path(folder)
