"""What several end-to-end tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import training_recipe


@pytest.fixture
def recipe(models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe of everything, and its data."""
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path / "data"))
    return training_recipe.write(tmp_path, models["xglm"])
