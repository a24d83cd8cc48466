"""lm-eval's Hugging Face model, loaded only if all of its weights are in its files."""

from __future__ import annotations

import logging
import sys
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from lm_eval.models.huggingface import HFLM

from xling_bench.core.errors import DataError, ModelError, reason_of
from xling_bench.models.gguf_model import Opened, load_model, load_tokenizer, oddities, opened
from xling_bench.models.prefix import natural_prefix
from xling_bench.models.tokens import rows_of
from xling_bench.models.whole import whole

log = logging.getLogger("lm_eval.models.huggingface")  # where lm-eval says that it truncates


class WholeModel(HFLM):  # type: ignore[misc]  # lm-eval is untyped
    """`HFLM` that refuses a model with missing weights, to which an adapter only adds, and whose texts keep their begin
    token where they are too long; else the same.

    With `gguf_file`, the path of a GGUF file, model and tokenizer come from it; `notes` say what is odd about it.
    `peft_revision` is the adapter's own: lm-eval would look for it at the model's. `truncated` are the documents that
    lost their beginning since `start_afresh`. No more than `most_texts` are generated at once, if that is given.
    """

    AUTO_MODEL_CLASS: Any
    _model: Any
    notes: tuple[str, ...] = ()
    most_texts: int | None = None
    backend: str

    def __init__(
        self,
        pretrained: Any,
        gguf_file: str | None = None,
        peft: str | None = None,
        peft_revision: str | None = None,
        **settings: Any,
    ) -> None:
        self._file: Opened | None = None
        self.truncated = set[int]()
        self._cut = set[object]()  # keys of requests
        if gguf_file is None:
            super().__init__(pretrained, **settings)
        else:
            with opened(gguf_file) as self._file:
                tokenizer = load_tokenizer(self._file)
                self.notes = tuple(oddities(gguf_file, tokenizer))
                super().__init__(self._file.folder, **self._file.place, tokenizer=tokenizer, **settings)
        if peft is not None:
            self._model, self.peft = adapted(self._model, peft, peft_revision), peft

    def _create_model(self, *given: Any, **settings: Any) -> None:
        usual: Any = self.AUTO_MODEL_CLASS

        def checked(*names: Any, **options: Any) -> Any:
            if self._file is None:
                return whole(usual, *names, **options)
            left = {"gguf_file", "quantization_config", "revision", "subfolder", "trust_remote_code", "use_safetensors"}
            kept = {key: value for key, value in options.items() if key not in left}
            return load_model(usual, self._file, config=self._config, **kept)

        self.AUTO_MODEL_CLASS = SimpleNamespace(from_pretrained=checked)
        try:
            super()._create_model(*given, **settings)
        finally:
            self.AUTO_MODEL_CLASS = usual

    def start_afresh(self) -> None:
        """Forget what was found out while scoring, so that a unit's result does not depend on the units before it."""
        self.truncated, self._cut = set(), set()

    @cached_property
    def begin(self) -> set[int]:
        """The tokens that stand before a text and survive its truncation."""
        return {token for token in (natural_prefix(self.tokenizer), self.prefix_token_id) if token is not None}

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """(log-likelihood, whether every token was the likeliest) of each request's continuation."""
        watched = sys.stderr.isatty() and not disable_tqdm  # lm-eval's bar has no form for logs
        found = super().loglikelihood(requests, disable_tqdm=not watched)
        self._note_truncated(requests)
        return found  # type: ignore[no-any-return]

    def _note_truncated(self, requests: list[Any]) -> None:
        if self._cut:
            self.truncated.update(request.doc_id for request in requests if request.args in self._cut)

    def _loglikelihood_tokens(self, requests: list[Any], disable_tqdm: bool = False, **settings: Any) -> Any:
        if self.backend == "causal":  # of the others' contexts, which they encode apart, lm-eval takes the end
            requests = [(key, *self.fitted(context, continuation, key)) for key, context, continuation in requests]
        return super()._loglikelihood_tokens(requests, disable_tqdm=disable_tqdm, **settings)

    def fitted(self, context: list[int], continuation: list[int], key: object = None) -> tuple[list[int], list[int]]:
        """Context and continuation that fit the model: of the context its end, after its begin token if it has one.

        Models write nonsense without the token that every text began with: a token of the context is lost for it.
        Raises DataError for a continuation that is empty, or does not fit by itself, and as `check_known` does.
        """
        self.check_known(context, continuation)
        if not continuation:
            raise DataError("a candidate is empty: there is nothing to score.")
        if len(continuation) > self.max_length:
            raise DataError(
                f"an item is longer than the model's context of {self.max_length} tokens, so it cannot be scored "
                f"whole: it has {len(continuation)}. Give --max-length if the model takes more."
            )
        over = len(context) + len(continuation) - (self.max_length + 1)  # the last token is scored, but never read
        if over <= 0:
            return context, continuation
        log.warning(
            "Combined length of context (%d) and continuation (%d) exceeds model's maximum length (%d). "
            "Truncating %d tokens from the left.", len(context), len(continuation), self.max_length, over,
        )  # fmt: skip
        self._cut.add(key)
        first = context[:1] if context[0] in self.begin else []
        return first + context[over + len(first) :], continuation

    @cached_property
    def _unknown_from(self) -> int | None:
        """The first token without an embedding; None where the tokenizer has no such token."""
        rows = rows_of(self)
        return rows if max(self.tokenizer.get_vocab().values(), default=0) >= rows else None

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

    def tok_batch_encode(self, *given: Any, left_truncate_len: int | None = None, **options: Any) -> Any:
        """(B, T) tokens and mask of prompts that are continued; rows of more than `left_truncate_len` keep their begin
        token and their end."""
        ids, mask = super().tok_batch_encode(*given, **options)
        if left_truncate_len is None or ids.shape[1] <= left_truncate_len:
            return ids, mask
        for row in range(len(ids)):
            whole = ids[row][mask[row].bool()]
            if len(whole) > left_truncate_len and int(whole[0]) in self.begin:
                ids[row, -left_truncate_len] = whole[0]
        log.warning("Prompts exceed the %d tokens that fit. Truncating from the left.", left_truncate_len)
        return ids[:, -left_truncate_len:], mask[:, -left_truncate_len:]


def adapted(model: Any, adapter: str, revision: str | None) -> Any:
    """`model` with an adapter on top; its own weights, and the rows of its embeddings, stay what they are.

    lm-eval first makes as many rows as the tokenizer has words, and afterwards ties what the adapter may have trained
    apart. A model often has more rows, for speed, and they take part in every softmax: without them even an adapter
    of zeros changes all scores. Raises ModelError, with both sizes, for an adapter of a model of another one.
    """
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, adapter, revision=revision)
    except Exception as error:  # peft raises half a dozen unrelated types for an unusable folder
        rows = model.get_input_embeddings().num_embeddings
        raise ModelError(
            f"adapter {adapter} cannot be loaded on top of this model, which has {rows} rows of embeddings: "
            f"{reason_of(error)} Is it the model that the adapter was trained on?"
        ) from error
