"""LoRA and DoRA, by peft: small matrices are trained beside the weights, which stay as they are.

A checkpoint holds the adapter only. At the end it stands by itself in `adapter/`, which peft and `run --peft` load
beside the base, and merged in `model/`, in the base model's own form, which all load that load the base.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from xling_bench.core.declare import Strict
from xling_bench.core.errors import ModelError, UsageError, reason_of
from xling_bench.core.files import write_text
from xling_bench.core.reading import read_object

if TYPE_CHECKING:
    import torch

ADAPTER = "adapter"  # the finished one's folder
CARD = "README.md"  # a form that peft writes, and nobody has filled in


def _targets(given: object) -> object:
    """JSON's lists are no tuples for strict validation once we have looked at them."""
    if given == "all-linear" or (isinstance(given, list | tuple) and all(isinstance(name, str) for name in given)):
        return tuple(given) if isinstance(given, list) else given
    raise ValueError(f'expected "all-linear" or a list of layers\' names, ["q_proj", "v_proj"], got {given!r:.60}')


class AdapterPart(Strict):
    """What is trained instead of all weights; `kind = "none"`: all weights are.

    `kind`: `lora` (Hu et al. 2022), or `dora` (Liu et al. 2024), which learns each column's length by itself. `rank`,
    `alpha`: what is learnt, B A of this rank, is scaled by alpha / rank. `dropout`: of what goes into A. `targets`:
    names of linear layers (`["q_proj", "v_proj"]`), or all; never the output layer or embeddings. `frozen`: what the
    weights that are not trained are kept in; in bfloat16 they take half the memory, and the finished model is what was
    trained: these rounded weights, in float32, with what was learnt.
    """

    kind: Literal["none", "lora", "dora"] = "none"
    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32.0, gt=0, allow_inf_nan=False)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: Annotated[Literal["all-linear"] | tuple[str, ...], BeforeValidator(_targets)] = "all-linear"
    frozen: Literal["float32", "bfloat16"] = "float32"

    def describe(self) -> str:
        """In a phrase; empty where all weights are trained."""
        if self.kind == "none":
            return ""
        names = "all linear layers" if self.targets == "all-linear" else ", ".join(self.targets)
        return f"{'LoRA' if self.kind == 'lora' else 'DoRA'} of rank {self.rank}, alpha {self.alpha:g}, in {names}"


def dtype_of(part: AdapterPart) -> torch.dtype:
    """What a base model is loaded in."""
    import torch

    return torch.bfloat16 if part.kind != "none" and part.frozen == "bfloat16" else torch.float32


def with_adapter(model: Any, part: AdapterPart, last: Path | None, seed: int) -> Any:
    """The model with an adapter, that of the checkpoint `last` or a new one, a function of the seed.

    A new one changes nothing yet (B is 0). Raises UsageError for targets that the model lacks or that are its output
    layer or embeddings, ModelError for a checkpoint that cannot be read.
    """
    import peft
    import torch

    if last is not None:
        try:
            found = peft.PeftModel.from_pretrained(model, str(last), is_trainable=True)
            for config in found.peft_config.values():
                config.base_model_name_or_path = model.name_or_path  # where peft looks when it writes: see save_adapter
            return found
        except Exception as error:  # peft, safetensors and torch raise each their own for a damaged file
            raise ModelError(f"{last}: its adapter cannot be loaded: {reason_of(error):.200}.") from error
    wanted = part.targets if isinstance(part.targets, str) else list(part.targets)
    config = peft.LoraConfig(
        task_type="CAUSAL_LM", r=part.rank, lora_alpha=part.alpha, lora_dropout=part.dropout, target_modules=wanted,
        use_dora=part.kind == "dora",
    )  # fmt: skip
    check_targets(model, part)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return peft.get_peft_model(model, config)
    except ValueError as error:
        raise UsageError(f"adapter.targets: {reason_of(error):.200}") from error


def check_targets(model: Any, part: AdapterPart) -> None:
    """Raise UsageError for a target that is no linear layer of the model, or its output layer or embeddings."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    if isinstance(part.targets, str):
        return
    apart = {id(layer) for layer in (model.get_input_embeddings(), model.get_output_embeddings())}
    linear, others = list[str](), list[str]()
    for name, module in model.named_modules():
        if id(module) in apart:
            others.append(name)
        elif isinstance(module, Linear | Conv1D):
            linear.append(name)
    there = f"linear layers there are: {', '.join(dict.fromkeys(name.rpartition('.')[2] for name in linear))}"
    for target in part.targets:
        if found := [name for name in others if f".{name}".endswith(f".{target}")]:
            raise UsageError(
                f"adapter.targets: {found[0]} is the model's output layer or its embeddings, which an adapter leaves "
                f"alone; {there}."
            )
        if not any(f".{name}".endswith(f".{target}") for name in linear):
            raise UsageError(f"adapter.targets: the model has no linear layer {target!r}; {there}.")
    if not part.targets:
        raise UsageError(f'adapter.targets: no layer is named; {there}. "all-linear" takes them all.')


def load_adapter(model: Any, checkpoint: Path) -> None:
    """Give the adapter the values that a checkpoint has."""
    import peft

    peft.set_peft_model_state_dict(model, peft.load_peft_weights(str(checkpoint), device="cpu"))


def is_adapted(model: Any) -> bool:
    """Whether it has an adapter; a merged one has none."""
    return hasattr(model, "merge_and_unload")


def save_adapter(model: Any, folder: Path) -> None:
    """Write what was learnt, as peft has it. The base is named as others may know it: a folder by its last part."""
    model.save_pretrained(folder, safe_serialization=True)
    config = read_object(folder / "adapter_config.json")
    if Path(name := str(config.get("base_model_name_or_path") or "")).is_dir():
        config["base_model_name_or_path"] = Path(name).name
    write_text(folder / "adapter_config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / CARD).unlink(missing_ok=True)


def merged(model: Any) -> Any:
    """The base model with what was learnt added to its weights, in float32. The model given is used up."""
    return model.float().merge_and_unload(progressbar=False)
