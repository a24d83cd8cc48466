"""`xling-bench train`: an aligned checkpoint from a base model and parallel data."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from xling_bench.cli.common import add_data, apply_data
from xling_bench.errors import UsageError

EXAMPLE = "example: xling-bench train xglm-564m/en-zh/afp --set model.path=./xglm-564M --set run.steps=100 -o aligned"


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("train", help="align a checkpoint across languages; resumes", epilog=EXAMPLE)
    parser.add_argument("recipe", metavar="RECIPE", help="MODEL/DATA/METHOD, a .toml file, or `list` to see them")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder for checkpoints and the final model")
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="PART.KEY=VALUE",
        help="change one value, for example run.steps=100 or model.path=./ckpt; again for more",
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
    if arguments.output is None and not arguments.dry_run:
        raise UsageError("train: give -o DIR, where checkpoints and the model go (or --dry-run).")
    from xling_bench.data.source import source_from_environment
    from xling_bench.harness.model import ModelConfig, fingerprint
    from xling_bench.training.corpora import load
    from xling_bench.training.recipe import resolve
    from xling_bench.training.run import check_model, plan, train
    from xling_bench.training.summary import summary

    first = os.environ.get("RANK", "0") == "0"  # of several processes (torchrun) one speaks
    recipe = resolve(arguments.recipe, arguments.settings)
    if "XLING_DATA_DIR" not in os.environ:
        raise UsageError("training data: set XLING_DATA_DIR (or --data-dir) to the folder that holds them.")
    model = ModelConfig(f"hf:{recipe.model.path}", revision=recipe.model.revision)
    model.check()
    base = check_model(recipe, trust_remote_code=arguments.trust_remote_code)  # before data, which may take minutes
    source, root = source_from_environment(), Path(os.environ["XLING_DATA_DIR"])
    streams = load(recipe.data, seed=recipe.run.seed, root=root, source=source)
    planned = plan(recipe, streams, base)
    if arguments.dry_run:
        print(json.dumps(planned, ensure_ascii=False, indent=1), flush=True)
    if first:
        print("\n".join(summary(planned, streams)), file=sys.stderr)
    if arguments.dry_run:
        return 0
    done = train(
        recipe,
        streams,
        arguments.output,
        fingerprint(model),
        source=source,
        trust_remote_code=arguments.trust_remote_code,
    )
    if first:
        print(done)
        print(f"score it: xling-bench run --model hf:{done} --tasks xling_xnli -o runs/{arguments.output.name}",
              file=sys.stderr)  # fmt: skip
    return 0


def _list() -> int:
    from xling_bench.training.recipe import PARTS, named

    for part, found in named().items():
        print(f"{part} (training/{PARTS[part]}/)")
        width = max((len(name) for name in found), default=0)
        for name, title in found.items():
            print(f"  {name.ljust(width)}  {title}")
    print("a recipe is MODEL/DATA/METHOD: xling-bench train xglm-564m/en-zh/afp -o DIR")
    return 0
