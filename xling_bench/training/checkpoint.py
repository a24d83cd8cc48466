"""Checkpoints that are whole or absent: written aside, synced, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from xling_bench.core.errors import DataError, ModelError, OutputError
from xling_bench.core.files import TEMPORARY, sync_file, sync_folder, write_text
from xling_bench.core.reading import read_object

NAME = re.compile(r"checkpoint-(\d+)")
STAGING, SEAL = ".saving", "files.json"
ASIDE = f"{TEMPORARY}before-"
HASHED = 64 * 2**20  # bytes: larger files are compared by size, for hashing a 7B model's takes minutes
OPTIMIZER = re.compile(r"optimizer|scheduler\.pt$|losses\.safetensors$")  # what only going on needs
STATE = re.compile(r"(optimizer.*|scheduler\.pt|losses\.safetensors|rng_state.*|means-\d+\.json|scaler\.pt|"
                   r"trainer_state\.json|training_args\.bin|files\.json)")  # all that is not the model  # fmt: skip
MEND = "Delete the folder: the run then goes on from the one before."


def checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=step_of)


def seal(folder: Path, without: Collection[Path] = ()) -> None:
    """Note what a checkpoint consists of, so that damage to it is found before it is learnt from."""
    files = [path for path in sorted(_files(folder)) if path not in without and path.name != SEAL]
    found = {path.relative_to(folder).as_posix(): _print(path) for path in files}
    write_text(folder / SEAL, json.dumps(found, indent=1) + "\n")


def check(path: Path) -> None:
    """Raise ModelError for a checkpoint that is not as it was sealed; of large files the size is compared."""
    try:
        sealed = read_object(path / SEAL)
        differing = [name for name, print_ in sealed.items() if _print(path / name) != print_]
    except (DataError, OSError) as error:
        raise ModelError(f"{path} is damaged ({error!r:.120}). {MEND}") from error
    if differing:
        raise ModelError(f"{path} is damaged: {', '.join(differing)} changed since it was written. {MEND}")


def _print(path: Path) -> list[int | str]:
    size = path.stat().st_size
    if size > HASHED:
        return [size]
    return [size, hashlib.sha256(path.read_bytes()).hexdigest()]


def step_of(path: Path) -> int:
    """How many updates a checkpoint has seen."""
    match = NAME.fullmatch(path.name)
    if match is None:
        raise OutputError(f"{path} is no checkpoint: expected a folder checkpoint-<step>.")
    return int(match[1])


def publish(staged: Path, final: Path) -> None:
    """Make a folder written aside the real one: all its files are on the disk before its name is.

    A folder of the same name (a run that goes on from an earlier step) is replaced: it is set aside until the new one
    is in its place, and `restore` puts it back after a kill between the two.
    """
    aside = final.with_name(f"{ASIDE}{final.name}")
    try:
        for path in _files(staged):
            sync_file(path)
        for path in [staged, *(p for p in staged.rglob("*") if p.is_dir())]:
            sync_folder(path)
        if final.exists():
            shutil.rmtree(aside, ignore_errors=True)
            final.rename(aside)
        staged.rename(final)
        sync_folder(final.parent)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write {final}: {error.strerror or error}") from error


def restore(folder: Path) -> None:
    """Put back what `publish` set aside and a kill left there. Call only while holding the folder."""
    for aside in folder.glob(f"{ASIDE}*"):
        final = folder / aside.name.removeprefix(ASIDE)
        if final.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(final)


def link_model(checkpoint: Path, into: Path) -> None:
    """The model of a checkpoint in a folder of its own: weights as further names of the same files (copies where the
    file system has no such names), what else belongs to it copied."""
    into.mkdir(parents=True, exist_ok=True)
    for path in _files(checkpoint):
        name = path.relative_to(checkpoint)
        if STATE.fullmatch(name.as_posix()):
            continue
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            if path.suffix == ".safetensors":
                os.link(path, into / name)
                continue
        except OSError:
            pass
        shutil.copy2(path, into / name)


def settle(folder: Path, keep: int, spare: int | None = None, *, keep_optimizer: bool) -> None:
    """What stays of a finished run: `keep` checkpoints and that of update `spare`, without what only going on needs
    unless it is to be kept.

    Each is sealed anew before anything of it goes, so that a kill leaves it whole.
    """
    rotate(folder, keep, spare)
    for checkpoint in checkpoints(folder) if not keep_optimizer else []:
        state = [path for path in _files(checkpoint) if OPTIMIZER.match(path.relative_to(checkpoint).as_posix())]
        if state:
            seal(checkpoint, without=state)
        for path in state:
            path.unlink()


def can_go_on(checkpoint: Path) -> bool:
    """Whether the optimiser's state is there."""
    return any(OPTIMIZER.match(path.relative_to(checkpoint).as_posix()) for path in _files(checkpoint))


def rotate(folder: Path, keep: int, spare: int | None = None) -> None:
    """Remove the oldest checkpoints beyond `keep`, but for that of update `spare`; 0 keeps all. Their names go first:
    none is ever there in part."""
    for path in [path for path in checkpoints(folder) if step_of(path) != spare][:-keep] if keep else []:
        shutil.rmtree(path.rename(folder / STAGING))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
