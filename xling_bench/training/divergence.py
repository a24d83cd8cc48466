"""How far one model's next tokens are from another's, without all logits of both at once."""

from __future__ import annotations

import torch
from torch.nn.functional import kl_div, log_softmax
from torch.utils.checkpoint import checkpoint

from xling_bench.scoring.head import Head
from xling_bench.training.token_losses import CHUNK


def divergence(
    base: torch.Tensor, states: torch.Tensor, base_head: Head, head: Head, *, chunk: int = CHUNK
) -> torch.Tensor:
    """Sum over m of KL(P_base(. | m) || P(. | m)) in nats, a scalar with the gradient of `states` and `head` only.

    base, states: (M, D) and (M, D') of the last layers, after their norms, of one vocabulary. Logits of at most `chunk`
    positions exist at a time, float32, and again in the backward pass.
    """
    parts = zip(torch.split(base, chunk), torch.split(states, chunk), strict=True)
    found = [checkpoint(_summed, one, two, base_head, head, use_reentrant=False) for one, two in parts]
    return torch.stack(found).sum()


def _summed(base: torch.Tensor, states: torch.Tensor, base_head: Head, head: Head) -> torch.Tensor:
    with torch.no_grad():
        want = log_softmax(base_head.logits(base), -1)  # (M', V)
    return kl_div(log_softmax(head.logits(states), -1), want, reduction="sum", log_target=True)
