"""lm-eval's Hugging Face model with log-likelihoods from the shared-prefix engine.

`SharedPrefixLM` is an `HFLM`: it loads, tokenises and generates as that one does, and makes the same decisions. It is
registered with lm-eval as `xling-hf`.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import lm_eval.models  # noqa: F401 - registering before lm-eval's own models would hide them
import torch
from lm_eval.api.registry import register_model
from tqdm import tqdm

from xling_bench.errors import DataError, UnsupportedModelError, XlingError
from xling_bench.harness.loading import WholeModel
from xling_bench.scoring.budget import automatic
from xling_bench.scoring.decoder import Decoder
from xling_bench.scoring.engine import Engine
from xling_bench.scoring.parallel import Team
from xling_bench.scoring.tree import PrefixTree

log = logging.getLogger("lm_eval.models.huggingface")  # where lm-eval says that it truncates
NODES = 20_000  # distinct tokens that are planned together, or as many as give a large budget full batches
Pair = tuple[list[int], list[int]]  # tokens of the context and of what is scored
LOOSE = {torch.bfloat16: 0.05, torch.float16: 0.01}  # rounding of one token's log-probability, in the self-check
CHECKED = 500  # one request in so many is checked against the plain forward, two at least


class Request(NamedTuple):
    """A request's tokens; those from `start` on are scored."""

    tokens: list[int]
    start: int


