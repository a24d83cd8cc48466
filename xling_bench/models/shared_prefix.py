"""lm-eval's Hugging Face model with log-likelihoods from the shared-prefix engine.

`SharedPrefixLM` is an `HFLM`: it loads and tokenises as that one does, and makes the same decisions and texts. It is
registered with lm-eval as `xling-hf`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import lm_eval.models  # noqa: F401 - registering before lm-eval's own models would hide them
from lm_eval.api.registry import register_model

from xling_bench.core.errors import UnsupportedModelError, XlingError
from xling_bench.core.progress import counted, progress
from xling_bench.models.config import Provenance
from xling_bench.models.fitting import log
from xling_bench.models.greedy import by_writer
from xling_bench.models.hf_model import WholeModel
from xling_bench.models.tokens import ignored_settings
from xling_bench.scoring.budget import automatic
from xling_bench.scoring.decoder import Decoder
from xling_bench.scoring.engine import Engine, Score, out_of_memory
from xling_bench.scoring.generation import Writer
from xling_bench.scoring.parallel import Team
from xling_bench.scoring.selfcheck import Agreement, Request, compare, sample
from xling_bench.scoring.tree import PrefixTree

NODES = 20_000  # distinct tokens that are planned together, or as many as give a large budget full batches
Pair = tuple[list[int], list[int]]  # tokens of the context and of what is scored
Keyed = tuple[list[int], list[int], Any]  # the same, and what the request is known by
PLAIN_BYTES = 1 << 29  # of logits at once where lm-eval's code, which keeps those of every position, takes over


@register_model("xling-hf")
class SharedPrefixLM(WholeModel):
    """`HFLM` that computes what requests have in common once.

    `token_budget` is the number of tokens computed at once, by default what fits the device. `engine` is None where
    the model cannot be scored so, and `why_plain` then says why: its scores are lm-eval's own. Some of the requests,
    and the longest so far, are computed by the plain forward pass too (`selfcheck`); should they differ by more than
    rounding, the engine is given up, with a warning, until `start_afresh`.
    """

    batch_size_per_gpu: Any  # lm-eval's; a number, or "auto"

    def __init__(self, pretrained: Any, token_budget: int | None = None, **settings: Any) -> None:
        self._contexts: dict[str, list[int]] = {}  # lm-eval tokenises while it loads
        super().__init__(pretrained, **settings)
        self.engine: Engine | None = None
        self._capable: Engine | None = None
        self.why_plain = ""
        self.longest = 0  # tokens of the longest request that the plain forward pass agreed on
        self.check: Agreement | None = None  # of the checks since `start_afresh`, the one nearest its threshold
        self.near_ties: list[int] = []  # documents whose best candidate is best by no more than rounding
        self.writer: Writer | None = None  # generates, where it can
        try:
            if self.backend != "causal" or self.mixed_precision_dtype is not None:
                raise UnsupportedModelError("only causal models in one precision share prefixes")
            decoder = Decoder(self.model)
            budget = automatic(decoder) if token_budget is None else int(token_budget)
            self._capable = self.engine = Engine(decoder, budget)
            self.writer = _writer(decoder)
        except UnsupportedModelError as reason:
            self._give_up(str(reason))
        except (AttributeError, NotImplementedError, TypeError) as error:
            self._give_up(f"its parts are not where they are expected ({type(error).__name__}: {error})")

    def start_afresh(self) -> None:
        super().start_afresh()
        self.longest, self.check, self.near_ties = 0, None, []
        if self.writer is not None:
            self.writer.start_afresh()
        if self._capable is not None:
            self.engine, self.why_plain, self._capable.halved = self._capable, "", 0

    def _give_up(self, why: str) -> None:
        self.engine, self.why_plain = None, why
        log.warning("scoring without shared prefixes, which is slow: %s", why)

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """(log-likelihood, whether every token was the likeliest) of each request's continuation."""
        pairs = [request.args for request in requests]
        with progress(len(pairs), "requests", quiet=disable_tqdm or self.engine is None) as bar:
            found = self._shared(((*self._split(*pair), pair) for pair in counted(pairs, bar)), disable_tqdm)
        if found is None:
            return super().loglikelihood(requests, disable_tqdm=disable_tqdm)
        self.note_truncated(requests)
        own = [pair for pair in zip(requests, found, strict=True) if not _unconditional(pair[0])]
        self._note_near_ties([request.doc_id for request, _ in own], [score for _, score in own])
        return [(score.sum, score.greedy) for score in found]

    def _loglikelihood_tokens(self, requests: list[Any], disable_tqdm: bool = False, **settings: Any) -> Any:
        """The same for requests that are tokens already: `loglikelihood_rolling` comes here."""
        found = self._shared(((context, scored, key) for key, context, scored in requests), disable_tqdm)
        if found is None:
            with self._bounded(len(request[1]) + len(request[2]) for request in requests):
                return super()._loglikelihood_tokens(requests, disable_tqdm=disable_tqdm, **settings)
        return [(score.sum, score.greedy) for score in found]

    def _model_generate(self, context: Any, max_length: int, stop: list[str], **settings: Any) -> Any:
        """lm-eval's, by our own loop where that writes the same: texts end at stop strings as they do one by one."""
        made = None if ignored_settings(self) else by_writer(self, context, max_length, stop, **settings)
        return super()._model_generate(context, max_length, stop, **settings) if made is None else made

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

    def _shared(self, pairs: Iterable[Keyed], quiet: bool) -> list[Score] | None:
        """The engine's answers, or None where there is none, or its self-check failed.

        Requests are taken in parts of some 20,000 distinct tokens, so that memory does not grow with their number.
        lm-eval's cache hears of each part under its keys.
        """
        if self.engine is None:
            return None
        found: list[Score] = []
        for tree, requests, keys in self._parts(pairs, max(NODES, 4 * self.engine.budget)):
            if not self._trusted(self.engine, requests):
                return None
            answers = _scores(self.engine, self.team, tree, quiet)
            for key, answer in zip(keys, answers, strict=True):
                if key is not None:
                    self.cache_hook.add_partial("loglikelihood", key, (answer.sum, answer.greedy))
            found += answers
        return found

    def _parts(self, pairs: Iterable[Keyed], nodes: int) -> Iterator[tuple[PrefixTree, list[Request], list[Any]]]:
        """Trees of requests, in order, each with its requests and their keys."""
        tree, requests, keys = PrefixTree(), list[Request](), list[Any]()
        for context, continuation, key in pairs:
            requests.append(self._fitted(context, continuation, key))
            keys.append(key)
            tree.add(*requests[-1])
            if len(tree) >= nodes:
                yield tree, requests, keys
                tree, requests, keys = PrefixTree(), [], []
        if requests:
            yield tree, requests, keys

    def _trusted(self, engine: Engine, requests: list[Request]) -> bool:
        """Whether the engine computes what the plain forward pass does; if not, gives the engine up.

        Asked of a sample of the first part's requests, and of a later part's where one is longer than any before:
        windows and scaled positions show in long texts only.
        """
        longest = max(len(request.tokens) for request in requests)
        if longest <= self.longest:
            return True
        try:
            check = compare(engine, sample(requests, engine.decoder.dtype))
        except UnsupportedModelError as reason:
            self._give_up(str(reason))
            return False
        except XlingError:
            raise
        except Exception as error:  # noqa: BLE001 - what a model does with input it was not made for is its own affair
            if out_of_memory(error):
                self._give_up("memory did not suffice for its self-check")
                return False
            self._give_up(f"it does not take a tree of tokens ({type(error).__name__}: {error})")
            return False
        if self.check is None or check.strain > self.check.strain:
            self.check = check
        if not check.holds:
            self._give_up(
                f"a self-check found its scores {check.difference:.2g} nats a token from the plain forward pass's, "
                f"where {check.threshold:.2g} are allowed (the model's own noise is {check.noise:.2g})"
            )
            return False
        self.longest = longest
        return True

    def _note_near_ties(self, documents: list[int], scores: list[Score]) -> None:
        """Documents whose best sum is best by no more than what rounding may do to sums of so many tokens."""
        candidates: dict[int, list[Score]] = {}
        for document, score in zip(documents, scores, strict=True):
            candidates.setdefault(document, []).append(score)
        allowed = self.check.threshold if self.check else 0.0
        for document, several in candidates.items():
            best, *others = sorted(several, key=lambda score: -score.sum)
            if any(best.sum - score.sum <= allowed * math.sqrt(best.tokens + score.tokens) for score in others):
                self.near_ties.append(document)

    @contextmanager
    def _bounded(self, lengths: Iterable[int]) -> Iterator[None]:
        """Within it, lm-eval's batches hold no more logits than PLAIN_BYTES, twice (logits and their logarithms)."""
        usual = self.batch_size_per_gpu
        row = 4 * min(max(lengths, default=1), self.max_length) * self.model.config.get_text_config().vocab_size
        self.batch_size_per_gpu = min(int(usual), max(1, PLAIN_BYTES // row)) if str(usual).isdecimal() else usual
        try:
            yield
        finally:
            self.batch_size_per_gpu = usual

    def _fitted(self, context: list[int], continuation: list[int], key: object = None) -> Request:
        """The tokens that fit the model, and where scoring begins in them."""
        context, continuation = self.fitted(context, continuation, key)
        return Request(context + continuation, len(context))

    @property
    def token_budget(self) -> int | None:
        """Tokens computed at once; None where lm-eval's own code computes."""
        return self.engine.budget if self.engine else None

    def use_token_budget(self, tokens: int) -> None:
        """Compute so many at once from now on."""
        if self.engine:
            self.engine.budget = tokens

    def provenance(self) -> Provenance:
        """How log-likelihoods are computed, for the results file."""
        check = Provenance(self_check=self.check.described()) if self.check else Provenance()
        if self.engine is None:
            return {"backend": "lm-eval", "why": self.why_plain, **check}
        own = Provenance(backend="shared-prefix", token_budget=self.engine.budget, halved=self.engine.halved)
        return {**own, **check, "near_ties": list(self.near_ties)}


def _writer(decoder: Decoder) -> Writer | None:
    """Our own loop for generation; None, and a warning, where the model cannot be used so."""
    try:
        writer = Writer(decoder)
        writer.tokens  # noqa: B018 - of some models nobody knows the size of their keys
    except (UnsupportedModelError, AttributeError) as error:
        log.warning("texts are generated by transformers' own generate, which is slow: %s", error)
        return None
    return writer


def _scores(engine: Engine, team: Team | None, tree: PrefixTree, quiet: bool) -> list[Score]:
    before = engine.budget
    with progress(sum(tree.scored), "scoring tokens", quiet=quiet) as bar:

        def tick(tokens: int) -> None:
            bar.update(tokens)

        found = team.score(engine, tree, tick) if team else engine.score(tree, tick)
    if engine.budget < before:
        log.warning("memory did not suffice: the token budget is now %d, not %d", engine.budget, before)
    return found


def _unconditional(request: Any) -> bool:
    """Whether it is one of the requests that PMI needs besides (`harness.ranked`), of which no candidate is taken."""
    return "unconditional" in request.doc and request.idx >= len(request.doc["texts"])
