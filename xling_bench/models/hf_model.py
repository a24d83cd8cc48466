"""lm-eval's Hugging Face model, loaded only if all of its weights are in its files."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from lm_eval.models.huggingface import HFLM

from xling_bench.core.errors import ModelError, reason_of
from xling_bench.models import chat
from xling_bench.models.backend import Circumstances, Prompt
from xling_bench.models.config import Provenance
from xling_bench.models.fitting import Fitting, log
from xling_bench.models.gguf_model import Opened, load_model, load_tokenizer, oddities, opened
from xling_bench.models.greedy import texts_of
from xling_bench.models.whole import whole


class WholeModel(Fitting, HFLM):  # type: ignore[misc]  # lm-eval is untyped
    """`HFLM` that refuses a model with missing weights, to which an adapter only adds, and whose texts keep their begin
    token where they are too long; else the same.

    With `gguf_file`, the path of a GGUF file, model and tokenizer come from it; `notes` say what is odd about it.
    `peft_revision` is the adapter's own: lm-eval would look for it at the model's. No more than `most_texts` are
    generated at once, if that is given.
    """

    called = "hf"
    team: Any = None  # set by our runner where several processes share the work
    AUTO_MODEL_CLASS: Any
    _model: Any
    notes: tuple[str, ...] = ()
    most_texts: int | None = None
    writer: Any = None  # our own loop, where the model can be used so
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
        Fitting.start_afresh(self)
        if gguf_file is None:
            super().__init__(pretrained, **settings)
        else:
            with opened(gguf_file) as self._file:
                tokenizer = load_tokenizer(self._file)
                self.notes = tuple(oddities(gguf_file, tokenizer))
                super().__init__(self._file.folder, **self._file.place, tokenizer=tokenizer, **settings)
        self.chat_template_args |= chat.settings(self.tokenizer)
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

    @property
    def dtype(self) -> str:
        """Of the weights, as torch calls it."""
        return str(self.model.dtype).removeprefix("torch.")

    @property
    def rows(self) -> int:
        """How many tokens the model has an embedding for."""
        return int(self.model.get_input_embeddings().num_embeddings)

    @property
    def generation_config(self) -> dict[str, object]:
        """What the model's generation_config.json asks for."""
        own = self.model.generation_config
        return {} if own is None else dict(own.to_diff_dict())

    @property
    def batch_limits(self) -> tuple[int, int | None]:
        """How many texts are generated at once, and how many tokens of theirs, if these count."""
        if self.writer is None:
            return int(self.batch_size), None
        return self.most_texts or self.writer.texts, self.writer.tokens

    @property
    def token_budget(self) -> int | None:
        """lm-eval's own code computes by texts."""
        return None

    def use_token_budget(self, tokens: int) -> None:
        """There is none to use."""

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """(log-likelihood, whether every token was the likeliest) of each request's continuation."""
        watched = sys.stderr.isatty() and not disable_tqdm  # lm-eval's bar has no form for logs
        found = super().loglikelihood(requests, disable_tqdm=not watched)
        self.note_truncated(requests)
        return found  # type: ignore[no-any-return]

    def _loglikelihood_tokens(self, requests: list[Any], disable_tqdm: bool = False, **settings: Any) -> Any:
        if self.backend == "causal":  # of the others' contexts, which they encode apart, lm-eval takes the end
            requests = [(key, *self.fitted(context, continuation, key)) for key, context, continuation in requests]
        return super()._loglikelihood_tokens(requests, disable_tqdm=disable_tqdm, **settings)

    def tok_batch_encode(self, *given: Any, left_truncate_len: int | None = None, **options: Any) -> Any:
        """(B, T) tokens and mask of prompts that are continued; rows of more than `left_truncate_len` keep their begin
        token and their end."""
        ids, mask = super().tok_batch_encode(*given, **options)
        if left_truncate_len is None or ids.shape[1] <= left_truncate_len:
            return ids, mask
        for row in range(len(ids)):
            tokens = ids[row][mask[row].bool()].tolist()
            if len(tokens) > left_truncate_len:
                ids[row, -left_truncate_len:] = ids.new_tensor(self.ending(tokens, left_truncate_len))
        log.warning("Prompts exceed the %d tokens that fit. Truncating from the left.", left_truncate_len)
        return ids[:, -left_truncate_len:], mask[:, -left_truncate_len:]

    def provenance(self) -> Provenance:
        """How log-likelihoods are computed: by lm-eval's own code."""
        return {"backend": "lm-eval"}

    def texts(self, batch: Sequence[Prompt], tick: Callable[[int], object] = lambda _: None) -> list[str]:
        """One greedy text for each prompt, cut at its stop strings, without special tokens; `tick` hears of each."""
        heard = 0

        def hear(texts: int) -> None:
            nonlocal heard
            if heard < len(batch):  # where memory lacks, texts are begun again
                heard += texts
                tick(texts)

        if self.writer is not None:
            self.writer.tick = hear
        found = texts_of(self)(batch)
        tick(len(found) - heard)
        return found

    def circumstances(self) -> Circumstances:
        """Those of this model, here."""
        import torch
        import transformers

        device = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        libraries = {"torch": str(torch.__version__), "transformers": transformers.__version__}
        texts, tokens = self.batch_limits
        return {"batch_size": texts, "batch_tokens": tokens, "device": device, "libraries": libraries}

    def close(self) -> None:
        """Give back the memory that the model takes."""
        import torch

        for name in ("engine", "_capable", "writer"):  # which hold it, too
            self.__dict__.pop(name, None)
        del self._model
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


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
