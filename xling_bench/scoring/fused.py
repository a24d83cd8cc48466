"""XGLM's attention through torch's fused kernel. transformers 5 has it in eager form only, which writes every attention
weight to memory several times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch

from xling_bench.core.errors import UnsupportedModelError
from xling_bench.scoring.two_part import attend


def no_others(what: str, others: Mapping[str, object], *harmless: str) -> None:
    """Raise UnsupportedModelError for an argument that stands in for something of transformers' was not written for.

    Libraries rename and add arguments; one that is swallowed is a wrong number. `harmless` names may have any value
    (they ask for an output that nobody reads), others none.
    """
    unknown = sorted(name for name, value in others.items() if value is not None and name not in harmless)
    if unknown:
        raise UnsupportedModelError(
            f"{what} is given {', '.join(unknown)}, which this version of xling-bench does not know; "
            "it was written for other versions of transformers"
        )


@contextmanager
def fused_attention(model: Any) -> Iterator[None]:
    """Within it, XGLM's self-attention is torch's `scaled_dot_product_attention`; other models are left alone."""
    layers = [module for module in model.modules() if type(module).__name__ == "XGLMAttention"]
    for layer in layers:
        layer.forward = MethodType(_attend, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _blind(mask: Any) -> bool:
    """Whether a token sees nothing: padding on the left.

    Fused kernels find weights anew from logarithms of sums in their backward pass. Of a row of float32's lowest number
    such a logarithm is that number, whatever the row's length, so that each weight is 1 there instead of a share: where
    a loss reads padding's states (`last_by_count`), gradients were many times too large. transformers' own has shares.
    """
    if mask is None or not mask.is_floating_point():
        return False
    return bool((mask.amax(-1) <= torch.finfo(mask.dtype).min).any())


def _attend(
    self: Any,
    hidden_states: torch.Tensor,
    *,
    cache: Any = None,
    past_key_values: Any = None,
    attention_mask: Any = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """XGLMAttention.forward for self-attention with a ready (B, 1, T, S) mask, bool or what is added to scores.

    Keys and values of a prefix are called `cache`, before transformers 5.24 `past_key_values`. Raises
    UnsupportedModelError for any other argument with a value: to leave it out might change every score.
    """
    no_others("XGLM's attention", others, "output_attentions", "use_cache", "cache_position")
    before = past_key_values if cache is None else cache
    if torch.is_grad_enabled() and before is None and _blind(attention_mask):
        found: torch.Tensor = type(self).forward(self, hidden_states, attention_mask=attention_mask)[0]
        return found, None
    batch, length, _width = hidden_states.shape
    query, key, value = (
        layer(hidden_states).view(batch, length, self.num_heads, self.head_dim).transpose(1, 2)
        for layer in (self.q_proj, self.k_proj, self.v_proj)
    )
    if before is not None:
        key, value = before.update(key, value, self.layer_idx)
    if attention_mask is not None and attention_mask.is_floating_point() and attention_mask.dtype != query.dtype:
        # float32's lowest number is -inf in bfloat16, and of a row of those, padding on the left, kernels make 0 or NaN
        attention_mask = attention_mask.to(query.dtype).clamp(min=torch.finfo(query.dtype).min)
    dropout = self.dropout if self.training else 0.0
    out = attend(query, key, value, attention_mask, dropout, self.scaling)
    return self.out_proj(out.transpose(1, 2).reshape(batch, length, self.embed_dim)), None
