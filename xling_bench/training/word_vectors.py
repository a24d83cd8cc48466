"""Vectors of linked words out of the states of pairs, and links by the states themselves."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from xling_bench.training.batches import Tokens


def linked(states: torch.Tensor, pairs: Tokens, links: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The means of the states of both words of each link: states (2B, T, D), links (K, 7), see `Tokens`; (K, D) each,
    float32."""
    # Special tokens' states, which may be thousands of times larger, would cost the others their last digits.
    states = states.float().masked_fill(~pairs.counted[:, :, None], 0.0)
    sums = torch.nn.functional.pad(states, (0, 0, 1, 0)).cumsum(1)  # (2B, T + 1, D)
    half = len(pairs.ids) // 2

    def mean(rows: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        return (sums[rows, end] - sums[rows, start]) / (end - start)[:, None]

    one = mean(links[:, 0], links[:, 1], links[:, 2])
    return one, mean(links[:, 0] + half, links[:, 3], links[:, 4])


def nearest(states: torch.Tensor, pairs: Tokens) -> torch.Tensor:
    """Links (K, 7) of tokens that are each other's nearest by cosine, of those that count in a vector; as words they
    are compared by their ids. Without a gradient."""
    with torch.no_grad():
        half = len(pairs.ids) // 2
        directions = normalize(states.float(), dim=-1)
        cosines = directions[:half] @ directions[half:].transpose(1, 2)  # (B, T, T)
        both = pairs.counted[:half, :, None] & pairs.counted[half:, None, :]
        cosines = cosines.masked_fill(~both, -torch.inf)
        there, back = cosines.argmax(2), cosines.argmax(1)  # (B, T)
        places = torch.arange(states.shape[1], device=states.device)
        mutual = (back.gather(1, there) == places) & pairs.counted[:half]
        row, s = mutual.nonzero(as_tuple=True)
        t = there[row, s]
        return torch.stack([row, s, s + 1, t, t + 1, pairs.ids[row, s], pairs.ids[row + half, t]], 1)
