"""Whether a run's weights are shared out over accelerators, and what cannot be done then (`shards` does it)."""

from __future__ import annotations

import os

from xling_bench.core.errors import UsageError
from xling_bench.training.recipe import Recipe


def sharded() -> bool:
    """Whether accelerate's configuration asks for it."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def check_sharding(recipe: Recipe) -> None:
    """Raise UsageError for what a recipe asks for that is not done over shards."""
    if not sharded():
        return
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise UsageError("FSDP: version 2 is what training takes; set fsdp_version: 2 in accelerate's configuration.")
    for key, asked in (("evaluate.every", recipe.evaluate.every), ("alignment.every", recipe.alignment.every)):
        if asked:
            raise UsageError(
                f"{key}: one process measures a whole model, which no process has under FSDP; set it to 0, and measure "
                "the checkpoints."
            )
    if recipe.adapter.kind != "none":
        raise UsageError(
            "adapter.kind: adapters are small; train them on several accelerators by torchrun, without FSDP, with "
            'adapter.frozen = "bfloat16" where memory is short.'
        )
