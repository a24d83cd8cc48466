"""The losses of AFP (Li et al. 2024, arXiv 2311.08089) as functions of tensors.

Where the paper and its authors' code differ, both are there as values of a parameter, each with its source. Defaults
are the code's, whose results are the published ones, unless the docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch.nn.functional import cross_entropy, normalize
from torch.utils.checkpoint import checkpoint

from xling_bench.errors import TrainingError, UsageError
from xling_bench.scoring.head import Head

Negatives = Literal["other_side", "both_sides"]
Per = Literal["token", "sample"]
SumLoss = Callable[[torch.Tensor, torch.Tensor, Head], torch.Tensor]  # states (M, D), targets (M,), head -> ()
CHUNK = 256  # positions whose logits exist at a time; torch's own choice was 4 times slower on a CPU (BENCHMARKS.md)
IGNORED = -100


def contrastive(
    anchor: torch.Tensor,
    positive: torch.Tensor,
    *,
    temperature: float = 0.05,
    both_directions: bool = False,
    negatives: Negatives = "other_side",
) -> torch.Tensor:
    """Multilingual contrastive loss (AFP, Eq. 2), a float32 scalar >= 0; lower is better.

    anchor, positive: (B, D), row i of each a translation of the other. With cosine similarity and temperature tau,

        L = mean_i -log( exp(sim(a_i, p_i) / tau) / sum_{h in H_i} exp(sim(a_i, h) / tau) )

    negatives: `other_side`: H_i = {p_1..p_B} (AFP's code); `both_sides`: also every a_j, j != i, "the other sentences
        in the same batch" (the paper, Section 3.1).
    both_directions: the mean of L(anchor, positive) and L(positive, anchor). Neither the paper nor its code does so.
    One pair has nothing to be told apart from: its loss is 0, and so is its gradient (with `both_sides` too).

    Always float32, whatever autocast says: at temperature 0.05, bfloat16's rounding moves logits by up to 0.06.
    """
    if anchor.shape != positive.shape or anchor.dim() != 2 or not len(anchor):
        raise UsageError(
            f"Contrastive loss takes two tensors of one shape (B, D), B > 0, got {(*anchor.shape,)} and "
            f"{(*positive.shape,)}."
        )
    if not temperature > 0:
        raise UsageError(f"The temperature must be above 0, got {temperature}.")
    if negatives not in ("other_side", "both_sides"):
        raise UsageError(f"Negatives are other_side or both_sides, got {negatives!r}.")
    with torch.autocast(anchor.device.type, enabled=False):
        a, p = normalize(anchor.float(), dim=-1), normalize(positive.float(), dim=-1)
        loss = _one_direction(a, p, temperature, negatives)
        if both_directions:
            loss = (loss + _one_direction(p, a, temperature, negatives)) / 2
    return loss


def _one_direction(a: torch.Tensor, p: torch.Tensor, temperature: float, negatives: Negatives) -> torch.Tensor:
    scores = a @ p.T / temperature  # (B, B)
    truth = torch.arange(len(a), device=a.device)
    if negatives == "both_sides":
        own = (a @ a.T / temperature).fill_diagonal_(-torch.inf)
        scores = torch.cat([scores, own], 1)  # (B, 2B)
    return cross_entropy(scores, truth)


def gathered(vectors: torch.Tensor) -> torch.Tensor:
    """The vectors of all processes of `torch.distributed`, (B, D) each to (W * B, D), with gradients; here if alone.

    Every process then has the loss of the whole batch. The gradient of a process's own vectors is the sum of all
    processes' losses' with respect to them, W times that of the loss, and replication (DDP, FSDP) divides by W: the
    result is that of one process with the whole batch. B must be the same everywhere.
    """
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return vectors
    everyone: torch.Tensor = _Gather.apply(vectors)  # type: ignore[no-untyped-call]
    return everyone


class _Gather(torch.autograd.Function):
    """all_gather with a gradient; torch's own is deprecated since 2.13, and its successor private."""

    @staticmethod
    def forward(_ctx: Any, vectors: torch.Tensor) -> torch.Tensor:
        parts = [torch.empty_like(vectors) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(parts, vectors.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(_ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        return total.chunk(torch.distributed.get_world_size())[torch.distributed.get_rank()]


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
    states: torch.Tensor, targets: torch.Tensor, head: Head, *, chunk: int = CHUNK, kernel: SumLoss | None = None
) -> torch.Tensor:
    """Sum over m of -log P(targets[m] | states[m]), a scalar; logits of at most `chunk` positions exist at a time.

    states: (M, D) of the last layer, after its norm; targets: (M,). By what is there: `kernel` if given (any fused
    kernel fits in, e.g. Liger's); torch's `linear_cross_entropy` (2.13), which computes the gradient on the way and
    keeps it; else chunks that are recomputed in the backward pass. torch's takes plain layers without a soft cap only.
    Under autocast the logits are of its type and sums float32; torch's way then returns the loss, but not its gradient,
    rounded to autocast's type.
    """
    if kernel is not None:
        return kernel(states, targets, head)
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


def _recomputed(states: torch.Tensor, targets: torch.Tensor, head: Head) -> torch.Tensor:
    """States (M, D) and targets (M,) to the sum of their losses through all logits (M, V) at once."""
    return cross_entropy(head.logits(states), targets, reduction="sum")


def causal_lm(
    hidden: torch.Tensor, labels: torch.Tensor, head: Head, *, chunk: int = CHUNK, kernel: SumLoss | None = None
) -> torch.Tensor:
    """Causal language modelling: the mean of -log P(labels[b, t] | tokens before t) over labelled tokens, t >= 1.

    hidden: (B, T, D) of the last layer; labels: (B, T), -100 where nothing is to be learnt. The head runs at the
    positions before labelled tokens only. With labels on responses only this is AFP's cross-lingual instruction
    following as its code has it; `share` says how the paper's Eq. 3 differs.
    """
    rows, targets = labelled(labels)
    states = hidden.flatten(0, 1)[rows]  # (M, D)
    return token_losses(states, targets, head, chunk=chunk, kernel=kernel) / len(targets)


def share(tokens: int, samples: int, per: Per) -> int:
    """What the summed token losses of cross-lingual instruction following are divided by.

    `token`: the number of labelled tokens, so that every token weighs the same (AFP's code). `sample`: the number of
    samples, L = E_(c, r) sum_j -log P(r_j | c, r_<j), as Eq. 3 is written: a long response weighs more, and the loss is
    larger by the mean response length, which alpha = 1.5 was not chosen for.
    """
    if per not in ("token", "sample"):
        raise UsageError(f"The instruction loss is per token or per sample, got {per!r}.")
    return tokens if per == "token" else samples
