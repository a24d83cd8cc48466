"""Whose states say which demonstrations are near an item: the evaluated model's, or an encoder's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from xling_bench.errors import ModelError
from xling_bench.harness.model import ModelConfig, fingerprint, reason_of, revision_of


def encoder_config(name: str) -> ModelConfig:
    """What --demo-encoder says; it is written as --model is."""
    return ModelConfig(name if ":" in name else f"hf:{name}")


@lru_cache(maxsize=4)
def encoder_mark(name: str | None) -> str:
    """The encoder's fingerprint; `itself` for the evaluated model."""
    return fingerprint(encoder_config(name)) if name else "itself"


def embedder(lm: Any, encoder: str | None) -> Callable[[Sequence[str]], Any]:
    """Texts to unit vectors (N, D), by the states of the evaluated model or of an encoder.

    Raises ModelError when the encoder cannot be loaded.
    """
    from xling_bench.scoring.embed import mean_states

    if encoder is None:
        inner = lm.model.get_base_model() if hasattr(lm.model, "peft_config") else lm.model
        return partial(mean_states, inner.base_model, lm.tokenizer)
    return partial(mean_states, *_encoder(encoder, str(lm.device)))


@lru_cache(maxsize=1)
def _encoder(name: str, device: str) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    config = encoder_config(name)
    place = {"revision": revision_of(config.name, None)}
    try:
        model = AutoModel.from_pretrained(config.name, use_safetensors=True, dtype="float32", **place)
        return model.eval().to(device), AutoTokenizer.from_pretrained(config.name, **place)
    except Exception as error:  # transformers raises a dozen unrelated types for an unusable folder
        raise ModelError(f"encoder {config.name} cannot be loaded: {reason_of(error)}") from error
