"""How many tokens to compute at once."""

from __future__ import annotations

import torch

from xling_bench.scoring.decoder import Decoder

ON_CPU = 1024  # more does not make a core faster, but pads more and fills memory
LEAST, MOST = 1024, 65536
SHARE = 0.4  # of free memory, since fragments and other programs need some


def automatic(decoder: Decoder) -> int:
    """A power of two of tokens that fit the device, by the model's width and free memory; 1024 on a CPU."""
    if decoder.device.type != "cuda":
        return ON_CPU
    free, _ = torch.cuda.mem_get_info(decoder.device)
    budget = int(free * SHARE / bytes_per_token(decoder))
    return max(LEAST, min(MOST, 1 << max(0, budget.bit_length() - 1)))


def bytes_per_token(decoder: Decoder) -> int:
    """Memory one more token in a batch takes while a layer runs: activations, scores of attention, masks."""
    config = decoder.config
    inner = max(getattr(config, name, 0) or 0 for name in ("intermediate_size", "ffn_dim", "ffn_hidden_size"))
    element = torch.finfo(decoder.dtype).bits // 8
    heads = int(getattr(config, "num_attention_heads", 0) or 1)
    scores = 512 * (heads if decoder.attention == "eager" and not decoder.fused else 1)
    return element * (12 * decoder.width + 3 * (inner or 4 * decoder.width) + 3 * scores)
