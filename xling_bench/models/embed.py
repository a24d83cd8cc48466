"""Texts to vectors: mean-pooled states of a model's last layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from xling_bench.core.progress import progress

TOKENS = 2048  # in a batch, padding included
LONGEST = 512  # tokens of a text that count


def mean_states(body: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """Unit vectors of `texts`, (N, D) float32: the mean of the last layer's states over each text's own tokens.

    Special tokens do not count: the state of a causal model's first token is large and the same for every text.
    `body` is a transformers model without a head, an encoder or a decoder. A text without tokens is a zero vector.
    """
    special = set(tokenizer.all_special_ids)
    encoded = [tokenizer(text)["input_ids"][:LONGEST] for text in texts]
    order = sorted(range(len(texts)), key=lambda i: (-len(encoded[i]), i))
    device = body.get_input_embeddings().weight.device
    found: Any = None
    bar = progress(len(texts), "reading items for demonstrations")
    while order:
        longest = max(1, len(encoded[order[0]]))
        batch, order = order[: max(1, TOKENS // longest)], order[max(1, TOKENS // longest) :]
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        mask, counted = torch.zeros_like(ids), torch.zeros(len(batch), longest)
        for row, place in enumerate(batch):
            tokens = encoded[place]
            ids[row, : len(tokens)], mask[row, : max(1, len(tokens))] = torch.tensor(tokens, dtype=torch.long), 1
            counted[row, : len(tokens)] = torch.tensor([float(token not in special) for token in tokens])
        with torch.inference_mode():
            states = body(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state.float().cpu()
        pooled = (states * counted[:, :, None]).sum(1) / counted.sum(1, keepdim=True).clamp(min=1)
        if found is None:
            found = np.zeros((len(texts), pooled.shape[1]), np.float32)
        bar.update(len(batch))
        found[batch] = torch.nn.functional.normalize(pooled, dim=-1).numpy()
    bar.close()
    return found
