"""`xling.lock`: revision and row hashes of fetched hub data sets, digests of fetched SentencePiece files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from pydantic import Field

from xling_bench.core.declare import Strict
from xling_bench.core.errors import OutputError
from xling_bench.core.files import write_text
from xling_bench.core.lockfile import SPM, damaged, lock_path, read_entries


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


class LockedFile(Strict):
    """One file whose digest nobody published: what it was when it was first fetched."""

    url: str
    bytes: int = Field(ge=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


Datasets = dict[str, LockedDataset]
Files = dict[str, LockedFile]


def read_lock() -> Datasets:
    """All locked data sets by benchmark; empty when there is no lock file. Raises DataError for a damaged one."""
    try:
        return {key: LockedDataset.model_validate(entry) for key, entry in read_entries().items() if key != SPM}
    except (ValueError, TypeError) as error:
        raise damaged(error) from error


def read_locked_files() -> Files:
    """All locked SentencePiece files by name. Raises DataError for a damaged lock file."""
    try:
        return {name: LockedFile.model_validate(entry) for name, entry in read_entries().get(SPM, {}).items()}
    except (ValueError, TypeError) as error:
        raise damaged(error) from error


def lock_text(datasets: Datasets, files: Files) -> str:
    """The file's text, sorted, so that a fetch that changes nothing changes no byte."""
    plain = {key: entry.model_dump() for key, entry in datasets.items()}
    if files:
        plain[SPM] = {name: entry.model_dump() for name, entry in files.items()}
    return json.dumps(plain, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def update_lock(change: Callable[[Datasets, Files], None]) -> Path:
    """Let `change` alter what is locked; write the file in one step. Raises OutputError where it cannot."""
    path = lock_path()
    try:
        with FileLock(f"{path}.write"):
            datasets, files = read_lock(), read_locked_files()
            change(datasets, files)
            write_text(path, lock_text(datasets, files))
    except OutputError as error:
        raise OutputError(f"{error}. Set XLING_LOCK to a writable place.") from error
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}. Set XLING_LOCK to a writable place.") from error
    return path
