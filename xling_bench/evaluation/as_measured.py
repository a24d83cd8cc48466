"""The run that measures a model as the results of a table were measured: what `gate --sequential` evaluates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xling_bench.catalog import task_specs
from xling_bench.core.errors import UsageError
from xling_bench.evaluation.configure import run_config
from xling_bench.evaluation.plan import RunConfig
from xling_bench.harness.demos import POLICIES, Demos
from xling_bench.models.config import ModelConfig
from xling_bench.results.mixing import signature_fields

if TYPE_CHECKING:
    import pandas as pd


def config_as(
    frame: pd.DataFrame, model: ModelConfig, output: str | Path, *, name: str | None, joiner: str
) -> RunConfig:
    """Tasks, shots, seeds, demonstrations, split, limit and rows kept, as the signatures in `frame` have them.

    Raises UsageError where one run could not have made them all: several splits or demonstrations; and for tasks that
    are not of this version.
    """
    unknown = sorted(set(map(str, frame["task"])) - set(task_specs()))
    if unknown:
        raise UsageError(f"--sequential: the baseline has {', '.join(unknown)}, which no run of this version makes.")
    signatures = [signature_fields(str(signature)) for signature in frame["signature"]]
    limits = {fields["limit"] for fields in signatures if "limit" in fields}
    shown = sorted({str(demos) for demos in frame["demos"]} - {"none"})
    split = _one("split", sorted(set(map(str, frame["split"]))))
    demos = demos_of(_one("demonstrations", shown)) if shown else Demos()
    return run_config(
        model,
        output=output,
        name=name,
        tasks=sorted(set(map(str, frame["task"]))),
        shots=sorted({int(shots) for shots in frame["shots"]}),
        seeds=sorted({int(seed) for seed in frame.loc[frame["shots"] > 0, "seed"]} or {0}),
        demos=demos.policy,
        demo_lang=demos.language,
        aligner=demos.aligner,
        limit=max(map(int, limits), default=None),
        split=split,
        joiner=joiner,
        ns="keep" if any("ns" in fields for fields in signatures) else "drop",
        naming="--name",
    )


def _one(what: str, found: list[str]) -> str:
    if len(found) != 1:
        raise UsageError(f"--sequential: the baseline has several {what} ({', '.join(found)}); gate them apart.")
    return found[0]


def demos_of(label: str) -> Demos:
    """The demonstrations that folders and tables call so (`Demos.label`)."""
    parts = label.split("-")
    aligner = parts[-1] == "aligner"
    parts = parts[: len(parts) - aligner]
    policy = parts.pop(0) if parts and parts[0] in POLICIES else "fixed"
    language = "-".join(parts) if parts != ["same"] else ""
    found = Demos(policy, language or None, aligner=aligner)
    if found.label != label:
        raise UsageError(f"--sequential: the baseline's demonstrations {label!r} are of no run of this version.")
    return found
