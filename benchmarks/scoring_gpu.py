"""The profile `scoring.py --gpu`: the engine against lm-eval's `hf`, where it is installed, and the plain forward pass.

XGLM-564M's and a 7B Llama's shapes with random bf16 weights (float16 where the device has no bf16) and XNLI-like
requests of random tokens: needs torch, transformers and `xling_bench.scoring`. `plain` is one full forward pass a batch
and a float32 log-softmax of every position; its best batch size is `hf`'s too. Documents are as many of --docs as a
row's share of --minutes allows, judged by a trial. Besides what `scoring.py` explains a row has:
  ratio_plain, ratio_hf        wall seconds over the engine's; of_bound is of ratio_hf, without lm-eval of ratio_plain
  tokens_s_engine, _plain      body positions a second, as computed (engine) and without padding (plain)
  docs_s_engine, _plain        documents a second
  peak_engine, peak_plain      floating-point work that had to be done (`shapes.float_work`) a second, of the device's
                               dense peak: --peak-tflops, or known by its name
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from shapes import CANDIDATES, Answer, Race, Request, Shape, emit, float_work, timed

from xling_bench.scoring.budget import automatic
from xling_bench.scoring.decoder import Decoder
from xling_bench.scoring.engine import Engine, out_of_memory
from xling_bench.scoring.tree import PrefixTree

SHAPES = {
    "xglm-564M": Shape("xglm", 256_008, layers=24, hidden=1024, heads=16, inner=4096),
    "llama-7B": Shape("llama", 32_000, layers=32, hidden=4096, heads=32, inner=11_008),
}
TINY = {f"{kind}-tiny": Shape(kind, 8192, layers=2, hidden=64, heads=4, inner=128) for kind in ("xglm", "llama")}
PEAKS = {"H200": 989.0, "H100": 989.0, "A100": 312.0}  # bf16 TFLOP/s, dense
BATCHES = (8, 16, 32, 64, 128)
TRIAL = 48  # documents on which batch size and speed are found out
SAFETY = 0.6  # of a row's time is planned for


def made_up(shots: int, docs: int, vocabulary: int) -> list[Request]:
    """Requests of random tokens with XNLI's structure and about its lengths: three documents share a premise."""
    rng = np.random.default_rng(0)

    def draw(size: int) -> list[int]:
        return [int(token) for token in rng.integers(4, vocabulary, size)]

    trunk, right, answers, comma = [2, *draw(46 * shots)], draw(3), draw(CANDIDATES), draw(1)
    requests, premise = list[Request](), list[int]()
    for doc in range(docs):
        if doc % 3 == 0:
            premise = draw(int(rng.integers(8, 46)))
        hypothesis = draw(int(rng.integers(6, 20)))
        requests += [([*trunk, *premise, *right, answer, *comma, *hypothesis], len(trunk)) for answer in answers]
    return requests


def engine(scorer: Engine, requests: Sequence[Request]) -> list[Answer]:
    """The engine's answers, from tokens on."""
    tree = PrefixTree()
    for tokens, start in requests:
        tree.add(tokens, start)
    return [(score.sum, score.greedy) for score in scorer.score(tree)]


@torch.inference_mode()
def plain(model: Any, requests: Sequence[Request], batch: int) -> list[Answer]:
    """One full forward pass a batch, the longest requests first, padded on the right."""
    answers: list[Answer] = [(0.0, False)] * len(requests)
    order = sorted(range(len(requests)), key=lambda i: -len(requests[i][0]))
    for begin in range(0, len(order), batch):
        chosen = order[begin : begin + batch]
        rows = [torch.tensor(requests[i][0]) for i in chosen]
        whole = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(model.device)
        logs = torch.log_softmax(model(whole[:, :-1], use_cache=False).logits, -1, dtype=torch.float32)
        for place, i in enumerate(chosen):
            end, start = len(requests[i][0]), requests[i][1]
            wanted, log = whole[place, start:end], logs[place, start - 1 : end - 1]
            value = log.gather(1, wanted[:, None]).sum()
            answers[i] = (float(value), bool((log.argmax(-1) == wanted).all()))
    return answers


def lm_eval_way(model: Any, batch: int) -> Callable[[Sequence[Request]], list[Answer]] | None:
    """lm-eval's `hf` from tokens on; None where lm-eval is not installed."""
    if importlib.util.find_spec("lm_eval") is None:
        return None
    from lm_eval.models.huggingface import HFLM
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    words = Tokenizer(models.WordLevel({token: i for i, token in enumerate(special)}, special[3]))
    names = {f"{name}_token": token for name, token in zip(("bos", "pad", "eos", "unk"), special, strict=True)}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, **names)
    lm = HFLM(model, tokenizer=tokenizer, softmax_dtype="float32", batch_size=batch)

    def score(requests: Sequence[Request]) -> list[Answer]:
        pairs = [(None, tokens[:start], tokens[start:]) for tokens, start in requests]
        return list(lm._loglikelihood_tokens(pairs, disable_tqdm=True))

    return score


