"""The output layer's losses of tokens, of which all logits never exist at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from xling_bench.core.errors import TrainingError
from xling_bench.scoring.head import Head

SumLoss = Callable[[torch.Tensor, torch.Tensor, Head], torch.Tensor]  # states (M, D), targets (M,), head -> ()
CHUNK = 256  # positions whose logits exist at a time; torch's own choice was 4 times slower on a CPU (BENCHMARKS.md)
IGNORED = -100


def labelled(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where a causal model's states are needed, and for which tokens.

    labels: (B, T), the row's own tokens, -100 where nothing is to be learnt. Token t is predicted from the state at
    t - 1, so a label in the first column counts for nothing. Returns (M,) ascending places in the flattened
    (B * T) states, and (M,) targets. No label at all is an error, where a mean would be 0 / 0.
    """
    rows, columns = torch.nonzero(labels[:, 1:] != IGNORED, as_tuple=True)
    if not len(rows):
        raise TrainingError(
            "No token of the batch has a label, so there is nothing to learn from it: every response is empty or was "
            "cut off. Leave such samples out, or allow longer ones."
        )
    return rows * labels.shape[1] + columns, labels[rows, columns + 1]


def token_losses(
    states: torch.Tensor, targets: torch.Tensor, head: Head, *, chunk: int = CHUNK, kernel: SumLoss | None = None,
    in_place: bool = False,
) -> torch.Tensor:  # fmt: skip
    """Sum over m of -log P(targets[m] | states[m]), a scalar; logits of at most `chunk` positions exist at a time.

    states: (M, D) of the last layer, after its norm; targets: (M,). By what is there: `kernel` if given (any fused
    kernel fits in, e.g. Liger's); torch's `linear_cross_entropy` (2.13), which computes the gradient on the way and
    keeps it; else chunks that are recomputed in the backward pass. torch's takes plain layers without a soft cap only.
    in_place: the gradient of the output layer's weight may be added to its `grad` in the backward pass. That is done
    where all logits are smaller than that gradient, which torch's way would make anew (`_InPlace`).
    Under autocast the logits are of its type and sums float32; torch's way then returns the loss, but not its gradient,
    rounded to autocast's type.
    """
    if kernel is not None:
        return kernel(states, targets, head)
    if in_place and _takes_in_place(states, head):
        loss: torch.Tensor = _InPlace.apply(states, targets, head.layer.weight)  # type: ignore[no-untyped-call]
        return loss
    if hasattr(torch.nn, "LinearCrossEntropyOptions") and head.weight is not None and head.softcap is None:
        return _by_torch(states, targets, head, chunk)
    parts = zip(torch.split(states, chunk), torch.split(targets, chunk), strict=True)
    return torch.stack([checkpoint(_recomputed, s, t, head, use_reentrant=False) for s, t in parts]).sum()


def _by_torch(states: torch.Tensor, targets: torch.Tensor, head: Head, chunk: int) -> torch.Tensor:
    weight, bias = head.layer.weight, head.layer.bias
    kind = states.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
    states, weight, bias = states.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    if head.scale is not None:
        states, bias = states * head.scale, None if bias is None else bias * head.scale
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=chunk, chunking_method=None)
    loss: torch.Tensor = torch.nn.functional.linear_cross_entropy(
        states, weight, targets, linear_bias=bias, reduction="sum", options=options
    )
    return loss.float()


def _takes_in_place(states: torch.Tensor, head: Head) -> bool:
    plain = head.weight is not None and head.softcap is None and head.scale is None and head.layer.bias is None
    weight = head.layer.weight if plain else None
    return (
        weight is not None
        and weight.requires_grad
        and states.dtype == weight.dtype == torch.float32
        and len(states) <= states.shape[1]
        and not torch.is_autocast_enabled(states.device.type)
    )


class _InPlace(torch.autograd.Function):
    """The sum of losses through all logits (M, V), which become their own gradient; that of the weight is added to its
    `grad`, and none is returned."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        logits = states @ weight.T  # (M, V)
        rows = torch.arange(len(targets), device=targets.device)
        top = logits.amax(1, keepdim=True)
        wanted = logits[rows, targets] - top.squeeze(1)
        total = logits.sub_(top).exp_().sum(1, keepdim=True)  # (M, 1)
        logits.div_(total)[rows, targets] -= 1.0  # the gradient of the sum
        ctx.save_for_backward(states, logits)
        ctx.weight = weight
        return (total.squeeze(1).log() - wanted).sum()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        states, logits = ctx.saved_tensors
        if ctx.weight.grad is None:
            ctx.weight.grad = torch.zeros_like(ctx.weight)
        ctx.weight.grad.addmm_(logits.T, states * gradient)
        return (logits @ ctx.weight) * gradient, None, None


def _recomputed(states: torch.Tensor, targets: torch.Tensor, head: Head) -> torch.Tensor:
    """States (M, D) and targets (M,) to the sum of their losses through all logits (M, V) at once."""
    return cross_entropy(head.logits(states), targets, reduction="sum")


def causal_lm(
    hidden: torch.Tensor, labels: torch.Tensor, head: Head, *, chunk: int = CHUNK, kernel: SumLoss | None = None
) -> torch.Tensor:
    """Causal language modelling: the mean of -log P(labels[b, t] | tokens before t) over labelled tokens, t >= 1.

    hidden: (B, T, D) of the last layer; labels: (B, T), -100 where nothing is to be learnt. The head runs at the
    positions before labelled tokens only.
    """
    rows, targets = labelled(labels)
    states = hidden.flatten(0, 1)[rows]  # (M, D)
    return token_losses(states, targets, head, chunk=chunk, kernel=kernel) / len(targets)
