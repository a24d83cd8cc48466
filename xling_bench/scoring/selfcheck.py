"""Does the engine compute what the model's plain forward pass computes? Asked of real requests, before it is trusted.

Two ways to compute the same numbers differ by rounding, and by how much is the model's own affair: a millionth of a nat
a token in float32, a hundredth and more in bfloat16. So the model's own noise is measured, on the same requests: each
alone and in a padded batch, both by the plain forward pass. The engine may differ by a small multiple of that.
Per token, so that what is allowed does not grow with a text's length.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from xling_bench.scoring.decoder import Decoder
from xling_bench.scoring.engine import Engine
from xling_bench.scoring.tree import PrefixTree

# Nats a token (root mean square) below which a difference is rounding in float32, however small the noise that was
# measured: a hundredth of the smallest fault to be caught.
FLOOR = {torch.float32: 1e-4, torch.float64: 1e-4}
# A correct engine differs by about the noise, a fault to be caught by three times that. Where few tokens are compared
# both numbers are uncertain, and more is allowed: TIMES * (1 + FEW / sqrt(tokens)) times the noise.
TIMES, FEW = 1.8, 4.0
# Tokens compared: of one request at least, if it has them, and of all together about. In float32 what is allowed is
# far from both noise and faults, so that few suffice.
WINDOW, ENOUGH = 32, 64
WINDOW_HALF, ENOUGH_HALF = 128, 384
ROWS = 64  # of logits in float64 at a time


class Request(NamedTuple):
    """A request's tokens; those from `start` on are scored."""

    tokens: list[int]
    start: int


@dataclass(frozen=True)
class Agreement:
    """What a check found. All but `tokens` in nats a token, root mean squares over the `tokens` compared.

    `noise`: the plain forward pass, a request alone against the same in a padded batch, or what rounding two logits to
    the model's precision does, whichever is more. `difference`: the engine
    against the plain forward pass of a request alone, the worse of the engine's two ways. `threshold`: what
    `difference` may be.
    """

    tokens: int
    noise: float
    difference: float
    threshold: float

    @property
    def holds(self) -> bool:
        """Whether the engine agrees; a number that is none never does."""
        return self.difference <= self.threshold

    @property
    def strain(self) -> float:
        """The difference as a share of what it may be; infinite where it is no number."""
        share = self.difference / self.threshold
        return math.inf if math.isnan(share) else share

    def described(self) -> dict[str, float | None]:
        """For the results file: three significant digits, None for what is no number."""
        numbers = {"noise": self.noise, "difference": self.difference, "threshold": self.threshold}
        known = {name: float(f"{value:.3g}") if math.isfinite(value) else None for name, value in numbers.items()}
        return {"tokens": self.tokens} | known


