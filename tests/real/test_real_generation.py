"""Our own greedy loop on real weights and real items: no text falls back, and all are lm-eval's, made one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xling_bench.catalog import get_task
from xling_bench.evaluation import task as tasks
from xling_bench.evaluation.generate import resumable
from xling_bench.evaluation.partial import PartialTexts
from xling_bench.models.config import ModelConfig
from xling_bench.models.load import load

pytestmark = [pytest.mark.real, pytest.mark.data]
# (task, its metric, demonstrations, items): with and without demonstrations in common
PARTS = [("xling_flores_en_de", "chrf", 5, 5), ("xling_xquad_en", "f1", 0, 4)]


def requests(name: str, metric: str, shots: int, items: int) -> list[Any]:
    """lm-eval's requests; their texts may have 24 tokens."""
    task = tasks.build(get_task(name), {"metrics": [metric]}, None)
    task.set_config(key="num_fewshot", value=shots)
    task.build_all_requests(limit=items, rank=0, world_size=1)
    for request in task.instances:
        request.args[1]["max_gen_toks"] = 24
    return list(task.instances)


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
