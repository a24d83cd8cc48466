"""`xling-bench train RECIPE --grid KEY=VALUES`: a run for each combination, then a table and a figure of all."""

from __future__ import annotations

import argparse
import gc
import json
from pathlib import Path
from typing import Any

from xling_bench.cli.common import show, tell
from xling_bench.core.errors import UsageError


def run_grid(arguments: argparse.Namespace) -> int:
    """Plan or train every point that is not finished; rewrite the table and the figure after each."""
    from xling_bench.training import grid
    from xling_bench.training.claim import processes

    axes = [grid.axis(text) for text in arguments.grid]
    output = arguments.output
    points = grid.points(arguments.recipe, arguments.settings, axes, arguments.model)
    if output is None and not arguments.dry_run:
        raise UsageError("train: give -o DIR, where the grid's points go (or --dry-run).")
    if processes() > 1:
        raise UsageError("train: --grid runs its points one after the other in one process; start it without torchrun.")
    if output is not None:
        grid.claim(output, arguments.recipe, axes, write=not arguments.dry_run)
    _check(points, output, trust_remote_code=arguments.trust_remote_code)
    if arguments.dry_run:
        return _plan(points, output, as_json=arguments.json, trust_remote_code=arguments.trust_remote_code)
    for number, point in enumerate(points, start=1):
        if grid.finished(output, point):
            tell(f"point {number} of {len(points)}, {point.name}: has finished, and nothing is done")
            continue
        tell(f"point {number} of {len(points)}, {point.name}")
        try:
            _train(point, output, trust_remote_code=arguments.trust_remote_code)
        except KeyboardInterrupt as error:
            tell(f"\nxling-bench: {str(error) or 'interrupted'}; the same command goes on in {output / point.name}.")
            return int(getattr(error, "code", 130))
        _tell_all(points, axes, output)
    _tell_all(points, axes, output)
    show(str(output))
    return 0


def _check(points: list[Any], output: Path | None, *, trust_remote_code: bool) -> None:
    """What can be wrong with any point is said before the first is trained."""
    from xling_bench.data.source import current_source
    from xling_bench.training.job import preflight

    for point in points:
        folder = None if output is None else output / point.name
        preflight(point.recipe, folder, current_source(), trust_remote_code=trust_remote_code)


def _plan(points: list[Any], output: Path | None, *, as_json: bool, trust_remote_code: bool) -> int:
    from xling_bench.training.grid import finished
    from xling_bench.training.start import prepare

    plans = []
    for point in points:
        prepared = prepare(point.recipe, None, trust_remote_code=trust_remote_code)
        plans.append({"point": point.name, "values": point.values, "plan": prepared.plan})
        done = output is not None and finished(output, point)
        said = "\n".join([f"point {point.name}{': has finished' if done else ''}", *prepared.lines])
        (tell if as_json else show)(said)
    if as_json:
        show(json.dumps(plans, ensure_ascii=False, indent=1), flush=True)
    return 0


def _train(point: Any, output: Path, *, trust_remote_code: bool) -> None:
    from xling_bench.training.start import prepare

    prepared = prepare(point.recipe, output / point.name, trust_remote_code=trust_remote_code)
    tell("\n".join(prepared.lines))
    prepared.train()
    del prepared
    gc.collect()  # the model and its optimiser, before the next point's are loaded


def _tell_all(points: list[Any], axes: list[Any], output: Path) -> None:
    """The table and the figure of the points that have finished."""
    from xling_bench.core.files import write_bytes, write_text
    from xling_bench.training import grid_table
    from xling_bench.training.grid import finished

    rows = [grid_table.row(output, point) for point in points if finished(output, point)]
    write_text(output / grid_table.TABLE, grid_table.csv(rows))
    if (drawn := grid_table.figure(rows, axes)) is not None:
        write_bytes(output / f"{grid_table.FIGURE}.svg", drawn.svg)
        write_bytes(output / f"{grid_table.FIGURE}.png", drawn.png)
