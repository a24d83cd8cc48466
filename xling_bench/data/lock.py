"""`xling.lock`: which revision of each hub data set was fetched, and the hash of its rows."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import Field

from xling_bench.catalog.benchmark import Strict
from xling_bench.errors import DataError


class LockedSplit(Strict):
    """Rows and canonical hash of one unit and split."""

    rows: int = Field(ge=1)
    hash: str


class LockedDataset(Strict):
    """One benchmark's hub data set at the commit it was fetched. `data` is keyed `unit/split`."""

    path: str
    revision: str
    licence: str
    data: dict[str, LockedSplit]


def lock_path() -> Path:
    """`$XLING_LOCK`, else `xling.lock` in the working folder: made to be committed beside the results."""
    return Path(os.environ.get("XLING_LOCK") or "xling.lock")


def read_lock() -> dict[str, LockedDataset]:
    """All locked data sets by benchmark; empty when there is no lock file. Raises DataError for a damaged one."""
    path = lock_path()
    if not path.is_file():
        return {}
    try:
        return {key: LockedDataset(**entry) for key, entry in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"{path}: not a lock file of ours ({error}). Restore it or delete it and fetch again."
        ) from error


def lock_text(locked: dict[str, LockedDataset]) -> str:
    """The file's text, sorted, so that a fetch that changes nothing changes no byte."""
    plain = {key: entry.model_dump() for key, entry in sorted(locked.items())}
    return json.dumps(plain, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
