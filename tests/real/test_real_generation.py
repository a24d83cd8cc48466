"""Our own greedy loop on real weights and real items: no text falls back, and all are lm-eval's, made one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_real_engine import requests_of

from xling_bench.evaluation.generate import resumable
from xling_bench.evaluation.partial import PartialTexts
from xling_bench.models.config import ModelConfig
from xling_bench.models.load import load

pytestmark = [pytest.mark.real, pytest.mark.data]
PARTS = [("xling_flores_en_de", 5, 5), ("xling_xquad_en", 0, 4)]  # with and without demonstrations in common


def requests(name: str, shots: int, items: int) -> list[Any]:
    found = requests_of(name, shots, items)
    for request in found:
        request.args[1]["max_gen_toks"] = 24
    return found


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_texts_are_lm_evals(dtype: str, real: Any, real_data: Any, tmp_path: Path) -> None:
    """In float32; in bfloat16 rounding decides some tokens, and only the loop's own check is looked at."""
    lm = load(ModelConfig(f"hf:{real.folder}", device="cpu", dtype=dtype))
    plain = load(ModelConfig(f"lm-eval-hf:{real.folder}", device="cpu", dtype=dtype, batch_size=1))
    for number, part in enumerate(PARTS):
        lm.start_afresh()
        made = resumable(lm, PartialTexts(tmp_path / f"{number}.jsonl", {}, print)).generate_until(requests(*part))
        assert not lm.writer.why
        assert any(made)
        if dtype == "float32":
            assert made == plain.generate_until(requests(*part), disable_tqdm=True), part
