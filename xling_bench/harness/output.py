"""Writing results so that a reader never sees half of one: write, fsync, rename."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xling_bench.errors import OutputError


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
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_synced(temporary, text)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def write_folder(folder: Path, files: dict[str, str]) -> None:
    """Make `folder` appear with all `files` in it, or not at all. Raises OutputError when it cannot be written."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _write_synced(temporary / name, text)
        temporary.rename(folder)
        _sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise OutputError(f"cannot write {folder}: {error.strerror}") from error


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


def remove_leftovers(folder: Path, keep: Iterable[str] = ()) -> None:
    """Delete temporary entries that a killed process left in `folder`."""
    for path in folder.glob(".*.[0-9]*"):
        if path.name in keep or _alive(path.name.rpartition(".")[2]):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _alive(pid: str) -> bool:
    if not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
