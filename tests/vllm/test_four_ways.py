"""vLLM against transformers on real items: the same texts, decisions, log-likelihoods and scores, four ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from programs import samples
from ways import BOTH, ITEMS, LENGTH, ours, plain, scores, sums, texts

pytestmark = [pytest.mark.vllm, pytest.mark.data]


@pytest.mark.parametrize("name", ["llama", "bloom", "gemma"])
def test_four_ways_to_the_same_numbers(name: str, wide: Any, request: Any, files: Path, tmp_path: Path) -> None:
    model = request.getfixturevalue("gemma") if name == "gemma" else wide[name]
    ways = {way: tmp_path / way for way in ("run-hf", "run-vllm", "lm_eval-hf", "lm_eval-vllm")}
    length = ("--max-length", LENGTH)
    items = 3 if name == "gemma" else ITEMS
    ours(f"hf:{model}", ways["run-hf"], files, *length, items=items)
    ours(f"vllm:{model}", ways["run-vllm"], files, *length, "--likelihood", "vllm", items=items)
    plain("hf", model, ways["lm_eval-hf"], files, items=items)
    # lm-eval leaves special tokens in vLLM's texts, which it takes out of transformers'.
    plain("vllm", model, ways["lm_eval-vllm"], files, "--gen_kwargs", "skip_special_tokens=True", items=items)
    found = {way: samples(folder) for way, folder in ways.items()}
    first = found.pop("run-hf")
    assert len(first) == items * len(BOTH)
    assert len(set(texts(first).values())) > items, "models that always say the same prove nothing"
    numbers = scores(ways["run-hf"])
    for way, others in found.items():
        if way == "run-vllm":
            assert texts(others) == texts(first), way
        else:
            assert {k: t.strip() for k, t in texts(others).items()} == {k: t.strip() for k, t in texts(first).items()}
        for key, mine in sums(first).items():
            theirs = sums(others)[key]
            assert mine == pytest.approx(theirs, abs=1e-3, rel=1e-5), (way, key)
            assert mine.index(max(mine)) == theirs.index(max(theirs)), (way, key)
        assert scores(ways[way]) == pytest.approx(numbers, abs=1e-9), way
