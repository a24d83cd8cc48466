"""The profile `training.py --model DIR`: one AFP update of a real model, ours and the naive one, a process each.

Real weights in float32, AdamW, random tokens of the model's vocabulary: `--pairs` pairs of at most 32 tokens and
`--instructions` instructions of at most 96, 60 % of each learnt (defaults 8 and 4), layer 1, mean pooling. A first
update warms up and makes the optimiser's states; then `--repeats` are measured. A row:
  way           ours (`training.step.update`); naive (`training.py`'s reference: all layers, all logits, plain AdamW)
  cpu_s         CPU-seconds of an update, user and system, the least of the repeats; system_s: the kernel's part of it
  peak_mb       the most memory the process ever had; above_mb: that above the model's weights, their gradients and the
                optimiser's two states, which both need
and a last row, `gradients`: `off_ours` and `off_naive`, how far each is from the naive one whose softmax is in float64.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from afp_reference import Batch, reference, reference_update
from shapes import emit
from transformers import AutoModelForCausalLM

from xling_bench.training.objective import objective
from xling_bench.training.step import AlignmentStep, optimizer, update

WAYS = ("ours", "naive", "gradients")


def batch_of(model: Any, pairs: int, instructions: int) -> Batch:
    """Lengths as a real batch has them."""
    size = model.config.get_text_config().vocab_size
    return Batch.random(size, pairs, instructions, 96, (8, 32))


def seconds() -> tuple[float, float]:
    """CPU time of this process, (user and system, system)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_stime


def measured(way: str, args: argparse.Namespace) -> dict[str, Any]:
    """One way's row, of this process."""
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).train()
    batch, chosen = batch_of(model, args.pairs, args.instructions), objective(pooling="mean")
    if way == "gradients":
        return agreement(model, batch)
    if way == "ours":
        step, ours = AlignmentStep(model, chosen), optimizer(model)
        one: Any = lambda: update(step, ours, batch.pairs, [batch.instructions])  # noqa: E731
    else:
        usual = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.0)
        one = lambda: reference_update(model, usual, batch, chosen)  # noqa: E731
    one()
    found = []
    for _ in range(args.repeats):
        before, start = seconds(), time.perf_counter()
        one()
        after = seconds()
        found.append((after[0] - before[0], after[1] - before[1], time.perf_counter() - start))
    cpu, system, wall = min(found)
    size = sum(p.numel() * p.element_size() for p in model.parameters()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"cpu_s": cpu, "system_s": system, "wall_s": wall, "peak_mb": peak, "above_mb": peak - 4 * size,
            "weights_mb": size, "learnt": len(batch.instructions.places)}  # fmt: skip


def agreement(model: Any, batch: Batch) -> dict[str, Any]:
    """How far gradients are from those of the naive way with a float64 softmax, over these: norms of all weights."""
    chosen = objective(pooling="mean")
    step = AlignmentStep(model, chosen)
    with step.ready():
        step(batch.pairs, [batch.instructions]).total.backward()
    found = {"ours": taken(model)}
    for name, dtype in (("naive", torch.float32), ("exact", torch.float64)):
        loss, _alive = reference(model, batch, chosen, dtype)
        loss.float().backward()
        found[name] = taken(model)

    def norm(gradients: Any) -> float:
        return float(torch.stack([g.double().norm() for g in gradients]).norm())

    exact = found.pop("exact")
    size = norm(exact.values())
    return {f"off_{name}": norm(g[key] - exact[key] for key in exact) / size for name, g in found.items()}


def taken(model: Any) -> dict[str, torch.Tensor]:
    """The gradients, which the model has no more."""
    found = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad(set_to_none=True)
    return found


def model_rows(args: argparse.Namespace) -> None:
    """Print a row for each way, each from a process of its own."""
    for way in WAYS:
        command = [sys.executable, __file__, way, str(args.model), str(args.pairs), str(args.instructions),
                   str(args.repeats)]  # fmt: skip
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 # ourselves
        found = json.loads(done.stdout)
        row = {"benchmark": "training-model", "model": Path(args.model).name, "way": way, "pairs": args.pairs}
        emit(row | {"instructions": args.instructions, "threads": torch.get_num_threads()} | found, args.json)


if __name__ == "__main__":
    chosen_way, folder, *numbers = sys.argv[1:]
    pairs_, instructions_, repeats = map(int, numbers)
    given = argparse.Namespace(model=folder, pairs=pairs_, instructions=instructions_, repeats=repeats)
    print(json.dumps(measured(chosen_way, given)))
