"""Writing a file so that a reader never sees half of one: write, fsync, rename."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from xling_bench.core.errors import OutputError

TEMPORARY = ".xling-tmp-"  # our own prefix: nothing without it is ever deleted


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` in UTF-8, atomically. Raises OutputError when the disk refuses."""
    write_bytes(path, encoded(text))


def encoded(text: str) -> bytes:
    """UTF-8; a byte of a file's name that is none becomes `\\udcff`, which JSON reads as the same name."""
    return text.encode(errors="backslashreplace")


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by `data` atomically; folders are made. Raises OutputError when the disk refuses.

    A device or a pipe (/dev/null, /dev/stdout) is written to, not replaced.
    """
    if not path.name:
        raise OutputError(f"cannot write {str(path)!r}: expected the name of a file.")
    temporary = temporary_of(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            path.write_bytes(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_synced(temporary, data)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def temporary_of(path: Path) -> Path:
    """Where this process writes before it renames to `path`."""
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")


def write_synced(path: Path, data: bytes) -> None:
    """Write and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Wait until the disk has a file that somebody else wrote."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk knows the folder's names."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
