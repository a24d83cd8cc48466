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
ITEMS = 6
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
        bare = way != "run-vllm"  # lm-eval keeps other blanks at the ends
        mine, theirs = ({k: t.strip() if bare else t for k, t in texts(x).items()} for x in (first, others))
        apart = [key for key in mine if mine[key] != theirs[key]]
        assert len(apart) <= len(mine) / 8, (way, apart)
        for key in apart:  # a random model may be of two minds
            context, settings = (first[key]["arguments"]["gen_args_0"][name] for name in ("arg_0", "arg_1"))
            margin = smallest_margin(model, context, settings, mine[key], theirs[key])
            assert margin < 1e-3, (way, key, margin)
        for key, values in sums(first).items():
            others_values = sums(others)[key]
            assert values == pytest.approx(others_values, abs=1e-3, rel=1e-5), (way, key)
            assert values.index(max(values)) == others_values.index(max(others_values)), (way, key)
        same = {key: number for key, number in numbers.items() if key[0] not in {task for task, _ in apart}}
        there = scores(ways[way])
        assert {key: there[key] for key in same} == pytest.approx(same, abs=1e-9), way


def smallest_margin(model: Path, context: str, settings: Any, mine: str, theirs: str) -> float:
    """By how little, nats, transformers' likeliest token was ahead of the next one at worst, until two texts part."""
    import torch

    from xling_bench.models.config import ModelConfig
    from xling_bench.models.load import load

    lm: Any = load(ModelConfig(f"hf:{model}", dtype="float32", device="cpu", max_length=LENGTH))
    pairs = enumerate(zip(mine.strip(), theirs.strip(), strict=False))
    common = next((at for at, (a, b) in pairs if a != b), min(len(mine.strip()), len(theirs.strip())))
    tokens, margins = lm.ending(lm.tok_encode(context), LENGTH - settings["max_gen_toks"]), [1.0]
    made: list[int] = []
    unread, past = tokens, None
    with torch.inference_mode():
        while len(made) < settings["max_gen_toks"]:
            found = lm.model(torch.tensor([unread]), past_key_values=past, use_cache=True)
            best, past = found.logits[0, -1].double().log_softmax(-1).topk(2), found.past_key_values
            margins.append(float(best.values[0] - best.values[1]))
            unread = [int(best.indices[0])]
            made += unread
            if len(lm.tokenizer.decode(made, skip_special_tokens=True).strip()) > common:
                break
    return min(margins)
