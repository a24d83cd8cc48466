"""Argument types shared by commands."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

from xling_bench.core.text import terminal

RUNS = "folders of `run` or of `lm_eval --output_path`, or baselines; NAME= chooses what the model is called"


def comma_list(text: str) -> list[str]:
    """`a,b` -> ["a", "b"]."""
    return [part.strip() for part in text.split(",") if part.strip()]


def comma_numbers(text: str) -> list[int]:
    """`0,5` -> [0, 5]."""
    try:
        return [int(part) for part in comma_list(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected numbers separated by commas, for example 0,5; got {text!r}"
        ) from None


def add_data(parser: argparse.ArgumentParser) -> None:
    """--data and --data-dir, which set the environment variables that lm-eval's side reads too."""
    parser.add_argument(
        "--data", choices=("files", "hub", "sample"), help="where benchmark data come from (XLING_DATA)"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="folder with the official benchmark files (XLING_DATA_DIR)")


def add_allow_engines(parser: argparse.ArgumentParser) -> None:
    """--allow-engines."""
    parser.add_argument(
        "--allow-engines", action="store_true", help="take texts that different engines (transformers, vLLM) generated"
    )


def apply_data(arguments: argparse.Namespace) -> None:
    """Make the chosen source visible to everything below, lm-eval's subprocesses included."""
    if arguments.data_dir:
        os.environ["XLING_DATA_DIR"] = arguments.data_dir
        os.environ["XLING_DATA"] = "files"
    if arguments.data:
        os.environ["XLING_DATA"] = arguments.data


def show(text: object, end: str = "\n", *, flush: bool = False) -> None:
    """Print what was asked for. Nothing in it acts on the terminal; no command prints otherwise."""
    print(terminal(str(text)), end=end, flush=flush)


def tell(text: object) -> None:
    """Print a note, a warning or progress beside it. Nobody may be there to read it: that stops no work."""
    with contextlib.suppress(OSError):
        print(terminal(str(text)), file=sys.stderr, flush=True)
