"""Texts and the model's context: what fits, what is cut, and what is said of it, whichever program computes."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

from xling_bench.core.errors import DataError, ModelError
from xling_bench.models.prefix import natural_prefix

log = logging.getLogger("lm_eval.models.huggingface")  # where lm-eval says that it truncates


class Fitting:
    """A model's way with texts that are too long, or that have tokens it does not know.

    `truncated` are the documents that lost their beginning since `start_afresh`.
    """

    tokenizer: Any
    max_length: Any
    prefix_token_id: Any
    rows: Any

    def start_afresh(self) -> None:
        """Forget what was found out while scoring, so that a unit's result does not depend on the units before it."""
        self.truncated = set[int]()
        self._cut = set[object]()  # keys of requests

    @cached_property
    def begin(self) -> set[int]:
        """The tokens that stand before a text and survive its truncation."""
        return {token for token in (natural_prefix(self.tokenizer), self.prefix_token_id) if token is not None}

    def note_truncated(self, requests: list[Any]) -> None:
        """Put the documents of the requests that were cut among `truncated`."""
        if self._cut:
            self.truncated.update(request.doc_id for request in requests if request.args in self._cut)

    @property
    def room(self) -> int:
        """Tokens of a context and what is scored after it: the last one is scored, but never read."""
        return int(self.max_length) + 1

    def fitted(self, context: list[int], continuation: list[int], key: object = None) -> tuple[list[int], list[int]]:
        """Context and continuation that fit the model: of the context its end, after its begin token if it has one.

        Models write nonsense without the token that every text began with: a token of the context is lost for it.
        Raises DataError for a continuation that is empty, or does not fit by itself, and as `check_known` does.
        """
        self.check_known(context, continuation)
        if not continuation:
            raise DataError("a candidate is empty: there is nothing to score.")
        if len(continuation) > self.room - 1:
            raise DataError(
                f"an item is longer than the model's context of {self.max_length} tokens, so it cannot be scored "
                f"whole: it has {len(continuation)}. Give --max-length if the model takes more."
            )
        over = len(context) + len(continuation) - self.room
        if over <= 0:
            return context, continuation
        log.warning(
            "Combined length of context (%d) and continuation (%d) exceeds model's maximum length (%d). "
            "Truncating %d tokens from the left.", len(context), len(continuation), self.max_length, over,
        )  # fmt: skip
        self._cut.add(key)
        return self.ending(context, len(context) - over), continuation

    def ending(self, tokens: list[int], room: int) -> list[int]:
        """The last `room` tokens, of which the first is the text's begin token if it has one."""
        if len(tokens) <= room:
            return tokens
        first = tokens[:1] if room and tokens[0] in self.begin else []
        return first + tokens[len(tokens) - room + len(first) :]

    @cached_property
    def _unknown_from(self) -> int | None:
        """The first token without an embedding; None where the tokenizer has no such token."""
        return self.rows if max(self.tokenizer.get_vocab().values(), default=0) >= self.rows else None

    def check_known(self, *parts: list[int]) -> None:
        """Raise ModelError for a token without an embedding: a tokenizer may have more words than its model."""
        if self._unknown_from is None:
            return
        last = max(max(tokens, default=0) for tokens in parts)
        if last < self._unknown_from:
            return
        word = self.tokenizer.convert_ids_to_tokens(last)
        raise ModelError(
            f"a text has the token {word!r} (number {last}), but the model has {self._unknown_from} rows of "
            "embeddings: is the tokenizer another model's, or were words added to it alone?"
        )
