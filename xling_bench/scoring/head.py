"""Log-probabilities of a few tokens per position, without the whole vocabulary's at every position."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from xling_bench.core.errors import ModelError

ROWS, COLUMNS = 512, 8192  # of logits at a time: what a core's cache takes
ROWS_ON_DEVICE = 8192  # on an accelerator, a chunk is a launch


class Head:
    """A model's output layer: hidden states to logits. `scale` multiplies and `softcap` bounds logits (Gemma 2)."""

    def __init__(self, layer: Any, softcap: float | None, scale: float | None) -> None:
        self.layer, self.softcap, self.scale = layer, softcap, scale
        plain = type(layer) is torch.nn.Linear and layer.weight.is_floating_point()
        self.weight: torch.Tensor | None = layer.weight if plain else None

    @classmethod
    def of(cls, model: Any) -> Head:
        """The output layer of a transformers causal language model, with what the model does to its logits."""
        config = model.config.get_text_config()
        return cls(model.get_output_embeddings(), getattr(config, "final_logit_softcapping", None), _scale(config))

    def pieces(self, hidden: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
        """(first token id, float32 logits (N, V')) over the vocabulary; computed in the model's own precision.

        An adapter's or a quantised layer gives the whole vocabulary at once.
        """
        if self.weight is None:
            yield 0, self.logits(hidden)
            return
        bias = self.layer.bias
        for begin in range(0, len(self.weight), COLUMNS):
            part = None if bias is None else bias[begin : begin + COLUMNS]
            yield begin, self._final(torch.nn.functional.linear(hidden, self.weight[begin : begin + COLUMNS], part))

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """The whole vocabulary's, (N, D) to float32 (N, V)."""
        return self._final(self.layer(hidden))

    def _final(self, raw: torch.Tensor) -> torch.Tensor:
        if self.scale is not None:
            raw = raw * self.scale
        if self.softcap is not None:
            raw = torch.tanh(raw / self.softcap) * self.softcap
        return raw.float()

    def score(
        self, hidden: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-probability of `tokens[i]` after `hidden[rows[i]]`, and whether it is the likeliest token.

        hidden (N, D); rows ascending and tokens: (E,) on hidden's device. Returns (E,) float32 and (E,) bool. Softmax
        is float32; of equally likely tokens the first counts as the likeliest, as in `argmax`.
        """
        step = ROWS if hidden.device.type == "cpu" else ROWS_ON_DEVICE
        found = []
        for begin in range(0, len(hidden), step):
            part = hidden[begin : begin + step]
            edges = torch.nonzero((rows >= begin) & (rows < begin + len(part))).squeeze(1)
            found.append(self._chunk(part, rows[edges] - begin, tokens[edges]))
        return torch.cat([f[0] for f in found]), torch.cat([f[1] for f in found])

    def _chunk(self, hidden: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor) -> Any:
        top = torch.full((len(hidden),), -torch.inf, device=hidden.device)
        total = torch.zeros_like(top)
        wanted = torch.zeros(len(tokens), device=hidden.device)
        first = torch.full((len(hidden),), -1, dtype=torch.long, device=hidden.device)
        for begin, logits in self.pieces(hidden):
            best = logits.amax(-1)
            here = (tokens >= begin) & (tokens < begin + logits.shape[1])
            picked = logits[rows, (tokens - begin).clamp(0, logits.shape[1] - 1)]
            wanted = torch.where(here, picked, wanted)
            self._note_first(first, rows[here & (picked == best[rows]) & (best > top)[rows]], logits, begin)
            higher = torch.maximum(top, best)
            total = total * (top - higher).exp_() + (logits.sub_(higher[:, None])).exp_().sum(-1)
            first = torch.where((best > top) & (first < begin), -1, first)
            top = higher
        if int(tokens.max()) >= begin + logits.shape[1]:
            raise ModelError(
                f"token {int(tokens.max())} is outside the model's output layer of {begin + logits.shape[1]} tokens: "
                "the tokenizer is not the model's."
            )
        greedy = (wanted == top[rows]) & (first[rows] == tokens)
        return wanted - top[rows] - total.log()[rows], greedy

    @staticmethod
    def _note_first(first: torch.Tensor, rows: torch.Tensor, logits: torch.Tensor, begin: int) -> None:
        """Where a wanted token may be the likeliest, remember which token is the first with that logit."""
        if len(rows):
            first[rows] = logits[rows].argmax(-1) + begin


def _scale(config: Any) -> float | None:
    """What logits are multiplied by (Cohere's logit_scale, Granite's logits_scaling, which divides)."""
    scale, divisor = getattr(config, "logit_scale", None), getattr(config, "logits_scaling", None)
    return 1 / divisor if divisor else scale
