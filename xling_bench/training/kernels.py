"""Fused kernels for the output layer's loss that others wrote: optional packages, for accelerators."""

from __future__ import annotations

import os
from typing import Literal

import torch

from xling_bench.core.errors import MissingPackageError, UnsupportedModelError, UsageError
from xling_bench.core.extras import installing
from xling_bench.scoring.head import Head
from xling_bench.training.token_losses import SumLoss

Kernel = Literal["torch", "liger"]


def kernel(name: Kernel) -> SumLoss | None:
    """What `token_losses` takes: None for torch's own way, or Liger's fused linear cross-entropy.

    Liger's is Triton, for GPUs; with TRITON_INTERPRET=1 it runs slowly anywhere, to be tested. Gradients of the output
    layer are summed in float32: summed in bfloat16 they were reported to harm models (Liger-Kernel, issue 827).
    Raises MissingPackageError or UsageError where it cannot run.
    """
    if name == "torch":
        return None
    try:
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss
    except ImportError as error:
        raise MissingPackageError(
            f'model.kernel = {name!r}: {error}. {installing("liger")}; or set model.kernel = "torch".'
        ) from error
    if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
        raise UsageError(f'model.kernel = {name!r} needs a GPU, and there is none here; set model.kernel = "torch".')

    def summed(states: torch.Tensor, targets: torch.Tensor, head: Head) -> torch.Tensor:
        if head.weight is None or head.softcap is not None:
            raise UnsupportedModelError(
                "model.kernel: Liger's is tested with a plain output layer only, and this one has an adapter, is "
                'quantised or bounds its logits; set model.kernel = "torch".'
            )
        kind, bias = states.device.type, head.layer.bias
        if torch.is_autocast_enabled(kind):  # the product with the weight is autocast's
            states = states.to(torch.get_autocast_dtype(kind))
        if head.scale is not None:
            states, bias = states * head.scale, None if bias is None else bias * head.scale
        fused = LigerFusedLinearCrossEntropyLoss(reduction="sum", accum_dtype=torch.float32)
        loss: torch.Tensor = fused(head.layer.weight, states, targets, bias)
        return loss.float()

    return summed
