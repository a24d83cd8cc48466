"""Models that stand beside the one that learns and learn nothing: the base that it began as, a teacher, a slow copy."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch

from xling_bench.core.errors import UsageError
from xling_bench.training.batches import Tokens
from xling_bench.training.model import Network

Load = Callable[[str | None], tuple[Any, Any]]  # a path, or None for the run's base -> model, tokenizer
Tokenise = Callable[[Any, tuple[str, ...]], Tokens]  # a tokenizer, 2B sentences -> as pairs


class Frozen:
    """A model in evaluation mode whose parameters get no gradient. It is no part of a checkpoint."""

    def __init__(self, network: Network, tokenise: Callable[[tuple[str, ...]], Tokens] | None = None) -> None:
        """tokenise: sentences as this model's tokens; None: it reads the tokens of the model that learns."""
        self.network, self.tokenise = network, tokenise
        network.body.requires_grad_(False).eval()

    def states(self, tokens: Tokens, layers: Iterable[int | None]) -> list[torch.Tensor]:
        """As `Network.states` for each of the layers, without a gradient, on the device of the tokens."""
        self.to(tokens.ids.device)
        with torch.no_grad(), self.network.ready():
            return self.network.several(tokens, list(layers))

    def own(self, tokens: Tokens) -> Tokens:
        """The same sentences in this model's tokens."""
        return tokens if self.tokenise is None else self.tokenise(tokens.sentences).to(tokens.ids.device)

    def to(self, device: torch.device) -> None:
        """Moved when it is first used: what moves the model that learns does not know of it."""
        if next(self.network.body.parameters()).device != device:
            self.network.body.to(device)
            self.network.model.to(device)  # the output layer, too


class References:
    """Loaded when a loss first asks for one, and once for all losses. Each takes the memory of its weights in float32.

    load: see `Load`. tokenise: what makes pairs of a teacher's tokens. Without `load`, the base is a copy of `model` as
    it is now, and there are no teachers.
    """

    def __init__(self, model: Any, load: Load | None = None, tokenise: Tokenise | None = None) -> None:
        self.model, self.load, self.tokenise = model, load, tokenise
        self.found: dict[str | None, Frozen] = {}

    def base(self) -> Frozen:
        """The model that the run began with, also where it goes on from a checkpoint."""
        if None not in self.found:
            model = copy.deepcopy(self.model) if self.load is None else self.load(None)[0]
            self.found[None] = Frozen(Network(model))
        return self.found[None]

    def teacher(self, path: str) -> Frozen:
        """Another model, with its own tokens."""
        if self.load is None or self.tokenise is None:
            raise UsageError(f"teacher {path}: only a run of `xling-bench train` loads one.")
        if path not in self.found:
            model, tokenizer = self.load(path)
            make = self.tokenise
            self.found[path] = Frozen(Network(model), lambda texts: make(tokenizer, texts))
        return self.found[path]
