"""Weights that a file lacks: transformers fills them with random numbers and goes on, and scores look like scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xling_bench.core.errors import ModelError
from xling_bench.models.contents import check_on_hub, weight_files


def whole(loader: Any, name: Any, *given: Any, **settings: Any) -> Any:
    """`loader.from_pretrained(name, ...)`: a model whose every weight was in the files.

    loader: a transformers model class. Raises ModelError where weights are missing or have another shape, naming some,
    and for a folder or hub model of which it is not plain what would be loaded.
    """
    check_weights(name, settings.get("gguf_file"), settings.get("revision"))
    model, found = loader.from_pretrained(name, *given, output_loading_info=True, **settings)
    missing = sorted(found["missing_keys"])
    other = sorted(str(key[0] if isinstance(key, tuple) else key) for key in found["mismatched_keys"])
    for weights, what in ((missing, "lack"), (other, "have another shape than its config.json says for")):
        if weights:
            shown = ", ".join(weights[:3]) + (", ..." if len(weights) > 3 else "")
            raise ModelError(
                f"model {name}: its files {what} {len(weights)} of its weights ({shown}), which would be random. "
                "Is the file whole, and of this config.json?"
            )
    return model


def check_weights(name: str, gguf_file: str | None, revision: str | None) -> None:
    """Raise ModelError unless the weights of the model `name` are one set of safetensors files, and no adapter's.

    The others are what transformers' `from_pretrained` is given. A GGUF file is its own and only one.
    """
    if gguf_file:
        return
    if Path(name).is_dir():
        weight_files(Path(name))
    else:
        check_on_hub(name, revision)
