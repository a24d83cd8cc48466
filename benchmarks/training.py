"""One AFP step of ours against one as AFP's code does it: same model, same batch, same process, taking turns.

Usage: python benchmarks/training.py [--quick | --gpu | --model DIR] [options]; `--help` lists them. `--gpu`: see
`training_gpu.py`; `--model`, a real model's: `training_model.py`.

The reference is written for this comparison after a description of AFP's trainer: all layers, `output_hidden_states`,
on both sides of the pairs, attention as transformers has it; all logits of the vocabulary at all positions of the
instructions, shifted by a contiguous copy; outputs alive until the backward pass; torch's AdamW, not fused, without
decay. Ours is `xling_bench.training.step.update`, whose AdamW is fused. Both get the same padded rows, so that
gradients can be compared. What AFP's code does beyond this step is left out: an untied output layer, glued samples.
Models have random float32 weights and no dropout. A row:
  ratio_cpu, ratio_wall   the reference's seconds over ours (CPU of all threads), forward, backward and update, the
                          least of `repeats` each
  ratio_gradient          of CPU-seconds, forward and backward only
  bound                   that ratio if both were limited by the matrix products they ask for
  ratio_saved             bytes kept for the backward pass, the reference's over ours; parameters are not counted
  gradients               allclose if every one is, else differ: rtol 1e-4, atol 1e-5 of its parameter's largest and
                          1e-7 of the largest of all
  max_diff                the largest difference of gradients, over the largest gradient of all
"""

from __future__ import annotations

import argparse
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from afp_reference import Batch, reference, reference_gradient, reference_update
from shapes import Shape, emit, timed

from xling_bench.training.batches import Tokens
from xling_bench.training.objective import Objective, objective
from xling_bench.training.step import AlignmentStep, optimizer, update

QUICK = {"vocabulary": 8192, "layers": 4, "pairs": 16, "instructions": 4, "repeats": 1}


def gradient(step: AlignmentStep, batch: Batch) -> None:
    """Forward and backward of ours."""
    with step.ready():
        step(batch.pairs, [batch.instructions]).total.backward()


class Kept:
    """A tensor kept for the backward pass."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


def saved(model: Any, way: Callable[[], Any]) -> int:
    """Bytes kept for the backward pass when `way` has run forward: each storage once, without the model's own."""
    own = {p.untyped_storage().data_ptr() for p in (*model.parameters(), *model.buffers())}
    kept: weakref.WeakSet[Kept] = weakref.WeakSet()

    def pack(tensor: torch.Tensor) -> Kept:
        kept.add(wrapped := Kept(tensor))
        return wrapped

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda wrapped: wrapped.tensor):
        alive = way()
    storages = {(part := each.tensor.untyped_storage()).data_ptr(): part.nbytes() for each in kept}
    del alive
    return sum(size for place, size in storages.items() if place not in own)


def bound(model: Any, batch: Batch, chosen: Objective) -> float:
    """The reference's matrix products over ours.

    A position costs W = 2 * weights of a layer's matrices + 4 * hidden * T in a layer, and H = 2 * hidden * vocabulary
    in the output layer; backward costs twice as much as forward. The reference runs all L layers forward for pairs, l
    of them backward, and W and H at all positions of instructions; ours l layers both ways, and H where a token is
    learnt.
    """
    config, depth, layer = model.config, model.config.num_hidden_layers, chosen.settings()["layer"]
    matrices = sum(m.weight.numel() for m in model.base_model.modules() if isinstance(m, torch.nn.Linear)) / depth
    head = 2 * config.hidden_size * config.vocab_size

    def body(tokens: Tokens) -> float:
        return tokens.ids.numel() * (2 * matrices + 4 * config.hidden_size * tokens.ids.shape[1])

    both = 3 * depth * body(batch.instructions)
    ours = 3 * layer * body(batch.pairs) + both + 3 * head * len(batch.instructions.places)
    theirs = (depth + 2 * layer) * body(batch.pairs) + both
    theirs += 3 * head * batch.instructions.ids.numel()
    return theirs / ours


def agreement(one: Any, two: Any) -> dict[str, Any]:
    """Whether the gradients of two models with the same parameters are the same."""
    gradients = [{name: p.grad for name, p in model.named_parameters()} for model in (one, two)]
    largest = max(float(g.abs().max()) for g in gradients[1].values())
    pairs_ = [(gradients[0][name], want) for name, want in gradients[1].items()]
    close = all(
        torch.allclose(got, want, rtol=1e-4, atol=1e-5 * float(want.abs().max()) + 1e-7 * largest)
        for got, want in pairs_
    )
    off = max(float((got - want).abs().max()) for got, want in pairs_)
    return {"gradients": "allclose" if close else "differ", "max_diff": off / largest}