def sample(requests: Sequence[Request], dtype: torch.dtype) -> list[Request]:
    """The longest request and others, evenly spread, that together have enough tokens to compare.

    Of each its last tokens are compared, whether or not they were asked for: a candidate of one token has a say, and a
    long text's logits do not fill memory.
    """
    window, enough = (WINDOW, ENOUGH) if dtype in FLOOR else (WINDOW_HALF, ENOUGH_HALF)
    longest = max(requests, key=lambda request: len(request.tokens))
    reach = sum(min(len(request.tokens) - 1, window) for request in requests) / len(requests)
    count = max(2, min(len(requests), math.ceil(enough / reach)))
    spread = [requests[len(requests) * i // (count - 1)] for i in range(count - 1)]
    chosen = {tuple(request.tokens): request.tokens for request in [longest, *spread]}
    return [Request(tokens, max(1, len(tokens) - window)) for tokens in chosen.values()]


def compare(engine: Engine, requests: Sequence[Request]) -> Agreement:
    """The engine against the plain forward pass of its own model, on these requests.

    The engine computes them twice: as a tree in one row, and as rows after trunks whose keys and values are kept. Each
    request gets invented siblings that leave it half-way and where scoring begins, so that there is always a trunk.
    """
    tree = PrefixTree()
    for request in requests:
        tree.add(*request)
    for request in requests:
        for sibling in _siblings(request, engine.decoder.vocabulary):
            tree.add(*sibling)
    both = [Engine(engine.decoder, engine.budget, 1, most).work(tree) for most in (engine.most, 1)]
    mine = [[torch.from_numpy(work.values[list(nodes)]) for nodes in tree.requests[: len(requests)]] for work in both]
    plain = Plain(engine.decoder)
    alone = [plain.alone(request) for request in requests]
    together = plain.together(requests, engine.budget)
    batch, *differences = (_rms(values, alone) for values in (together, *mine))
    # Small models happen to round in a batch as in a single row. NaN, where one cannot pad, is no measure of noise.
    noise = max(plain.rounding(), batch if math.isfinite(batch) else 0.0)
    difference = max(differences, key=lambda value: (math.isnan(value), value))  # what is no number stays
    tokens = sum(map(len, alone))
    allowed = TIMES * (1 + FEW / math.sqrt(tokens)) * noise
    return Agreement(tokens, noise, difference, max(allowed, FLOOR.get(engine.decoder.dtype, 0.0)))


class Plain:
    """A transformers model's own forward pass, and exact log-probabilities from its logits.

    Float32's `log_softmax`, summed over a text, is off by a thousandth of a nat where there are 262,144 words: exact
    are `logit - logsumexp` in float64.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.model, self.device, self.cache = decoder.model, decoder.device, decoder.cache_argument
        self.takes = set(inspect.signature(self.model.forward).parameters)
        self.dtype, self.scored = decoder.dtype, list[torch.Tensor]()

    def alone(self, request: Request) -> torch.Tensor:
        """Log-probabilities of the scored tokens, (N,) float64."""
        logits = self.logits(request.tokens[:-1], len(request.tokens) - request.start)
        targets = torch.tensor(request.tokens[request.start :], device=logits.device)[:, None]
        self.scored.append(logits.gather(1, targets).double())
        return _picked(logits, request)

    def logits(self, tokens: list[int], count: int) -> torch.Tensor:
        """The last `count` positions' logits, (count, V)."""
        ids = torch.tensor([tokens], device=self.device)
        found: torch.Tensor = self._run(count, input_ids=ids, use_cache=False).logits[0]
        return found

    def rounding(self) -> float:
        """What rounding does to the difference of two computations of one logit, of those that `alone` has seen.

        Numbers of a precision are 2^k * eps apart between 2^k and 2^(k+1); rounded to the nearest, each is off by
        1 / sqrt(12) of that (root mean square).
        """
        apart = torch.finfo(self.dtype).eps * torch.exp2(torch.cat(self.scored).abs().clamp(min=1e-9).log2().floor())
        return float((apart.square().mean() * 2 / 12).sqrt())

    def together(self, requests: Sequence[Request], budget: int) -> list[torch.Tensor]:
        """The same of each, computed in batches of about `budget` tokens, those of like length together."""
        order = sorted(range(len(requests)), key=lambda i: (-len(requests[i].tokens), i))
        found: dict[int, torch.Tensor] = {}
        while order:
            rows = max(1, budget // len(requests[order[0]].tokens))
            batch, order = order[:rows], order[rows:]
            found |= zip(batch, self._batch([requests[i] for i in batch]), strict=True)
        return [found[i] for i in range(len(requests))]

    def _batch(self, requests: Sequence[Request]) -> list[torch.Tensor]:
        """As transformers does for generation: every row padded on the left, and in two pieces, the second after the
        first's keys and values. So whatever may round in another way does."""
        width = max(len(request.tokens) for request in requests)
        ids = torch.zeros(len(requests), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, request in enumerate(requests):
            ids[row, 1 - len(request.tokens) :] = torch.tensor(request.tokens[:-1])
            mask[row, 1 - len(request.tokens) :] = 1
        places = (mask.cumsum(1) - 1).clamp(min=0)
        ids, mask, places = ids.to(self.device), mask.to(self.device), places.to(self.device)
        count = max(len(request.tokens) - request.start for request in requests)
        cut, found, past = max(1, width // 2), list[torch.Tensor](), dict[str, Any]()
        for piece in (slice(0, cut), slice(cut, width)):
            given = {"input_ids": ids[:, piece], "attention_mask": mask[:, : piece.stop], **past, "use_cache": True}
            given |= {"position_ids": places[:, piece]} if "position_ids" in self.takes else {}
            wanted = piece.stop - max(piece.start, width - count)
            out = self._run(max(1, wanted), **given)
            found += [out.logits] if wanted > 0 else []
            past = {self.cache: out[self.cache]}
        rows = (torch.cat([part[i] for part in found]) for i in range(len(requests)))
        return [_picked(row[r.start - len(r.tokens) :], r) for row, r in zip(rows, requests, strict=True)]

    def _run(self, count: int, **given: Any) -> Any:
        """The model's output, with the last `count` positions' logits, (B, count, V), in its own precision."""
        given |= {"logits_to_keep": count} if "logits_to_keep" in self.takes else {}
        with torch.inference_mode():
            out = self.model(**given)
        out.logits = out.logits[:, -count:]
        return out


def _picked(logits: torch.Tensor, request: Request) -> torch.Tensor:
    """(N, V) logits to the log-probabilities of the N scored tokens, (N,) float64."""
    targets = torch.tensor(request.tokens[request.start :], device=logits.device)[:, None]
    found = []
    for begin in range(0, len(targets), ROWS):
        some = logits[begin : begin + ROWS].double()
        found.append(some.gather(1, targets[begin : begin + ROWS])[:, 0] - some.logsumexp(-1))
    return torch.cat(found).cpu()


def _siblings(request: Request, vocabulary: int) -> list[Request]:
    """Requests that leave this one half-way and where scoring begins, with another token and one more."""
    tokens, start = request
    places = [place for place in sorted({max(1, len(tokens) // 2), start}) if place + 1 < len(tokens)]
    return [Request([*tokens[:place], (tokens[place] + 1) % vocabulary, tokens[place]], place) for place in places]


def _rms(values: Sequence[torch.Tensor], reference: Sequence[torch.Tensor]) -> float:
    return float((torch.cat(list(values)) - torch.cat(list(reference))).square().mean().sqrt())
