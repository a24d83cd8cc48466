"""lm-eval's Hugging Face model, loaded only if all of its weights are in its files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lm_eval.models.huggingface import HFLM

from xling_bench.harness.gguf_model import Opened, load_model, load_tokenizer, oddities, opened
from xling_bench.scoring.whole import whole


class WholeModel(HFLM):  # type: ignore[misc]  # lm-eval is untyped
    """`HFLM` that refuses a model with missing weights; else the same.

    With `gguf_file`, the path of a GGUF file, model and tokenizer come from it; `notes` say what is odd about it.
    """

    AUTO_MODEL_CLASS: Any
    notes: tuple[str, ...] = ()

    def __init__(self, pretrained: Any, gguf_file: str | None = None, **settings: Any) -> None:
        self._file: Opened | None = None
        if gguf_file is None:
            super().__init__(pretrained, **settings)
            return
        with opened(gguf_file) as self._file:
            tokenizer = load_tokenizer(self._file)
            self.notes = tuple(oddities(gguf_file, tokenizer))
            super().__init__(self._file.folder, **self._file.place, tokenizer=tokenizer, **settings)

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
