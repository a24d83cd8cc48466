"""Vectors of all processes, for losses whose rows are each other's negatives."""

from __future__ import annotations

from typing import Any

import torch


def gathered(vectors: torch.Tensor, *, gradient: bool = True) -> torch.Tensor:
    """The vectors of all processes of `torch.distributed`, (B, D) each to (W * B, D), with gradients; here if alone.

    Every process then has the loss of the whole batch. The gradient of a process's own vectors is the sum of all
    processes' losses' with respect to them, W times that of the loss, and replication (DDP, FSDP) divides by W: the
    result is that of one process with the whole batch. B must be the same everywhere.

    gradient=False: only a process's own vectors have theirs, so that replication's mean leaves 1/W of it (AFP's code).
    """
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return vectors
    if not gradient:
        parts = list(_all(vectors.detach()))
        parts[torch.distributed.get_rank()] = vectors
        return torch.cat(parts)
    everyone: torch.Tensor = _Gather.apply(vectors)  # type: ignore[no-untyped-call]
    return everyone


class _Gather(torch.autograd.Function):
    """all_gather with a gradient; torch's own is deprecated since 2.13, and its successor private."""

    @staticmethod
    def forward(_ctx: Any, vectors: torch.Tensor) -> torch.Tensor:
        return torch.cat(_all(vectors))

    @staticmethod
    def backward(_ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        return total.chunk(torch.distributed.get_world_size())[torch.distributed.get_rank()]


def _all(vectors: torch.Tensor) -> list[torch.Tensor]:
    parts = [torch.empty_like(vectors) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, vectors.contiguous())
    return parts
