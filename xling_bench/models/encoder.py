"""Whose states say which demonstrations are near an item: the evaluated model's, or an encoder's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

from xling_bench.core.errors import ModelError, UsageError, reason_of
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint, revision_of
from xling_bench.models.pretrained import never_asks
from xling_bench.models.whole import check_weights

MOST_KEPT = 4  # lists of texts whose vectors are kept


def encoder_config(name: str) -> ModelConfig:
    """What --demo-encoder says; it is written as --model is. Its own code is never run, whatever --trust-remote-code
    allows the model. Raises UsageError for a GGUF file."""
    config = ModelConfig(name if ":" in name else f"hf:{name}")
    if config.gguf:
        raise UsageError(f"--demo-encoder {name}: a GGUF file cannot be the encoder; expected hf:PATH_OR_NAME.")
    return config


@lru_cache(maxsize=4)
def encoder_mark(name: str | None) -> str:
    """The encoder's fingerprint; `itself` for the evaluated model."""
    return fingerprint(encoder_config(name)) if name else "itself"


def embedder(lm: Any, encoder: str | None) -> Callable[[Sequence[str]], Any]:
    """Texts to unit vectors (N, D), by the states of the evaluated model or of an encoder.

    Raises ModelError when the encoder cannot be loaded.
    """
    from xling_bench.models.embed import mean_states

    if encoder is None:
        inner = lm.model.get_base_model() if hasattr(lm.model, "peft_config") else lm.model
        parts = (inner.base_model, lm.tokenizer)
    else:
        parts = _encoder(encoder, str(lm.device))
    kept: dict[str, Any] = vars(lm).setdefault("_vectors", {})

    def embed(texts: Sequence[str]) -> Any:
        """A pool is the same for all languages of a benchmark: the last few lists are kept."""
        key = sha256("\0".join([encoder or "", *texts]).encode()).hexdigest()
        if key not in kept:
            while len(kept) >= MOST_KEPT:
                del kept[next(iter(kept))]
            kept[key] = mean_states(*parts, texts)
        kept[key] = kept.pop(key)  # used last
        return kept[key]

    return embed


@lru_cache(maxsize=1)
def _encoder(name: str, device: str) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    config = encoder_config(name)
    revision = revision_of(config.name, None)
    place = {"revision": revision, "trust_remote_code": False}
    check_weights(config.name, None, revision)
    try:
        with never_asks(f"encoder {config.name}", "An encoder's own code is never run; choose another."):
            model = AutoModel.from_pretrained(config.name, use_safetensors=True, dtype="float32", **place)
            return model.eval().to(device), AutoTokenizer.from_pretrained(config.name, **place)
    except ModelError:
        raise
    except Exception as error:  # transformers raises a dozen unrelated types for an unusable folder
        raise ModelError(f"encoder {config.name} cannot be loaded: {reason_of(error)}") from error
