"""XGLM's attention through torch's fused kernel. transformers 5 has it in eager form only, which writes every attention
weight to memory several times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch


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


def _attend(
    self: Any, hidden_states: torch.Tensor, past_key_values: Any = None, attention_mask: Any = None, **_: Any
) -> tuple[torch.Tensor, None]:
    """XGLMAttention.forward for self-attention with a ready (B, 1, T, S) mask, bool or what is added to scores."""
    batch, length, _width = hidden_states.shape
    query, key, value = (
        layer(hidden_states).view(batch, length, self.num_heads, self.head_dim).transpose(1, 2)
        for layer in (self.q_proj, self.k_proj, self.v_proj)
    )
    if past_key_values is not None:
        key, value = past_key_values.update(key, value, self.layer_idx)
    if attention_mask is not None and attention_mask.is_floating_point() and attention_mask.dtype != query.dtype:
        # float32's lowest number is -inf in bfloat16, and of a row of those, padding on the left, kernels make 0 or NaN
        attention_mask = attention_mask.to(query.dtype).clamp(min=torch.finfo(query.dtype).min)
    out = torch.nn.functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=attention_mask,
        dropout_p=self.dropout if self.training else 0.0,
        scale=self.scaling,
    )
    return self.out_proj(out.transpose(1, 2).reshape(batch, length, self.embed_dim)), None
