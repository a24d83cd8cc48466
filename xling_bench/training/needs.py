"""What a run will need of memory and disk, before it is begun, beside what is there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, TypedDict

from xling_bench.core.errors import reason_of
from xling_bench.results.naming import name_here
from xling_bench.training.amounts import amounts
from xling_bench.training.base import bare
from xling_bench.training.recipe import Recipe
from xling_bench.training.recipe_parts import ModelPart

# Of a token and layer, in hidden sizes: what the backward pass keeps of a layer in 16 bit without attention's scores
# (Korthikanti et al. 2022, Section 4.1, "34 sbh"), which fused attention does not keep.
ACTIVATIONS = 34
CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


class Memory(TypedDict):
    """Bytes on one process: `weights` (in `adapter.frozen` where an adapter is trained), `beside` those of the models
    that losses compare with, by name, `gradients` and `optimizer` (AdamW's two) in float32, `casts` autocast's copies
    of the weights. `activations` are rough: every text as long as it may be. `there`: free on the GPU, or of main
    memory this process's part; None where it cannot be told."""

    weights: int
    beside: dict[str, int]
    gradients: int
    optimizer: int
    casts: int
    activations: int
    device: str
    there: int | None


class Disk(TypedDict):
    """Bytes: a checkpoint on the way, as many as stand there at once with one being written, and what is free."""

    checkpoint: int
    most: int
    there: int | None


class Needs(TypedDict):
    """`parameters`, and those of them that are `trained`, are counted of the model's configuration; None where it
    cannot be built without its weights, and `reason` says why."""

    parameters: int | None
    trained: int | None
    reason: str
    memory: Memory | None
    disk: Disk | None


def needs_of(recipe: Recipe, output: Path | None, *, processes: int, trust_remote_code: bool) -> Needs:
    """Of training the recipe's model, or an adapter of it."""
    try:
        text, parameters, trained, held = _parameters(recipe, trust_remote_code=trust_remote_code)
    except Exception as error:  # noqa: BLE001 - a model's own code may do anything; an estimate is no reason to stop
        return {"parameters": None, "trained": None, "reason": reason_of(error), "memory": None, "disk": None}
    device, there = _memory()
    half = recipe.adapter.kind != "none" and recipe.adapter.frozen == "bfloat16"
    memory: Memory = {
        "weights": (2 if half else 4) * (parameters - trained) + 4 * trained,
        "gradients": (8 if processes > 1 else 4) * trained,  # replication keeps buckets beside them
        "optimizer": 8 * trained,
        "beside": {name: 4 * size for name, size in held.items()},
        "casts": 2 * (trained if half else parameters) if recipe.model.precision == "bfloat16" else 0,
        "activations": _activations(recipe, text, processes),
        "device": device,
        "there": there,
    }
    size, model = 12 * trained, 4 * parameters if trained < parameters else 0
    saved = recipe.run.steps // recipe.run.save_every
    most = min(saved, recipe.run.keep or saved) + 1 + bool(recipe.stop.by)
    free = None if output is None else _free(output)
    return {
        "parameters": parameters, "trained": trained, "reason": "", "memory": memory,
        "disk": {"checkpoint": size, "most": (most * size if saved else 4 * trained) + model, "there": free},
    }  # fmt: skip


def told(needs: Needs) -> list[str]:
    """One line, and one for each that is not enough."""
    memory, disk = needs["memory"], needs["disk"]
    if memory is None or disk is None:
        return [f"needs: not known, for the model cannot be built without its weights ({needs['reason']:.120})"]
    beside = sum(memory["beside"].values())
    total = beside + sum(memory[part] for part in ("weights", "gradients", "optimizer", "casts"))
    others = "".join(f", {_gb(size)} of it for {name}" for name, size in memory["beside"].items())
    rough = memory["activations"]
    trained = "" if needs["trained"] == needs["parameters"] else f", {needs['trained']:,} of them trained"
    line = (
        f"needs: {needs['parameters']:,} parameters{trained}; memory {_gb(total)} for weights, gradients and "
        f"optimiser{others}, roughly {_gb(rough)} for activations at full lengths; disk {_gb(disk['most'])}"
    )
    lines = [line]
    if memory["there"] is not None and total + rough > memory["there"]:
        surely = "does not fit" if total > memory["there"] else "may not fit"
        lines.append(
            f"  MEMORY: this {surely}: {memory['device']} has {_gb(memory['there'])} free. Activations shrink with "
            "run.parts, run.length and model.gradient_checkpointing; the rest with a smaller model only."
        )
    if disk["there"] is not None and disk["most"] > disk["there"]:
        lines.append(
            f"  DISK: {_gb(disk['there'])} are free there: less than {_gb(disk['most'])}. Set run.keep lower, or "
            "run.save_every higher."
        )
    return lines


def _parameters(recipe: Recipe, *, trust_remote_code: bool) -> tuple[Any, int, int, dict[str, int]]:
    """The text model's configuration, the number of its parameters, an adapter's too, of those that are trained, and
    of the models beside it: nothing is allocated."""
    import torch

    from xling_bench.training.lora import with_adapter

    model = bare(recipe, trust_remote_code=trust_remote_code)
    text = model.config.get_text_config()
    own = model.get_output_embeddings().weight is not model.get_input_embeddings().weight
    more = text.vocab_size * text.hidden_size if recipe.model.untie and not own else 0
    if recipe.adapter.kind != "none":
        with torch.device("meta"):
            model = with_adapter(model, recipe.adapter, None, 0)
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    trained = sum(size for size, learns in sizes if learns)
    held = _beside(recipe, model, trust_remote_code=trust_remote_code)
    return text, sum(size for size, _ in sizes) + more, trained + more, held


def _beside(recipe: Recipe, model: Any, *, trust_remote_code: bool) -> dict[str, int]:
    """Parameters of the models that losses hold, by what a person calls them. `model`: see `bare`."""
    from xling_bench.training.model import Network

    found = {}
    for loss in recipe.method.objective().active:
        for name, layers in loss.beside.items():
            if layers is not None:
                held, called = Network(model).copied(layers).body, f"a copy of layers 1 to {layers} ({loss.name})"
            elif name in loss.teachers:
                own = {"model": ModelPart(path=name), "adapter": type(recipe.adapter)()}
                held = bare(recipe.model_copy(update=own), trust_remote_code=trust_remote_code)
                called = f"the teacher {name_here(name)}"
            else:
                held, called = bare(recipe, trust_remote_code=trust_remote_code), "the base as it was"
            found[called] = sum(parameter.numel() for parameter in held.parameters())
    return found


def _activations(recipe: Recipe, text: Any, processes: int) -> int:
    """Of all tokens that go through the model at once, in their layers, and of the output layer's chunk."""
    from xling_bench.training.token_losses import CHUNK

    run, sizes = recipe.run, amounts(recipe, processes)
    wide = 1 if recipe.model.precision == "bfloat16" else 2
    layers = {"pairs": 0, "instructions": 0}
    for loss in recipe.method.objective().active:
        layers[loss.needs] = max(layers[loss.needs], getattr(loss, "layer", text.num_hidden_layers))
    found = 0
    for name, tokens in (
        ("pairs", 2 * sizes["pairs"]["part"] * run.pair_length),
        ("instructions", sizes["instructions"]["part"] * run.length),
    ):
        whole = layers[name] if not recipe.model.gradient_checkpointing else min(1, layers[name])
        kept = ACTIVATIONS * whole + 2 * (layers[name] - whole)  # a layer that is run again keeps its input
        found += tokens * text.hidden_size * kept * wide
    return found + (12 * CHUNK * text.vocab_size if layers["instructions"] else 0)


def _memory() -> tuple[str, int | None]:
    """The device that a process trains on, and what is free there."""
    import torch

    if torch.cuda.is_available():
        return "the GPU", torch.cuda.mem_get_info()[0]
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    known = [amount for amount in (_available(), _limit()) if amount is not None]
    return "main memory", min(known) // local if known else None


def _available() -> int | None:
    """What the system can give, by Linux's own estimate."""
    if not MEMINFO.is_file():
        return None
    found = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
    return int(found["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in found else None


def _limit() -> int | None:
    """What the container may still take (cgroup v2)."""
    try:
        most, used = (CGROUP / "memory.max").read_text(), (CGROUP / "memory.current").read_text()
        stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None  # no container, or none that says so
    return None if most.strip() == "max" else int(most) - int(used) + int(stat.get("inactive_file", 0))


def _free(output: Path) -> int:
    there = next(path for path in (output, *output.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def _gb(size: int) -> str:
    return f"{size / 1e9:.3g} GB"
