"""How much an update learns from, and how much of that goes through the model at once on each process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sized
from typing import TYPE_CHECKING, TypedDict

from xling_bench.core.errors import UsageError
from xling_bench.training.losses import NEEDS, Need
from xling_bench.training.recipe import Recipe

if TYPE_CHECKING:
    from xling_bench.training.examples import Sizes


class Amount(TypedDict):
    """Rows of an update, over all processes and parts, and those of one part on one process."""

    update: int
    part: int


def amounts(recipe: Recipe, processes: int) -> dict[Need, Amount]:
    """What is drawn of each stream: update = part x run.parts x processes. Nothing of one that no loss needs.

    Raises UsageError for a size that processes and parts do not divide: shares of another size would weigh otherwise.
    """
    found: dict[Need, Amount] = {}
    at_once = processes * recipe.run.parts
    for need in NEEDS:
        update = getattr(recipe.run, need) if recipe.method.objective().needing(need) else 0
        if update % at_once:
            near = [size for size in (update - update % at_once, update - update % at_once + at_once) if size]
            raise UsageError(
                f"run.{need}: an update's {update} {need} cannot be shared out equally to {processes} "
                f"{'process' if processes == 1 else 'processes'} x {recipe.run.parts} "
                f"{'part' if recipe.run.parts == 1 else 'parts'}; give a multiple of {at_once}, "
                f"for example {' or '.join(map(str, near))}."
            )
        found[need] = {"update": update, "part": update // at_once}
    return found


def sizes_of(recipe: Recipe, processes: int) -> Sizes:
    """The same, as what makes batches takes it."""
    from xling_bench.training.examples import Sizes

    run, drawn = recipe.run, amounts(recipe, processes)
    return Sizes(
        drawn["pairs"]["part"], drawn["instructions"]["part"], run.parts, run.pair_length, run.length,
        recipe.method.learn, run.ends, processes, run.rows, run.label_special, run.padding,
    )  # fmt: skip


def with_steps(recipe: Recipe, streams: Mapping[Need, Sized | None], processes: int) -> Recipe:
    """The same with the updates that its `run.epochs` are, where it has some: those in which every row of a stream is
    drawn so often (by weights some oftener), rounded up.

    Raises UsageError where `run.epochs_of` names a stream that nothing is drawn of.
    """
    run = recipe.run
    if run.epochs is None:
        return recipe
    drawn = {need: size["update"] for need, size in amounts(recipe, processes).items() if size["update"]}
    steps: dict[Need | None, int] = {
        need: math.ceil(run.epochs * len(stream) / drawn[need] - 1e-9)
        for need, stream in streams.items()
        if stream is not None and need in drawn
    }
    wanted = run.epochs_of or max(steps, key=steps.__getitem__, default=None)
    if wanted not in steps:
        there = ", ".join(map(str, steps)) or "no rows"
        raise UsageError(f"run.epochs_of: nothing is drawn of {wanted}; there are {there}.")
    return recipe.model_copy(update={"run": run.model_copy(update={"steps": max(1, steps[wanted])})})
