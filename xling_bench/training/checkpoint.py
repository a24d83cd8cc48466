"""Checkpoints that are whole or absent: written aside, synced, then renamed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from xling_bench.errors import ModelError, OutputError
from xling_bench.files import sync_file, sync_folder

NAME = re.compile(r"checkpoint-(\d+)")
STAGING = ".saving"
MEND = "Delete the folder: the run then goes on from the one before."


def checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=step_of)


def check(path: Path) -> None:
    """Raise ModelError for a checkpoint that lacks files: without its optimizer the run would learn something else."""
    try:
        state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))["global_step"]
    except FileNotFoundError:
        state = None  # said below
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path / 'trainer_state.json'} is damaged ({error!r:.80}). {MEND}") from error
    if state not in (None, step_of(path)):
        raise ModelError(f"{path / 'trainer_state.json'} is of update {state}, not of this checkpoint. {MEND}")
    names = ("*.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json", "rng_state*.pth")
    lacking = [name for name in names if not any(path.glob(name))]
    if lacking:
        raise ModelError(f"{path} lacks {', '.join(lacking)}. {MEND}")


def step_of(path: Path) -> int:
    """How many updates a checkpoint has seen."""
    match = NAME.fullmatch(path.name)
    if match is None:
        raise OutputError(f"{path} is no checkpoint: expected a folder checkpoint-<step>.")
    return int(match[1])


def publish(staged: Path, final: Path) -> None:
    """Make a folder written aside the real one: all its files are on the disk before its name is.

    A folder of the same name (a run that goes on from an earlier step) is replaced.
    """
    try:
        for path in _files(staged):
            sync_file(path)
        for path in [staged, *(p for p in staged.rglob("*") if p.is_dir())]:
            sync_folder(path)
        if final.exists():
            shutil.rmtree(final)
        staged.rename(final)
        sync_folder(final.parent)
    except OSError as error:
        raise OutputError(f"cannot write {final}: {error.strerror or error}") from error


def rotate(folder: Path, keep: int) -> None:
    """Remove the oldest checkpoints beyond `keep`; 0 keeps all. Their names go first: none is ever there in part."""
    for path in checkpoints(folder)[:-keep] if keep else []:
        shutil.rmtree(path.rename(folder / STAGING))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
