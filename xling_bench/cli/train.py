"""`xling-bench train`: an aligned checkpoint from a base model and parallel data."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.cli.common import add_data, apply_data, show, tell
from xling_bench.cli.train_grid import run_grid
from xling_bench.core.errors import UsageError

if TYPE_CHECKING:
    from xling_bench.training.corpora.data_report import OverlapReport

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
        "--grid", action="append", default=[], metavar="KEY=VALUE,VALUE,...",
        help="a run for each value, for example method.layer=1,6,12; again for every combination. A folder a point "
             "below -o, with grid.csv and a figure; finished points are skipped",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="check recipe and data, print what would be done")
    parser.add_argument("--trust-remote-code", action="store_true", help="run code that comes with the model")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List, plan or train."""
    if arguments.recipe == "list":
        return _list()
    apply_data(arguments)
    if arguments.grid and arguments.extend:
        raise UsageError("train: --extend is for one run; give its folder with -o, without --grid.")
    if arguments.grid:
        return run_grid(arguments)
    from xling_bench.training.recipe import resolve
    from xling_bench.training.start import prepare

    recipe, output = resolve(arguments.recipe, arguments.settings, arguments.model), arguments.output
    if output is None and not arguments.dry_run:
        raise UsageError("train: give -o DIR, where checkpoints and the model go (or --dry-run).")
    prepared = prepare(recipe, output, trust_remote_code=arguments.trust_remote_code, extend=arguments.extend)
    first = os.environ.get("RANK", "0") == "0"  # of several processes (torchrun) one speaks
    if first and arguments.dry_run:
        show(json.dumps(prepared.plan, ensure_ascii=False, indent=1), flush=True)
    if first:
        tell("\n".join([*prepared.lines, *_state(output, prepared.recipe.run.steps)]))
    if arguments.dry_run:
        return 0
    try:
        done = prepared.train()
    except KeyboardInterrupt as error:
        if first:
            tell(f"\nxling-bench: {str(error) or 'interrupted'}; {_left(output)}")
        return int(getattr(error, "code", 130))
    if first:
        show(done)
        tasks = _tasks(recipe.data.languages)
        tell(f"score it: xling-bench run --model hf:{done} {tasks} -o runs/{output.name}")
        for said in _learnt(prepared.streams.report["overlaps"]):
            tell(said)
    return 0


def _learnt(report: OverlapReport) -> list[str]:
    """Which benchmarks' scores are worth nothing now, for their items were in what was learnt."""
    if report["policy"] != "allow" or not report.get("found"):
        return []
    found = "; ".join(f"{key} ({', '.join(sorted(languages))})" for key, languages in report["found"].items())
    return [
        f"  but texts of these benchmarks were learnt: {found}. Their scores are marked, and the gate refuses them "
        "without --allow-contaminated (docs/provenance.md)"
    ]


def _tasks(languages: tuple[str, ...]) -> str:
    """Options that score the languages that were trained: XNLI's, or FLORES where it has none of them."""
    from xling_bench.catalog import get_benchmark

    shared = [key for key in languages if key in get_benchmark("xnli").units()]
    key, langs = ("xnli", shared) if shared else ("flores", list(languages))
    return f"--tasks xling_{key} --langs {','.join(langs)}"


def _state(output: Path | None, steps: int) -> list[str]:
    """What the folder holds already."""
    from xling_bench.training.checkpoint import can_go_on, checkpoints
    from xling_bench.training.claim import MODEL, RUN
    from xling_bench.training.extension import lengths

    if output is None:
        return []
    had = lengths(output, output / RUN)[-1:]
    if had and had[0] < steps and can_go_on(checkpoints(output)[-1]):
        return [f"a run of {had[0]} updates is there, and goes on to {steps}"]
    if (output / MODEL).is_dir():
        return [f"{output / MODEL} is there: this run has finished, and nothing is done"]
    return [f"goes on from {path}" for path in checkpoints(output)[-1:]]


def _left(output: Path) -> str:
    """What an interruption has left."""
    from xling_bench.training.checkpoint import checkpoints

    if whole := checkpoints(output):
        return f"{whole[-1]} is saved, and the same command goes on from it."
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
