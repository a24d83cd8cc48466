"""A finished run that goes on: the same recipe with more updates, in the same folder."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xling_bench.core.errors import DataError, ModelError
from xling_bench.core.reading import read_object
from xling_bench.training.checkpoint import can_go_on, checkpoints

KEYS = ("steps", "epochs")  # of [run]: how long it is
# Their rate at an update depends on no later one; of the others an update would have had another, had it been known.
FREELY = ("constant",)
NEVER = ("log_warmup",)  # keeps its own length


def lengthened(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was recorded, with the length of `now`; None where `now` has no more updates. Raises KeyError or TypeError
    for no record of a run."""
    old, new = before["recipe"]["run"], now["recipe"]["run"]
    if not old["steps"] < new["steps"]:
        return None
    found = copy.deepcopy(dict(before))
    found["recipe"]["run"].update({key: new[key] for key in KEYS if key in new})
    return found


def lengths(output: Path, run: Path) -> list[int]:
    """The numbers of updates that the run in a folder was to have, in their order, the last one its present; none where
    there is no run that could go on."""
    if not run.is_file() or not checkpoints(output):
        return []
    try:
        before: Any = read_object(run)
        return [*map(int, before.get("extended", [])), int(before["recipe"]["run"]["steps"])]
    except (DataError, KeyError, TypeError, ValueError):
        return []  # `compare` says what is wrong with it


def finished(run: Path) -> int | None:
    """The update after which a run was ended on demand, before its last; None of any other run."""
    try:
        found: Any = read_object(run).get("finished") if run.is_file() else None
    except DataError:
        return None  # `compare` says what is wrong with it
    return found["step"] if isinstance(found, dict) and isinstance(found.get("step"), int) else None


def check_state(output: Path, model: Path, differing: str = "") -> None:
    """Raise ModelError where the last checkpoint of a run cannot go on; `model` is the finished one's folder,
    `differing` what is said first."""
    last = next(reversed(checkpoints(output)), None)
    if last is not None and not can_go_on(last):
        raise ModelError(
            f"{differing}{last} has no optimiser state: it was dropped when the run was finished, so the run cannot be "
            "made longer (run.keep_optimizer = true keeps it); that must be set before its end. Begin another run "
            f"from its model: --model {model}, with another -o."
        )


def set_aside(output: Path, model: Path, length: int) -> None:
    """Give the finished model the name `model-<length>`, for the longer run will have another.

    Raises ModelError where the run's last checkpoint cannot go on.
    """
    check_state(output, model)
    if model.is_dir():
        model.rename(output / f"{model.name}-{length}")
