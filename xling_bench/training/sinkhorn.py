"""Entropic optimal transport between two bags of vectors that weigh alike (Cuturi 2013), in logarithms."""

from __future__ import annotations

import torch


def plan(
    cost: torch.Tensor, here: torch.Tensor, there: torch.Tensor, epsilon: float, iterations: int
) -> torch.Tensor:
    """The plan (B, S, T) for costs (B, S, T): how much of s goes to t, float32, without a gradient.

    here (B, S), there (B, T): bool, which members count; each pair of bags has one or more on either side. Masses are
    1 / their number; the rest gets 0. Columns sum to theirs exactly, rows in the limit of many iterations.
    """
    with torch.no_grad():
        kernel = -cost.float() / epsilon
        kernel = kernel.masked_fill(~(here[:, :, None] & there[:, None, :]), -torch.inf)
        mass = [_logarithm(mask) for mask in (here, there)]  # (B, S), (B, T); -inf where nothing counts
        left, right = torch.zeros_like(mass[0]), torch.zeros_like(mass[1])
        for _ in range(iterations):
            left = _scaled(mass[0], kernel + right[:, None, :], here)
            right = _scaled(mass[1], (kernel + left[:, :, None]).transpose(1, 2), there)
        return (kernel + left[:, :, None] + right[:, None, :]).exp()


def _logarithm(mask: torch.Tensor) -> torch.Tensor:
    return torch.where(mask, -mask.sum(1, keepdim=True).float().log(), -torch.inf)


def _scaled(mass: torch.Tensor, scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What a row's scores lack to sum to its mass, in logarithms; 0 where it does not count."""
    return torch.where(mask, mass - scores.logsumexp(2), 0.0)
