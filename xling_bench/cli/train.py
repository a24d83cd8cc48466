"""`xling-bench train`: an aligned checkpoint from a base model and parallel data."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from xling_bench.cli.common import add_data, apply_data, show, tell
from xling_bench.cli.train_grid import run_grid
from xling_bench.core.errors import UsageError

EXAMPLE = "example: xling-bench train --model ./my-base open-en-zh/afp --set run.steps=100 -o aligned"


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("train", help="align a checkpoint across languages; resumes", epilog=EXAMPLE)
    parser.add_argument(
        "recipe", metavar="RECIPE", help="MODEL/DATA/METHOD, a .toml file, a recipe's name, or `list` to see them"
    )
    parser.add_argument(
        "--model", metavar="PATH_OR_NAME",
        help="what is trained: a name that `list` shows, a folder, or a hub name; RECIPE may then be DATA/METHOD",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder for checkpoints and the final model")
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="PART.KEY=VALUE",
        help="change one value, for example run.steps=100 or model.path=./ckpt; again for more",
    )  # fmt: skip
    parser.add_argument(
        "--extend", action="store_true",
        help="a run that is there may have more updates, whatever its schedule, along that of the new number",
    )  # fmt: skip
    parser.add_argument(
        "--finish", action="store_true",
        help="end a run that was interrupted: its last checkpoint becomes the model, and nothing more is learnt",
    )  # fmt: skip
    parser.add_argument(
        "--grid", action="append", default=[], metavar="KEY=VALUE,VALUE,...",
        help="a run for each value, for example method.layer=1,6,12; again for every combination. A folder a point "
             "below -o, with grid.csv and a figure; finished points are skipped",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="check recipe and data, print what would be done")
    parser.add_argument("--json", action="store_true", help="with --dry-run: print the whole plan as JSON")
    parser.add_argument("--trust-remote-code", action="store_true", help="run code that comes with the model")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List, plan or train."""
    if arguments.recipe == "list":
        return _list()
    apply_data(arguments)
    if arguments.json and not arguments.dry_run:
        raise UsageError("train: --json is for --dry-run, which prints what would be done; a run keeps it in run.json.")
    for option in ("extend", "finish"):
        if arguments.grid and getattr(arguments, option):
            raise UsageError(f"train: --{option} is for one run; give its folder with -o, without --grid.")
    if arguments.extend and arguments.finish:
        raise UsageError("train: --extend makes a run longer, --finish ends it as it is; give one of them.")
    if arguments.grid:
        return run_grid(arguments)
    from xling_bench.training.recipe import resolve
    from xling_bench.training.start import prepare

    recipe, output = resolve(arguments.recipe, arguments.settings, arguments.model), arguments.output
    if output is None and not arguments.dry_run:
        raise UsageError("train: give -o DIR, where checkpoints and the model go (or --dry-run).")
    if arguments.finish:
        _check_finish(output)
    prepared = prepare(
        recipe, output, trust_remote_code=arguments.trust_remote_code, extend=arguments.extend, finish=arguments.finish
    )
    first = os.environ.get("RANK", "0") == "0"  # of several processes (torchrun) one speaks
    lines = "\n".join([*prepared.lines, *_state(output, prepared.recipe.run.steps, finish=arguments.finish)])
    if first and arguments.json:
        show(json.dumps(prepared.plan, ensure_ascii=False, indent=1), flush=True)
    if first:
        (show if arguments.dry_run and not arguments.json else tell)(lines)
    if arguments.dry_run:
        return 0
    try:
        done = prepared.train()
    except KeyboardInterrupt as error:
        if first:
            tell(f"\nxling-bench: {str(error) or 'interrupted'}; {_left(output)}")
        return int(getattr(error, "code", 130))
    if first:
        from xling_bench.training.ending import ending, what_next

        show(done)
        told = ending(output, prepared.recipe.method.objective().active)
        tell("\n".join([*told, *what_next(done, prepared.recipe.data.languages)]))
    return 0


def _check_finish(output: Path | None) -> None:
    """Before data are read. Raises UsageError where there is nothing to end."""
    from xling_bench.training.checkpoint import checkpoints
    from xling_bench.training.claim import MODEL

    if output is None or not (checkpoints(output) or (output / MODEL).is_dir()):
        where = "give -o DIR, the folder of the run" if output is None else f"{output} has no checkpoint"
        raise UsageError(f"train: --finish makes the model of a run's last checkpoint: {where}.")


def _state(output: Path | None, steps: int, *, finish: bool) -> list[str]:
    """What the folder holds already."""
    from xling_bench.training.checkpoint import can_go_on, checkpoints
    from xling_bench.training.claim import MODEL, RUN
    from xling_bench.training.extension import finished, lengths

    if output is None:
        return []
    had = lengths(output, output / RUN)[-1:]
    if not finish and had and had[0] < steps and can_go_on(checkpoints(output)[-1]):
        return [f"a run of {had[0]} updates is there, and goes on to {steps}"]
    if (output / MODEL).is_dir():
        early = finished(output / RUN)
        where = "" if early is None else f" (--finish ended it after update {early} of {steps})"
        return [f"{output / MODEL} is there: this run has finished{where}, and nothing is done"]
    does = "--finish: nothing more is learnt, and the model is made from" if finish else "goes on from"
    return [f"{does} {path}" for path in checkpoints(output)[-1:]]


def _left(output: Path) -> str:
    """What an interruption has left."""
    from xling_bench.training.checkpoint import checkpoints

    if whole := checkpoints(output):
        return f"{whole[-1]} is saved, and the same command goes on from it; with --finish it ends the run there."
    return "there is no checkpoint, and the same command begins anew."


def _list() -> int:
    from xling_bench.training.recipe import PARTS, files, named, title_of

    for part, found in named().items():
        show(f"{part} (training/{PARTS[part]}/)")
        width = max((len(name) for name in found), default=0)
        for name, title in found.items():
            show(f"  {name.ljust(width)}  {title}")
    show("recipe (training/)")
    for name, path in files().items():
        show(f"  {name}  {title_of(path)}")
    show("give MODEL/DATA/METHOD or a recipe: xling-bench train xglm-564m/open-en-zh/afp -o DIR")
    show("any other model: xling-bench train --model PATH_OR_NAME open-en-zh/afp -o DIR")
    return 0
