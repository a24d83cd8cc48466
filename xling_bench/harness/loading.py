"""lm-eval's Hugging Face model, loaded only if all of its weights are in its files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lm_eval.models.huggingface import HFLM

from xling_bench.errors import ModelError, reason_of
from xling_bench.harness.gguf_model import Opened, load_model, load_tokenizer, oddities, opened
from xling_bench.scoring.whole import whole


class WholeModel(HFLM):  # type: ignore[misc]  # lm-eval is untyped
    """`HFLM` that refuses a model with missing weights, and to which an adapter only adds; else the same.

    With `gguf_file`, the path of a GGUF file, model and tokenizer come from it; `notes` say what is odd about it.
    `peft_revision` is the adapter's own: lm-eval would look for it at the model's.
    """

    AUTO_MODEL_CLASS: Any
    _model: Any
    notes: tuple[str, ...] = ()

    def __init__(
        self,
        pretrained: Any,
        gguf_file: str | None = None,
        peft: str | None = None,
        peft_revision: str | None = None,
        **settings: Any,
    ) -> None:
        self._file: Opened | None = None
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
