"""The states of a sentence's tokens to one vector: g in h = g(f_l(s)) (AFP, Eq. 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from xling_bench.core.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import torch

Pooling = Literal["mean", "max", "last", "max_with_zeros", "last_by_count"]


def pool(states: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """One vector for each row, float32 (N, D).

    states: (N, T, D); mask: (N, T) bool, which tokens count. What stands at other tokens does not matter, be it NaN,
    and neither does the side they are on. With M the tokens that count:
        mean            sum over t in M of states[t] / |M|                                      (AFP's figures)
        max             max over t in M of states[t], for each dimension
        last            states[max M]: of a causal model, the token that has seen all others
        max_with_zeros  max over all t of states[t] * mask[t]: as `max`, but never below 0 in a row with padding, so
                        that a vector depends on what it is batched with. AFP's code (`max-l`); only to reproduce it.
        last_by_count   states[|M| - 1], which is the last token if M is the first |M| ones, as with padding on the
                        right. With padding on the left it is another token, or padding, whose states are whatever the
                        model makes of it. AFP's code (`last-l`); only to reproduce it.
    A row without tokens is NaN: batches refuse it, and here asking would make an accelerator wait.
    """
    import torch

    if pooling not in get_args(Pooling):
        raise UsageError(
            f"There is no pooling {pooling!r}; it is one of {', '.join(get_args(Pooling))}."
            + did_you_mean(str(pooling), get_args(Pooling))
        )
    outside = ~mask[:, :, None]  # (N, T, 1)
    if pooling == "mean":
        total = states.masked_fill(outside, 0.0).sum(1, dtype=torch.float32)
        return total / mask.sum(1, keepdim=True)  # (N, D)
    if pooling in ("last", "last_by_count"):
        places = torch.arange(states.shape[1], device=states.device)
        last = (places * mask).argmax(1) if pooling == "last" else (mask.sum(1) - 1).clamp(min=0)  # (N,)
        found = states[torch.arange(len(states), device=states.device), last]
    else:
        filler = 0.0 if pooling == "max_with_zeros" else -torch.inf
        found = states.masked_fill(outside, filler).max(1).values
    return torch.where(mask.any(1, keepdim=True), found.float(), torch.nan)  # (N, D)