def trial(model: Any, scorer: Engine, requests: Sequence[Request], deadline: float) -> tuple[int, float, float]:
    """The plain forward's best batch size and its seconds on `requests`, and the engine's. Sizes that do not fit in
    memory, or whose turn would come after `deadline`, are left out."""
    found = []
    timed(partial(plain, model, requests[: BATCHES[0]], BATCHES[0]))  # libraries load at the first use
    for size in BATCHES:
        if found and time.monotonic() > deadline:
            break
        try:
            found.append((size, timed(partial(plain, model, requests, size))[2]))
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            torch.cuda.empty_cache()
            break
    if not found:
        raise SystemExit(f"memory does not suffice for batches of {BATCHES[0]}")
    engine(scorer, requests)
    return *min(found, key=lambda pair: pair[1]), timed(partial(engine, scorer, requests))[2]


def gpu_row(shape: Shape, model: Any, shots: int, seconds: float, args: argparse.Namespace) -> dict[str, Any]:
    """One row, measured in about `seconds` at most."""
    begin, scorer = time.monotonic(), Engine(decoder := Decoder(model), automatic(decoder))
    batch, slow, quick = trial(model, scorer, made_up(shots, TRIAL, shape.vocabulary), begin + seconds / 4)
    hf = lm_eval_way(model, batch)
    turn = (slow * (2 if hf else 1) + quick) * args.repeats / TRIAL  # seconds a document
    left = seconds * SAFETY - (time.monotonic() - begin)
    docs = min(args.docs, max(6, 3 * int(left / turn / 3)))
    requests = made_up(shots, docs, shape.vocabulary)
    ways: dict[str, Callable[[], list[Answer]]] = {
        "engine": partial(engine, scorer, requests),
        "plain": partial(plain, model, requests, batch),
    }
    race = Race(ways | ({"hf": partial(hf, requests)} if hf else {})).run(args.repeats)
    wall, work = race.wall, float_work(model, requests)
    ratios = {f"ratio_{way}": wall[way] / wall["engine"] for way in wall if way != "engine"}
    of_peak = {"engine": work.tree / wall["engine"] / 1e12, "plain": work.plain / wall["plain"] / 1e12}
    peak = args.peak_tflops or next((value for key, value in PEAKS.items() if key in device_name(args.device)), None)
    shares = {f"peak_{way}": f"{100 * value / peak:.2g}%" if peak else "unknown" for way, value in of_peak.items()}
    ratio = ratios.get("ratio_hf", ratios["ratio_plain"])
    return {
        "vocabulary": shape.vocabulary, "shots": shots, "docs": docs, **ratios, "bound": work.bound,
        "of_bound": f"{100 * ratio / work.bound:.0f}%", **{f"wall_{way}": value for way, value in wall.items()},
        "tokens_s_engine": round(work.tree_tokens / wall["engine"]),
        "tokens_s_plain": round(work.plain_tokens / wall["plain"]),
        "docs_s_engine": docs / wall["engine"], "docs_s_plain": docs / wall["plain"],
        **{f"tflops_{way}": value for way, value in of_peak.items()}, **shares,
        "batch": batch, "budget": scorer.budget, **race.agreement("engine", "hf" if hf else "plain"),
        "repeats": args.repeats, "dtype": str(model.dtype).removeprefix("torch."), "data": "random-tokens",
        "device": device_name(args.device).replace(" ", "-"), "lm_eval": hf is not None,
    }  # fmt: skip


def device_name(device: str) -> str:
    """What the device is called."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def dtype_of(device: str) -> torch.dtype:
    """bf16 where the device computes it, else float16; float32 on a CPU."""
    if not device.startswith("cuda"):
        return torch.float32
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def gpu_rows(args: argparse.Namespace) -> None:
    """All rows; each gets an equal share of the time that is left, and none begins after its end."""
    end = time.monotonic() + 60 * args.minutes
    chosen = [item for item in (TINY if args.tiny else SHAPES).items() if item[1].kind in args.shapes]
    waiting = len(chosen) * len(args.shots)
    for name, shape in chosen:
        model = None
        for shots in args.shots:
            row = {"benchmark": "scoring-gpu", "shape": name}
            if time.monotonic() > end:
                emit(row | {"shots": shots, "skipped": "no-time-left"}, args.json)
                continue
            model = model or shape.build(args.device, dtype_of(args.device))
            emit(row | gpu_row(shape, model, shots, (end - time.monotonic()) / waiting, args), args.json)
            waiting -= 1
            if torch.cuda.is_available():
                torch.cuda.empty_cache()  # or the next row's engine would plan with less memory
        del model
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
