"""Attention of rows to a prefix that they share, without a copy of it for each row.

Where every row has a token to attend with, as in each step of generation, the prefix's keys and values are by far most
of what attention reads. Read once for all rows they are a matrix product; copied to each row they are memory traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

# What models hand to an attention function besides, and what the mask, the scale or nobody needs here.
HARMLESS = {"sliding_window", "position_ids", "is_causal", "output_attentions", "use_cache", "cache_position",
            "output_hidden_states", "return_dict"}  # fmt: skip
Both = tuple[torch.Tensor, torch.Tensor]  # a layer's keys and values


def share(own: Both, before: Both) -> Both:
    """Own keys and values of rows, (B, H, S, D), that stand for a prefix, (1, H, P, D), and themselves in `attend`."""
    own[0].before = before  # type: ignore[attr-defined]
    return own


def whole(key: torch.Tensor, value: torch.Tensor) -> Both:
    """What keys and values stand for, (B, H, P + S, D)."""
    before: Both | None = getattr(key, "before", None)
    if before is None:
        return key, value
    first, second = (part.expand(len(key), -1, -1, -1) for part in before)
    return torch.cat([first, key], -2), torch.cat([second, value], -2)


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Any, dropout: float, scale: float
) -> torch.Tensor:
    """`scaled_dot_product_attention` of a query, (B, H, T, D), to what keys and values stand for.

    mask: (B, 1, T, P + S)."""
    if _apart(query, key, mask, dropout):
        return _two_part(query, key, value, mask, scale)
    key, value = whole(key, value)
    return torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale
    )


@contextmanager
def shared_attention() -> Iterator[None]:
    """Within it, transformers' attention functions of the kind `sdpa` take keys and values from `share`."""
    usual = ALL_ATTENTION_FUNCTIONS["sdpa"]

    def attention(
        module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **given: Any
    ) -> tuple[torch.Tensor, Any]:
        others = dict(given)
        dropout, scale = others.pop("dropout", 0.0), others.pop("scaling", None)
        known = all(argument is None or name in HARMLESS for name, argument in others.items())
        if known and _apart(query, key, attention_mask, dropout):
            scale = query.shape[-1] ** -0.5 if scale is None else scale
            return _two_part(query, key, value, attention_mask, scale).transpose(1, 2).contiguous(), None
        return usual(module, query, *whole(key, value), attention_mask, **given)  # type: ignore[no-any-return]

    ALL_ATTENTION_FUNCTIONS["sdpa"] = attention
    try:
        yield
    finally:
        ALL_ATTENTION_FUNCTIONS["sdpa"] = usual


def _apart(query: torch.Tensor, key: torch.Tensor, mask: Any, dropout: float) -> bool:
    """Whether the two parts are worth being computed apart, and can be."""
    shared, bools = getattr(key, "before", None) is not None, mask is not None and mask.dtype == torch.bool
    return shared and bools and query.shape[2] == 1 and not dropout


def _two_part(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scale: float
) -> torch.Tensor:
    """One token a row: (B, H, 1, D)."""
    rows, heads, _, width = query.shape
    first, second = (part[0] for part in key.before)  # type: ignore[attr-defined]  # (K, P, D): K heads of keys
    kinds, length = first.shape[0], first.shape[1]
    group = heads // kinds
    asked = (query * scale).view(rows, kinds, group, width).transpose(0, 1)  # (K, B, G, D)
    flat = asked.reshape(kinds, rows * group, width)
    before = torch.bmm(flat, first.transpose(1, 2)).view(kinds, rows, group, length)
    after = torch.matmul(asked, key.transpose(0, 1).transpose(2, 3))  # (K, B, G, S)
    scores = torch.cat([before, after], -1).masked_fill_(~mask.view(1, rows, 1, -1), -torch.inf)
    weights = torch.softmax(scores, -1, dtype=torch.float32).to(value.dtype)
    out = torch.bmm(weights[..., :length].reshape(kinds, rows * group, length), second)
    out = out.view(kinds, rows, group, -1) + torch.matmul(weights[..., length:], value.transpose(0, 1))
    return out.transpose(0, 1).reshape(rows, heads, 1, -1)
