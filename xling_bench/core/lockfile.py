"""Where `xling.lock` is and its JSON: an entry per benchmark, and SentencePiece files under `spm`."""

from __future__ import annotations

import os
from pathlib import Path

from xling_bench.core.errors import DataError
from xling_bench.core.reading import read_object

SPM = "spm"  # no benchmark's key


def lock_path() -> Path:
    """`$XLING_LOCK`, else `xling.lock` in the working folder: made to be committed beside the results."""
    return Path(os.environ.get("XLING_LOCK") or "xling.lock")


def read_entries() -> dict[str, dict[str, object]]:
    """The file's entries; empty when there is no lock file. Raises DataError for a damaged one."""
    path = lock_path()
    if not path.is_file():
        return {}
    try:
        entries = read_object(path)
    except DataError as error:
        raise damaged(error) from error
    if not all(isinstance(entry, dict) for entry in entries.values()):
        raise damaged("expected an object of objects, found another value")
    return entries


def damaged(reason: object) -> DataError:
    """The error for a lock file that is not ours or no longer whole."""
    return DataError(f"{lock_path()}: not a lock file of ours ({reason}). Restore it or delete it and fetch again.")
