"""A slow copy of a model's lower layers, and a queue of the vectors it had of sentences (MoCo, He et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn.functional import cross_entropy, normalize

from xling_bench.core.errors import DataError
from xling_bench.training.batches import Tokens
from xling_bench.training.gather import gathered
from xling_bench.training.model import Network
from xling_bench.training.pooling import Pooling, pool
from xling_bench.training.references import Frozen


class Queue:
    """`size` keys at most, newest first, each with the hash of its sentence. See `losses.momentum`."""

    def __init__(self, copy: Network, layer: int, size: int, rate: float) -> None:
        """copy: what `Network.copied(layer)` gave."""
        self.copy, self.layer, self.size, self.rate = Frozen(copy), layer, size, rate
        self.keys, self.texts = torch.zeros(0, 0), torch.zeros(0, dtype=torch.long)
        self.fresh: list[tuple[torch.Tensor, torch.Tensor]] = []  # of the update that is being made

    def loss(self, query: torch.Tensor, pairs: Tokens, pooling: Pooling, temperature: float) -> torch.Tensor:
        """query: (B, D), of rows 0..B-1 of `pairs` (2B, T), whose rows B.. become keys, and enter the queue with the
        next update where gradients are computed. Float32, whatever autocast says."""
        half = len(query)
        if pairs.texts is None:
            raise DataError("The queue knows sentences by their hashes: make pairs by `batches.pairs`.")
        own_texts = pairs.texts[half:]
        others = pairs.taken(torch.arange(half, 2 * half, device=query.device))
        (states,) = self.copy.states(others, [self.layer])
        with torch.autocast(query.device.type, enabled=False):
            own = normalize(pool(states.float(), others.counted, pooling), dim=-1)  # (B, D)
            keys, texts = gathered(own), gathered(own_texts)  # (W * B, D), (W * B,)
            if torch.is_grad_enabled():  # not where a checkpoint is tried
                self.fresh.append((keys.detach(), texts))
            before = self.keys.to(query.device) if len(self.keys) else keys[:0]
            every, named = torch.cat([keys, before]), torch.cat([texts, self.texts.to(query.device)])
            scores = normalize(query.float(), dim=-1) @ every.T / temperature  # (B, W * B + queue)
            truth = torch.arange(half, device=query.device) + (half * _rank() if len(keys) > half else 0)
            same = own_texts[:, None] == named  # the positive, and the same sentence elsewhere
            same[torch.arange(half, device=query.device), truth] = False
            return cross_entropy(scores.masked_fill(same, -torch.inf), truth)

    def updated(self, network: Network) -> None:
        """The copy follows, and the update's keys enter."""
        self.copy.network.follow(network, self.layer, self.rate)
        if self.fresh:
            keys, texts = (torch.cat(parts) for parts in zip(*self.fresh, strict=True))
            held = [self.keys.to(keys.device)] if len(self.keys) else []
            self.keys = torch.cat([keys, *held])[: self.size]
            self.texts = torch.cat([texts, self.texts.to(texts.device)])[: self.size]
            self.fresh = []

    def state(self) -> dict[str, torch.Tensor]:
        """Queue and copy."""
        copied = {f"copy.{name}": value.detach() for name, value in self.copy.network.body.named_parameters()}
        return {"keys": self.keys, "texts": self.texts} | copied

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """Both again."""
        self.keys, self.texts = state["keys"], state["texts"]
        with torch.no_grad():
            for name, parameter in self.copy.network.body.named_parameters():
                parameter.copy_(state[f"copy.{name}"])


def _rank() -> int:
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
