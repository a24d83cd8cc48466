"""A training run: recipe and data to an aligned checkpoint that transformers, vLLM and lm-eval load unchanged."""

from __future__ import annotations

import json
import platform
import shutil
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from xling_bench.data.source import Source
from xling_bench.errors import DataError, OutputError, UsageError
from xling_bench.files import TEMPORARY, write_text
from xling_bench.training.checkpoint import STAGING, check
from xling_bench.training.recipe import Recipe

RUN, MODEL = "run.json", "model"
PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "safetensors", "xling-bench")


def check_model(recipe: Recipe, *, trust_remote_code: bool = False) -> dict[str, Any]:
    """What is wrong between recipe and model, before data are read: see `training.base.check_base`."""
    from xling_bench.training.base import check_base

    return check_base(recipe, _objective(recipe).layer, trust_remote_code=trust_remote_code)


def plan(recipe: Recipe, streams: Any, base: dict[str, Any]) -> dict[str, Any]:
    """What a run would do, without loading the model: what one process draws in all, and what the data report says.

    `base` is what `check_base` found out about the model.
    """
    drawn = dict(zip(("pairs", "instructions"), _drawn(recipe), strict=True))
    rows = {name: len(stream) if (stream := getattr(streams, name)) is not None else 0 for name in drawn}
    total = {name: recipe.run.steps * recipe.run.parts * drawn[name] if rows[name] else 0 for name in drawn}
    return {
        "recipe": recipe.model_dump(mode="json"),
        "objective": asdict(_objective(recipe)),
        "model": base,
        **total,
        "epochs": {name: total[name] / rows[name] if rows[name] else 0.0 for name in drawn},
        "data": streams.report,
    }


def train(
    recipe: Recipe, streams: Any, output: Path, fingerprint: str, *, source: Source | None = None,
    trust_remote_code: bool = False,
) -> Path:  # fmt: skip
    """Train, or go on from the last whole checkpoint in `output`; returns the folder of the finished model.

    `source` is where early evaluation reads development splits.

    Writes run.json (resolved recipe, data report with hashes, versions), log.jsonl, checkpoint-<step>/ and, at the end,
    model/. Killed at any moment and started again with the same recipe, on the same machine, it ends in the same bytes.
    Raises UsageError when `output` holds a run of another recipe, data or model, naming what differs; TrainingError for
    a loss that is no number; OutputError when the disk refuses: the last checkpoint stays whole.
    """
    from transformers.utils.logging import disable_progress_bar

    from xling_bench.training.base import load_base
    from xling_bench.training.kernels import kernel
    from xling_bench.training.loop import AlignmentTrainer, Run, latest
    from xling_bench.training.step import AlignmentStep

    disable_progress_bar()  # of loading and writing: ours is the one of training
    facts = _facts(recipe, streams, fingerprint)
    _claim(output, facts)
    finished = output / MODEL
    if finished.is_dir():
        return finished
    shutil.rmtree(output / STAGING, ignore_errors=True)  # what a killed run had half written
    last, _ = latest(output)
    if last is not None:
        check(last)
    fused = kernel(recipe.model.kernel)
    model, tokenizer = load_base(recipe, last, trust_remote_code=trust_remote_code)
    step = AlignmentStep(model, _objective(recipe), autocast=_autocast(recipe), kernel=fused)
    examples = _examples(recipe, streams, tokenizer, step.network.packs)
    early = _early(recipe, tokenizer, source)
    trainer = AlignmentTrainer(step, examples, tokenizer, output, Run(**_loop(recipe)), early)
    write_text(output / RUN, json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    trainer.finish(finished)
    return finished


def _facts(recipe: Recipe, streams: Any, fingerprint: str) -> dict[str, Any]:
    return {
        "recipe": recipe.model_dump(mode="json"),
        "objective": asdict(_objective(recipe)),
        "model": fingerprint,
        "data": streams.report,
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
    }


def _claim(output: Path, facts: dict[str, Any]) -> None:
    """Refuse a folder of another run. Versions may change; what they change is for the reader of run.json to know."""
    path = output / RUN
    if not path.is_file():
        if output.is_dir() and any(not inside.name.startswith(TEMPORARY) for inside in output.iterdir()):
            raise OutputError(f"{output} is not empty and holds no run of `xling-bench train`; choose another folder.")
        output.mkdir(parents=True, exist_ok=True)
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        differing = _difference(_compared(before), _compared(facts))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{path} is no run.json of ours ({error!r}); choose another folder.") from error
    if differing:
        raise UsageError(f"{output} holds a run with another {differing}. Give the same, or another -o.")


COMPARED = ("recipe", "objective", "model", "data")


def _compared(facts: dict[str, Any]) -> dict[str, Any]:
    """What makes a run that run: not where the base model lies (`model` is its hash), nor what the recipe is called."""
    recipe = {key: value for key, value in facts["recipe"].items() if key not in ("name", "title")}
    recipe["model"] = {key: value for key, value in recipe["model"].items() if key not in ("path", "revision")}
    return {key: facts[key] for key in COMPARED} | {"recipe": recipe}


def _difference(a: Any, b: Any, where: str = "") -> str:
    """The first place where two JSON values differ, with both values; empty where they are equal."""
    b = json.loads(json.dumps(b))
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            found = _difference(a.get(key), b.get(key), f"{where}.{key}" if where else key)
            if found:
                return found
        return ""
    return "" if a == b else f"{where} ({a!r:.80}, now {b!r:.80})"


def _objective(recipe: Recipe) -> Any:
    from xling_bench.training.step import CODE, PAPER

    return replace({"code": CODE, "paper": PAPER}[recipe.method.mode], **recipe.method.objective())


def _autocast(recipe: Recipe) -> Any:
    import torch

    return torch.bfloat16 if recipe.model.precision == "bfloat16" else None


def _examples(recipe: Recipe, streams: Any, tokenizer: Any, packs: bool) -> Any:
    from xling_bench.training.examples import Examples, Sizes

    run, drawn = recipe.run, _drawn(recipe)
    sizes = Sizes(*drawn, run.parts, run.pair_length, run.length, recipe.method.learn, run.ends)
    if streams.pairs is None and streams.instructions is None:
        raise DataError("the data hold neither pairs nor instructions.")
    return Examples(tokenizer, streams.pairs, streams.instructions, sizes, run.steps, packs=packs)


def _early(recipe: Recipe, tokenizer: Any, source: Source | None) -> Any:
    """What the trainer evaluates on the way, and how often; None where nothing is asked for."""
    from xling_bench.training.early import EarlyEvaluation

    wanted = recipe.evaluate
    if not wanted.every:
        return None
    if source is None:
        raise UsageError("evaluate: say where benchmark data come from (XLING_DATA_DIR, XLING_DATA).")
    return EarlyEvaluation(wanted.tasks, tokenizer, source, wanted.limit), wanted.every


def _drawn(recipe: Recipe) -> tuple[int, int]:
    """Pairs and instructions of a part; none of those whose loss has weight 0."""
    objective = _objective(recipe)
    return (
        recipe.run.pairs if objective.contrastive_weight else 0,
        recipe.run.instructions if objective.instruction_weight else 0,
    )


def _loop(recipe: Recipe) -> dict[str, Any]:
    names = ("steps", "lr", "weight_decay", "schedule", "warmup", "clip", "seed", "save_every", "log_every", "keep")
    return {name: getattr(recipe.run, name) for name in names}