@register_model("xling-hf")
class SharedPrefixLM(WholeModel):
    """`HFLM` that computes what requests have in common once.

    `token_budget` is the number of tokens computed at once, by default what fits the device. `engine` is None where
    the model cannot be scored so, and `why_plain` then says why: its scores are lm-eval's own. The first requests, and
    the longest so far, are computed by the plain forward pass too; should they differ, the engine is given up, with a
    warning, until `start_afresh`.
    """

    def __init__(self, pretrained: Any, token_budget: int | None = None, **settings: Any) -> None:
        self._contexts: dict[str, list[int]] = {}  # lm-eval tokenises while it loads
        super().__init__(pretrained, **settings)
        self.engine: Engine | None = None
        self._capable: Engine | None = None
        self.team: Team | None = None  # set by our runner; under lm-eval's own, each process has its own documents
        self.why_plain = ""
        self.checked = 0  # tokens of the longest request that the plain forward pass agreed on
        try:
            if self.backend != "causal" or self.mixed_precision_dtype is not None:
                raise UnsupportedModelError("only causal models in one precision share prefixes")
            decoder = Decoder(self.model)
            budget = automatic(decoder) if token_budget is None else int(token_budget)
            self._capable = self.engine = Engine(decoder, budget)
        except UnsupportedModelError as reason:
            self._give_up(str(reason))
        except (AttributeError, NotImplementedError, TypeError) as error:
            self._give_up(f"its parts are not where they are expected ({type(error).__name__}: {error})")

    def start_afresh(self) -> None:
        """Forget what was found out while scoring, so that a unit's result does not depend on the units before it."""
        self.checked = 0
        if self._capable is not None:
            self.engine, self.why_plain, self._capable.halved = self._capable, "", 0

    def _give_up(self, why: str) -> None:
        self.engine, self.why_plain = None, why
        log.warning("scoring without shared prefixes, which is slow: %s", why)

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """(log-likelihood, whether every token was the likeliest) of each request's continuation."""
        if self.engine is None:
            return super().loglikelihood(requests, disable_tqdm=disable_tqdm)  # type: ignore[no-any-return]
        pairs = [request.args for request in requests]
        bar = tqdm(pairs, desc="Tokenizing inputs", disable=disable_tqdm)
        found = self._shared(self.engine, (self._split(*pair) for pair in bar), pairs, disable_tqdm)
        if found is None:
            return super().loglikelihood(requests, disable_tqdm=disable_tqdm)  # type: ignore[no-any-return]
        return found

    def _loglikelihood_tokens(self, requests: list[Any], disable_tqdm: bool = False, **settings: Any) -> Any:
        """The same for requests that are tokens already: `loglikelihood_rolling` comes here."""
        found = None
        if self.engine is not None:
            keys = [request[0] for request in requests]
            found = self._shared(self.engine, ((r[1], r[2]) for r in requests), keys, disable_tqdm)
        if found is None:
            return super()._loglikelihood_tokens(requests, disable_tqdm=disable_tqdm, **settings)
        return found

    def _split(self, context: str, continuation: str) -> Pair:
        """Tokens of a request as lm-eval makes them: an empty context is the prefix token."""
        if context:
            return self._encode_pair(context, continuation)  # type: ignore[no-any-return]
        tokens = self.tok_encode(continuation, add_special_tokens=False)
        if tokens and tokens[0] == self.prefix_token_id:
            return tokens[:1], tokens[1:]
        return [self.prefix_token_id], tokens

    def tok_encode(self, string: str, *arguments: Any, **settings: Any) -> list[int]:
        """lm-eval's, but demonstrations and premises, which come again and again, are tokenised once."""
        if arguments or settings:
            return super().tok_encode(string, *arguments, **settings)  # type: ignore[no-any-return]
        if string not in self._contexts:
            if len(self._contexts) >= 64:
                self._contexts.clear()
            self._contexts[string] = super().tok_encode(string)
        return list(self._contexts[string])

    def _shared(
        self, engine: Engine, pairs: Iterable[Pair], keys: list[Any], quiet: bool
    ) -> list[tuple[float, bool]] | None:
        """The engine's answers, or None when its self-check failed.

        Requests are taken in parts of some 20,000 distinct tokens, so that memory does not grow with their number.
        lm-eval's cache hears of each part under its `keys`.
        """
        found: list[tuple[float, bool]] = []
        for tree, some in self._parts(pairs, max(NODES, 4 * engine.budget)):
            if not self._checked(engine, some):
                return None
            answers = _scores(engine, self.team, tree, quiet)
            for key, answer in zip(keys[len(found) :], answers, strict=False):
                if key is not None:
                    self.cache_hook.add_partial("loglikelihood", key, answer)
            found += answers
        return found

    def _parts(self, pairs: Iterable[Pair], nodes: int) -> Iterator[tuple[PrefixTree, list[Request]]]:
        """Trees of requests, in order, each with its first requests and its longest."""
        tree, first, longest = PrefixTree(), list[Request](), Request([], 0)
        for context, continuation in pairs:
            request = self._fitted(context, continuation)
            tree.add(*request)
            if len(first) < max(2, len(tree.requests) // CHECKED):
                first.append(request)
            longest = max(longest, request, key=lambda one: len(one.tokens))
            if len(tree) >= nodes:
                yield tree, [*first, longest]
                tree, first, longest = PrefixTree(), [], Request([], 0)
        if tree.requests:
            yield tree, [*first, longest]

    def _checked(self, engine: Engine, requests: list[Request]) -> bool:
        """Whether the engine may be trusted with these requests: all of them the first time, later the longest where
        it is longer than any before (windows and scaled positions show in long texts only)."""
        longest = len(requests[-1].tokens)
        if longest > self.checked:
            if not self._agrees(engine, requests[-1:] if self.checked else requests):
                return False
            self.checked = longest
        return True

    def _fitted(self, context: list[int], continuation: list[int]) -> Request:
        """The tokens that fit the model, the last ones, and where scoring begins in them."""
        if not continuation:
            raise DataError("a candidate is empty: there is nothing to score.")
        if len(continuation) > self.max_length:
            raise DataError(
                f"an item is longer than the model's context of {self.max_length} tokens, so it cannot be scored "
                f"whole: it has {len(continuation)}. Give --max-length if the model takes more."
            )
        whole = context + continuation
        if len(whole) > self.max_length + 1:
            log.warning(
                "Combined length of context (%d) and continuation (%d) exceeds model's maximum length (%d). "
                "Truncating %d tokens from the left.",
                len(context), len(continuation), self.max_length, len(whole) - self.max_length - 1,
            )  # fmt: skip
            whole = whole[-(self.max_length + 1) :]
        return Request(whole, len(whole) - len(continuation))

    def _agrees(self, engine: Engine, requests: list[Request]) -> bool:
        """Whether the engine computes what the plain forward pass computes for these; if not, gives the engine up."""
        tree = PrefixTree()
        for sequence, start in requests:
            tree.add(sequence, start)
        try:  # as a tree in one row, and as rows after a trunk, whichever is cheaper
            mine = [Engine(engine.decoder, engine.budget, 1, most).score(tree) for most in (engine.most, 1)]
        except UnsupportedModelError as reason:
            self._give_up(str(reason))
            return False
        except XlingError:
            raise
        except Exception as error:  # noqa: BLE001 - what a model does with input it was not made for is its own affair
            self._give_up(f"it does not take a tree of tokens ({type(error).__name__}: {error})")
            return False
        dtype = engine.decoder.dtype
        for (sequence, start), *scores in zip(requests, *mine, strict=True):
            with torch.inference_mode():
                logits = self._model_call(torch.tensor([sequence[:-1]], device=self.device))[0, start - 1 :]
            targets = torch.tensor(sequence[start:], device=logits.device)[:, None]
            plain = float(torch.log_softmax(logits.float(), -1).gather(1, targets).sum())
            allowed = LOOSE.get(dtype, 0.0) * math.sqrt(len(targets)) + 1e-3 + 1e-6 * abs(plain)
            for score in scores:
                if not abs(score.sum - plain) <= allowed and not math.isnan(plain):
                    self._give_up(f"a self-check gave {score.sum:.4f} where the plain forward pass gave {plain:.4f}")
                    return False
        return True

    def how(self) -> dict[str, Any]:
        """How log-likelihoods are computed, for the results file."""
        if self.engine is None:
            return {"backend": "lm-eval", "why": self.why_plain}
        return {"backend": "shared-prefix", "token_budget": self.engine.budget, "halved": self.engine.halved}


def _scores(engine: Engine, team: Team | None, tree: PrefixTree, quiet: bool) -> list[tuple[float, bool]]:
    before = engine.budget
    with tqdm(total=sum(tree.scored), desc="scoring tokens", disable=quiet or not sys.stderr.isatty()) as bar:

        def tick(tokens: int) -> None:
            bar.update(tokens)

        found = team.score(engine, tree, tick) if team else engine.score(tree, tick)
    if engine.budget < before:
        log.warning("memory did not suffice: the token budget is now %d, not %d", engine.budget, before)
    return [(score.sum, score.greedy) for score in found]
