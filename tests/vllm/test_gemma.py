"""vLLM against transformers on a real model: the same texts, decisions, log-likelihoods and scores, four ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from ways import check_four

pytestmark = [pytest.mark.vllm, pytest.mark.data]


def test_four_ways_to_a_real_models_numbers(gemma: Path, files: Path, tmp_path: Path) -> None:
    check_four(gemma, 2, files, tmp_path)
