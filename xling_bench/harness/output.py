"""Writing results so that a reader never sees half of one: write, fsync, rename."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from xling_bench.errors import OutputError

TEMPORARY = ".xling-tmp-"  # our own prefix: nothing without it is ever deleted


def to_json(data: Any) -> str:
    """JSON as we write it everywhere: UTF-8, indented, keys in the order given; objects by their `str`."""
    return json.dumps(data, ensure_ascii=False, indent=1, default=_plain) + "\n"


def to_line(data: Any) -> str:
    """One JSON line."""
    return json.dumps(data, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    item = getattr(value, "item", None)  # numpy scalars
    if callable(item):
        return item()
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    return sorted(value) if isinstance(value, set) else str(value)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of ours. Raises OutputError when the file is damaged or not an object."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise OutputError(f"{path} is damaged ({error}); delete it or restore it, then start again.") from error
    if not isinstance(data, dict):
        raise OutputError(f"{path} is damaged (a JSON object is expected); delete it or restore it, then start again.")
    return data


def prepare(folder: Path) -> None:
    """Create the output folder and prove it can be written. Raises OutputError otherwise."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror}. Choose another folder with -o.") from error


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` atomically. Raises OutputError when the disk refuses."""
    temporary = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_synced(temporary, text)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def write_folder(folder: Path, files: dict[str, str]) -> None:
    """Make `folder` appear with all `files` in it, or not at all. Raises OutputError when it cannot be written."""
    temporary = _temporary(folder)
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _write_synced(temporary / name, text)
        temporary.rename(folder)
        _sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise OutputError(f"cannot write {folder}: {error.strerror}") from error


def _temporary(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")


def _write_synced(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(path: Path) -> None:
    """Delete what a killed process left while writing `path`. Call only while holding the lock for `path`."""
    for leftover in path.parent.glob(f"{TEMPORARY}*-{path.name}"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                leftover.unlink()
