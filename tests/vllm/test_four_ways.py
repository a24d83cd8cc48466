"""vLLM against transformers on real items: the same texts, decisions, log-likelihoods and scores, four ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ways import ITEMS, check_four

pytestmark = [pytest.mark.vllm, pytest.mark.data]


@pytest.mark.parametrize("name", ["llama", "bloom"])
def test_four_ways_to_the_same_numbers(name: str, wide: Any, files: Path, tmp_path: Path) -> None:
    check_four(wide[name], ITEMS, files, tmp_path)