def measure(kind: str, args: argparse.Namespace) -> dict[str, Any]:
    """One row."""
    shape = Shape(kind, args.vocabulary, args.layers)
    mine, theirs = shape.build().train(), shape.build().train()
    chosen = objective(layer=args.layer, pooling="mean")
    batch = Batch.random(args.vocabulary, args.pairs, args.instructions, args.length)
    step = AlignmentStep(mine, chosen)
    with step.ready():
        kept_mine = saved(mine, lambda: step(batch.pairs, [batch.instructions]))
    gradient(step, batch)
    kept_theirs = saved(theirs, lambda: reference(theirs, batch, chosen))
    reference_gradient(theirs, batch, chosen)
    same = agreement(mine, theirs)
    ours, usual = optimizer(mine), torch.optim.AdamW(theirs.parameters(), lr=1e-5, weight_decay=0.0)
    ways: dict[str, Callable[[], Any]] = {
        "ours, gradient": lambda: gradient(step, batch),
        "reference, gradient": lambda: reference_gradient(theirs, batch, chosen),
        "ours": lambda: update(step, ours, batch.pairs, [batch.instructions]),
        "reference": lambda: reference_update(theirs, usual, batch, chosen),
    }
    mine.zero_grad(set_to_none=True)
    theirs.zero_grad(set_to_none=True)
    cpu, wall = dict.fromkeys(ways, float("inf")), dict.fromkeys(ways, float("inf"))
    for _ in range(args.repeats):
        for name, way in ways.items():
            _, seconds, passed = timed(way)
            cpu[name], wall[name] = min(cpu[name], seconds), min(wall[name], passed)
    return {
        "shape": kind, "vocabulary": args.vocabulary, "layers": args.layers, "layer": args.layer,
        "ratio_cpu": cpu["reference"] / cpu["ours"], "ratio_wall": wall["reference"] / wall["ours"],
        "ratio_gradient": cpu["reference, gradient"] / cpu["ours, gradient"],
        "bound": bound(mine, batch, chosen), "ratio_saved": kept_theirs / kept_mine,
        "cpu_ours": cpu["ours"], "cpu_reference": cpu["reference"],
        "saved_ours_mb": kept_mine / 1e6, "saved_reference_mb": kept_theirs / 1e6, **same,
        "pairs": args.pairs, "instructions": args.instructions, "length": args.length,
        "learnt": len(batch.instructions.places), "positions": batch.instructions.ids.numel(),
        "repeats": args.repeats, "threads": torch.get_num_threads(),
    }  # fmt: skip


def main() -> None:
    """Print one line per shape."""
    parser = argparse.ArgumentParser(description="Our AFP step against AFP's.")
    profile = parser.add_mutually_exclusive_group()
    profile.add_argument("--quick", action="store_true", help="8k vocabulary, 4 layers, 16 pairs, 4 instructions, once")
    profile.add_argument("--gpu", action="store_true", help="XGLM-564M's shape, bf16, batch 4, length 512")
    profile.add_argument("--model", type=Path, metavar="DIR", help="a model's folder: 8 pairs, 4 instructions, float32")
    parser.add_argument("--device", default="cuda", help="of --gpu")
    parser.add_argument("--tiny", action="store_true", help="a small shape for --gpu, to rehearse it anywhere")
    parser.add_argument("--minutes", type=float, default=8.0, help="time of --gpu without start-up")
    parser.add_argument("--shapes", type=lambda text: text.split(","), default=["xglm", "llama"])
    for name, value in (("vocabulary", 64_000), ("layers", 6), ("layer", 1), ("pairs", 32), ("instructions", 8),
                        ("length", 128), ("repeats", 5)):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--json", type=Path, help="append the rows to this file, one JSON object a line")
    if "--quick" in sys.argv:
        parser.set_defaults(**QUICK)
    if "--gpu" in sys.argv:
        parser.set_defaults(length=512)
    if "--model" in sys.argv:
        parser.set_defaults(pairs=8, instructions=4, repeats=3)
    args = parser.parse_args()
    if args.model:
        from training_model import model_rows

        model_rows(args)
        return
    if args.gpu:
        if args.device.startswith("cuda") and not torch.cuda.is_available():
            parser.error("--gpu: no CUDA device here")
        from training_gpu import gpu_rows

        gpu_rows(args)
        return
    if unknown := set(args.shapes) - {"xglm", "llama"}:
        parser.error(f"--shapes: {', '.join(sorted(unknown))}: expected xglm, llama")
    for kind in args.shapes:
        emit({"benchmark": "training"} | measure(kind, args), args.json)


if __name__ == "__main__":
    main()
