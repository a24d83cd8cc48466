"""The model that training starts from: checked before anything is read, loaded when all else is known to be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from xling_bench.core.errors import ModelError, UsageError, reason_of
from xling_bench.training.checkpoint import MEND
from xling_bench.training.losses import Need
from xling_bench.training.objective import Objective
from xling_bench.training.recipe import Recipe

LENGTHS: dict[Need, str] = {"pairs": "pair_length", "instructions": "length"}  # keys of [run]
CAUSAL = ("ForCausalLM", "LMHeadModel", "Model")  # how the classes end whose weights serve one


class Base(TypedDict):
    """What training must know of a model. `positions` is None where there is no limit, as with ALiBi or rotary ones
    that tell none."""

    type: str
    layers: int
    positions: int | None


def check_base(recipe: Recipe, objective: Objective, *, trust_remote_code: bool = False) -> Base:
    """Whether the model has the layer and the positions that a recipe asks for, from its config.json alone.

    Raises ModelError if there is no such configuration, or not of a causal language model, UsageError if it does not
    fit.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as KNOWN

    from xling_bench.models.pretrained import load_config

    name = recipe.model.path
    try:
        config = load_config(name, recipe.model.revision, trust_remote_code=trust_remote_code)
    except ModelError as error:
        raise ModelError(f"{error} A folder of your own goes in as --set model.path=FOLDER.") from error
    own = "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})  # the model's own code says it is one
    if not own and config.model_type not in KNOWN:
        raise ModelError(f"model {name}: {config.model_type!r} is no causal language model that transformers knows.")
    named = config.architectures or []
    if named and not own and not any(each.endswith(CAUSAL) or each in KNOWN[config.model_type] for each in named):
        raise ModelError(f"model {name}: its weights are a {named[0]}'s, not a causal language model's.")
    text = config.get_text_config()
    layers, positions = getattr(text, "num_hidden_layers", None), getattr(text, "max_position_embeddings", None)
    if not isinstance(layers, int):
        raise ModelError(f"model {name}: its configuration names no number of layers (num_hidden_layers).")
    for loss in objective.active:
        loss.check_model(layers)
        loss.check_references(config, trust_remote_code=trust_remote_code)
        key, wanted = LENGTHS[loss.needs], getattr(recipe.run, LENGTHS[loss.needs])
        if positions is not None and wanted > positions:
            raise UsageError(f"run.{key}: the model has {positions} positions, got {wanted}; ask for no more.")
    return {"type": config.model_type, "layers": layers, "positions": positions}


def bare(recipe: Recipe, *, trust_remote_code: bool = False) -> Any:
    """The model as its configuration has it, without weights, on torch's meta device: nothing is allocated. Raises
    whatever a model's own code may raise."""
    import torch
    from transformers import AutoModelForCausalLM

    from xling_bench.models.pretrained import load_config, never_asks

    name = recipe.model.path
    config = load_config(name, recipe.model.revision, trust_remote_code=trust_remote_code)
    with never_asks(f"model {name}"), torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)


def check_adapter(recipe: Recipe, *, trust_remote_code: bool = False) -> None:
    """Raise UsageError where the model has not the layers that an adapter names. A model that cannot be built without
    its weights is left to `load_base`."""
    from xling_bench.training.lora import check_targets

    if recipe.adapter.kind == "none" or recipe.adapter.targets == "all-linear":
        return
    try:
        model = bare(recipe, trust_remote_code=trust_remote_code)
    except Exception:  # noqa: BLE001 - a model's own code may do anything; `needs` says that it cannot be built
        return
    check_targets(model, recipe.adapter)


def load_base(recipe: Recipe, last: Path | None, *, trust_remote_code: bool) -> tuple[Any, Any]:
    """Model (float32, on the CPU) and tokenizer: those of the checkpoint `last`, or of the recipe where that is None.

    With an adapter the checkpoint holds that one only; the base model is the recipe's, its weights as `adapter.frozen`.

    Weights are safetensors only. Raises ModelError for what cannot be loaded.
    """
    from transformers import AutoModelForCausalLM

    from xling_bench.models.pretrained import load_tokenizer, never_asks
    from xling_bench.models.whole import whole
    from xling_bench.training.lora import dtype_of, with_adapter
    from xling_bench.training.model import recompute, untie

    adapted = recipe.adapter.kind != "none"
    whole_one = last is not None and not adapted
    name, revision = (str(last), None) if whole_one else (recipe.model.path, recipe.model.revision)
    mend = f" {MEND}" if whole_one else ""
    try:
        tokenizer = load_tokenizer(name, revision, trust_remote_code=trust_remote_code)
        given = {"revision": revision, "trust_remote_code": trust_remote_code, "use_safetensors": True}
        with never_asks(f"model {name}"):
            model = whole(AutoModelForCausalLM, name, dtype=dtype_of(recipe.adapter), **given)
    except ModelError as error:
        raise ModelError(f"{error}{mend}") from error
    except Exception as error:  # transformers raises a dozen unrelated types for an unusable folder
        raise ModelError(f"model {name} cannot be loaded: {reason_of(error)}.{mend}") from error
    if recipe.model.untie:
        untie(model)
    if recipe.model.gradient_checkpointing:
        recompute(model)
    if adapted:
        model = with_adapter(model, recipe.adapter, last, recipe.run.seed)
    return model, tokenizer
