"""Tiny random models of the architectures the scoring engine is for, by transformers' own names."""

from __future__ import annotations

from typing import Any

import torch
import transformers

NAMES = ("xglm", "bloom", "gpt_neox", "llama", "qwen2", "qwen3", "mistral", "gemma2", "gemma3_text")
HALF_SLIDING = ["sliding_attention", "full_attention"]
OWN = {
    "xglm": {"d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 64, "init_std": 0.3},
    "bloom": {"hidden_size": 48, "n_layer": 2, "n_head": 6},  # six heads: ALiBi's slopes are not one geometric row
    "gpt_neox": {"num_attention_heads": 4},
    "qwen3": {"head_dim": 8},
    "mistral": {"sliding_window": 5},
    "gemma2": {"head_dim": 8, "sliding_window": 5, "layer_types": HALF_SLIDING, "final_logit_softcapping": 2.0,
               "attn_logit_softcapping": 4.0},
    "gemma3_text": {"head_dim": 8, "sliding_window": 5, "layer_types": HALF_SLIDING},
}  # fmt: skip


def random_model(name: str, vocabulary: int, **settings: Any) -> Any:
    """A model of about 20,000 parameters besides its embeddings, in evaluation mode, the same every time.

    Weights are drawn wide, so that a wrong position or a mask that leaks moves every number far beyond any tolerance.
    """
    usual = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
             "num_key_value_heads": 2, "initializer_range": 0.3}  # fmt: skip
    own = OWN.get(name, {})
    mine = {"initializer_range": 0.3, **own} if name in ("xglm", "bloom") else {**usual, **own}
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(name, vocab_size=vocabulary, **{**mine, **settings})
    return transformers.AutoModelForCausalLM.from_config(config).eval()
