"""The profile `training.py --gpu`: steps a second and memory of an AFP step at the shape AFP's authors print.

XGLM-564M's shape, float32 weights, bf16 autocast where the device has it, AdamW, batches of 4 pairs and 4 instructions.
Every way has the device to itself: model and optimiser are made, three updates warm up, then updates are counted for
the row's share of --minutes. A row:
  way             ours; reference (see `training.py`); untied, the reference with an output layer of its own, as AFP's
                  code trains it
  lengths         full: every text has --length tokens; typical: sentences of 16-48 tokens, instructions of --length
  steps_s         updates a second
  peak_mb         most memory allocated by torch, weights and optimiser included; none on a CPU
  loss            of the first update: the same for ours and reference up to rounding
AFP's README prints 7.55 steps/s and 33,269 MB for batch 4, length 512, on one A800, without the data's lengths.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from afp_reference import Batch, reference
from shapes import Shape, emit, wait

from xling_bench.training.model import untie
from xling_bench.training.objective import objective
from xling_bench.training.step import AlignmentStep, optimizer, update

SHAPE = Shape("xglm", 256_008, layers=24, hidden=1024, heads=16, inner=4096)
TINY = Shape("xglm", 8192, layers=2, hidden=64, heads=4, inner=128)
WAYS = ("ours", "reference", "untied")
BATCH, WARM = 4, 3


def updates(way: str, model: Any, batch: Batch, precision: torch.dtype | None) -> Callable[[], float]:
    """One update a call, which returns the loss before it."""
    chosen = objective(pooling="mean")
    if way == "ours":
        step, ours = AlignmentStep(model, chosen, autocast=precision), optimizer(model)
        return lambda: float(update(step, ours, batch.pairs, [batch.instructions]).total.detach())
    theirs = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.0)
    kind = batch.pairs.ids.device.type

    def one() -> float:
        theirs.zero_grad(set_to_none=True)
        with torch.autocast(kind, dtype=precision, enabled=precision is not None):
            loss, _alive = reference(model, batch, chosen)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        theirs.step()
        return float(loss.detach())

    return one


def measured(way: str, shape: Shape, lengths: str, seconds: float, args: argparse.Namespace) -> dict[str, Any]:
    """One row's figures."""
    cuda = args.device.startswith("cuda")
    gc.collect()
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(args.device)
    model = shape.build(args.device).train()
    if way == "untied":
        untie(model)
    low, high = (args.length, args.length) if lengths == "full" else (16, 48)
    batch = Batch.random(shape.vocabulary, BATCH, BATCH, args.length, (low, high), shortest=args.length)
    batch = Batch(batch.pairs.to(args.device), batch.instructions.to(args.device))
    one = updates(way, model, batch, precision(args.device))
    losses = [one() for _ in range(WARM)]
    wait()
    start, count = time.perf_counter(), 0
    while not count or time.perf_counter() - start < seconds:
        one()  # its loss is read, which waits for the device: so does AFP's loop, to log it
        count += 1
    wait()
    passed = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated(args.device) / 1e6 if cuda else "none"
    parameters = sum(p.numel() for p in model.parameters()) / 1e6
    return {
        "steps_s": count / passed, "peak_mb": peak, "loss": losses[0], "updates": count, "parameters_m": parameters,
        "learnt": len(batch.instructions.places), "positions": batch.instructions.ids.numel(),
    }  # fmt: skip


def precision(device: str) -> torch.dtype | None:
    """bf16 where the device computes in it; a CPU rehearses in float32."""
    return torch.bfloat16 if device.startswith("cuda") and torch.cuda.is_bf16_supported() else None


def gpu_rows(args: argparse.Namespace) -> None:
    """Print one line per lengths and way."""
    shape = TINY if args.tiny else SHAPE
    rows: Iterator[tuple[str, str]] = ((lengths, way) for lengths in ("typical", "full") for way in WAYS)
    seconds = 60 * args.minutes / (2 * len(WAYS)) * 0.6  # the rest is for making models and warming up
    name = torch.cuda.get_device_name(args.device) if args.device.startswith("cuda") else args.device
    for lengths, way in rows:
        row = {"benchmark": "training-gpu", "device": name, "shape": "xglm-tiny" if args.tiny else "xglm-564M"}
        row |= {"way": way, "lengths": lengths, "batch": BATCH, "length": args.length}
        emit(row | measured(way, shape, lengths, seconds, args), args.json)
