"""Gradients of embedding and output layer that go straight into one buffer, kept from update to update.

A vocabulary of 262,144 at width 640 makes each dense gradient 671 MB, and a step has three of one weight: pairs' and
instructions' embeddings, and the output layer's, where the two are tied. Made anew each time, they cost more in page
faults than in arithmetic: a quarter of an update of Gemma 3 270M on a CPU was the kernel's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


class Buffers:
    """The gradients of a model's embedding and output layer.

    Within `used`, an embedding's gradient has the rows of the tokens that are there only (torch's sparse form), which
    autograd adds to the buffer in place, and `token_losses` adds the output layer's. Of one process on a CPU: replicas
    and shards get gradients by hooks of their own, and an accelerator's allocator hands out memory without faults.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def kept(self) -> list[torch.nn.Parameter]:
        """The weights whose gradients are kept: none where that cannot be done."""
        alone = not (torch.distributed.is_available() and torch.distributed.is_initialized())
        layers = self.model.get_input_embeddings(), self.model.get_output_embeddings()
        if not alone or not isinstance(layers[0], torch.nn.Embedding):
            return []
        weights = {id(w): w for layer in layers if (w := getattr(layer, "weight", None)) is not None}.values()
        plain = [w for w in weights if isinstance(w, torch.nn.Parameter) and w.requires_grad]
        return plain if all(w.device.type == "cpu" and w.dtype == torch.float32 for w in plain) else []

    @contextmanager
    def used(self) -> Iterator[bool]:
        """Forward and backward happen inside; whether there are any."""
        weights = self.kept()
        embedding = self.model.get_input_embeddings()
        sparse = bool(weights) and embedding.weight.requires_grad
        if sparse and embedding.weight.grad is None:  # an output layer of its own gets one when it is used
            embedding.weight.grad = torch.zeros_like(embedding.weight)
        before, embedding.sparse = getattr(embedding, "sparse", False), sparse
        try:
            yield bool(weights)
        finally:
            embedding.sparse = before

    def cleared(self) -> list[torch.nn.Parameter]:
        """Set the kept gradients to zero where they are; returns whose they are."""
        kept = [(weight, weight.grad) for weight in self.kept() if weight.grad is not None]
        for _, gradient in kept:
            gradient.zero_()
        return [weight for weight, _ in kept]
