"""The ways to a number: `run` and plain lm_eval, each with transformers and with vLLM."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from programs import run, samples

DEVICE = os.environ.get("XLING_VLLM_DEVICE", "cpu")
GENERATED = ("xling_flores_en_de", "xling_xquad_hi", "xling_mlqa_de_de")
RANKED = ("xling_xnli_sw", "xling_xcopa_th")
BOTH = (*GENERATED, *RANKED)
ITEMS = 8
LENGTH = 1024  # tokens of prompt and answer: each program finds another length by itself


def ours(
    model: str, output: Path, files: Path, *more: object, tasks: Any = BOTH, items: int = ITEMS, code: int = 0
) -> str:
    named = ("run", "--model", model, "--tasks", ",".join(tasks), "--data-dir", files, "-o", output)
    return run("xling_bench", *named, "--limit", items, "--dtype", "float32", "--device", DEVICE, *more, code=code)


def plain(model: str, folder: Path, output: Path, files: Path, *more: object, items: int = ITEMS) -> None:
    arguments = f"pretrained={folder},dtype=float32,max_length={LENGTH}"
    if model == "vllm":
        arguments += ",enforce_eager=True,gpu_memory_utilization=0.5"
    tasks = run("xling_bench", "path").strip()
    run("lm_eval", "run", "--model", model, "--model_args", arguments, "--include_path", tasks, "--tasks",
        ",".join(BOTH), "--limit", items, "--batch_size", "auto" if model == "vllm" else 8,
        "--log_samples", "--output_path", output, *more, XLING_DATA_DIR=str(files), VLLM_CPU_KVCACHE_SPACE="1",
        VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_LOGGING_LEVEL="ERROR")  # fmt: skip


def texts(found: dict[Any, Any]) -> dict[Any, str]:
    return {key: each["filtered_resps"][0] for key, each in found.items() if key[0] in GENERATED}


def sums(found: dict[Any, Any]) -> dict[Any, list[float]]:
    return {key: [float(x[0]) for x in each["filtered_resps"]] for key, each in found.items() if key[0] in RANKED}


def scores(folder: Path) -> dict[Any, float]:
    from xling_bench import load_results

    frame = load_results([folder])
    return {(task, metric): value for task, metric, value in frame[["task", "metric", "value"]].itertuples(index=False)}


def check_four(model: Path, items: int, files: Path, tmp_path: Path) -> None:
    """All four give the same."""
    ways = {way: tmp_path / way for way in ("run-hf", "run-vllm", "lm_eval-hf", "lm_eval-vllm")}
    length = ("--max-length", LENGTH)
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
