"""The model that training starts from: checked before anything is read, loaded when all else is known to be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xling_bench.errors import ModelError, UsageError
from xling_bench.training.recipe import Recipe


def check_base(recipe: Recipe, layer: int, *, trust_remote_code: bool = False) -> dict[str, Any]:
    """Whether the model has the layer and the positions that a recipe asks for, from its config.json alone.

    layer: l of the objective. Returns {"type", "layers", "positions"}; positions are None where there is no limit, as
    with ALiBi or rotary ones that tell none. Raises ModelError if there is no such configuration, UsageError if it does
    not fit.
    """
    from transformers import AutoConfig

    name = recipe.model.path
    try:
        config = AutoConfig.from_pretrained(name, revision=recipe.model.revision, trust_remote_code=trust_remote_code)
    except Exception as error:  # transformers raises a dozen unrelated types for an unusable folder or name
        raise ModelError(
            f"model {name}: its configuration cannot be read: {_first(error)} "
            "A folder of your own goes in as --set model.path=FOLDER."
        ) from error
    text = config.get_text_config()
    layers, positions = int(text.num_hidden_layers), getattr(text, "max_position_embeddings", None)
    if recipe.method.objective().get("contrastive_weight") != 0 and not 1 <= layer <= layers:
        raise UsageError(f"method.layer: the model has layers 1 to {layers}; there is no layer {layer}.")
    for key in ("length", "pair_length"):
        wanted = getattr(recipe.run, key)
        if positions is not None and wanted > positions:
            raise UsageError(f"run.{key}: the model has {positions} positions, got {wanted}; ask for no more.")
    return {"type": config.model_type, "layers": layers, "positions": positions}


def load_base(recipe: Recipe, last: Path | None, *, trust_remote_code: bool) -> tuple[Any, Any]:
    """Model (float32, on the CPU) and tokenizer: those of the checkpoint `last`, or of the recipe where that is None.

    Weights are safetensors only. Raises ModelError for what cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from xling_bench.training.model import recompute, untie

    name, revision = (str(last), None) if last else (recipe.model.path, recipe.model.revision)
    given = {"revision": revision, "trust_remote_code": trust_remote_code}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **given)
        model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, use_safetensors=True, **given)
    except Exception as error:  # transformers raises a dozen unrelated types for an unusable folder
        raise ModelError(f"model {name} cannot be loaded: {_first(error)}") from error
    if recipe.model.untie:
        untie(model)
    if recipe.model.gradient_checkpointing:
        recompute(model)
    return model, tokenizer


def _first(error: Exception) -> str:
    """The first line of what an exception says; its type where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
