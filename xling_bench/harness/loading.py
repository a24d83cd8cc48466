"""lm-eval's Hugging Face model, loaded only if all of its weights are in its files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lm_eval.models.huggingface import HFLM

from xling_bench.scoring.whole import whole


class WholeModel(HFLM):  # type: ignore[misc]  # lm-eval is untyped
    """`HFLM` that refuses a model with missing weights; else the same."""

    AUTO_MODEL_CLASS: Any

    def _create_model(self, *given: Any, **settings: Any) -> None:
        usual: Any = self.AUTO_MODEL_CLASS

        def checked(*names: Any, **options: Any) -> Any:
            return whole(usual, *names, **options)

        self.AUTO_MODEL_CLASS = SimpleNamespace(from_pretrained=checked)
        try:
            super()._create_model(*given, **settings)
        finally:
            self.AUTO_MODEL_CLASS = usual
