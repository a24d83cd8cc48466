"""Result folders that appear whole or not at all, and JSON as we write it."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xling_bench.core.errors import DataError, OutputError
from xling_bench.core.files import TEMPORARY, encoded, sync_folder, temporary_of, write_synced, write_text
from xling_bench.core.reading import read_object
from xling_bench.results.items import digest_of, rows_frame, scores_of
from xling_bench.results.record import Record
from xling_bench.results.seal import RESULTS, SAMPLES, sealed

__all__ = ["TEMPORARY", "prepare", "read_json", "remove_leftovers", "result_texts", "to_json", "to_line",
           "write_folder", "write_text"]  # fmt: skip


def to_json(data: Any) -> str:
    """JSON as we write it everywhere: UTF-8, indented, keys in the order given; objects by their `str`."""
    return json.dumps(data, ensure_ascii=False, indent=1, default=_plain) + "\n"


def to_line(data: Any) -> str:
    """One JSON line."""
    return json.dumps(data, ensure_ascii=False, default=_plain) + "\n"


def result_texts(results: dict[str, Any], record: Record, samples: Sequence[dict[str, Any]]) -> dict[str, str]:
    """{file: text} of a unit's folder: lm-eval's `results` with what the record adds, and the samples; sealed."""
    text = "".join(map(to_line, samples))
    scores = digest_of(rows_frame(row for sample in samples for row in scores_of(sample, record.rules)))
    sealed_result = sealed(json.loads(to_json({**results, "xling": record.own()})), text, samples, scores)
    return {SAMPLES: text, RESULTS: to_json(sealed_result)}


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
        return read_object(path)
    except DataError as error:
        raise OutputError(f"{path} is damaged ({error}); delete it or restore it, then start again.") from error


def prepare(folder: Path) -> bool:
    """Create the output folder and prove it can be written; returns whether it is new. Raises OutputError otherwise."""
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return new
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror}. Choose another folder with -o.") from error


def write_folder(folder: Path, files: dict[str, str]) -> None:
    """Make `folder` appear with all `files` in it, or not at all. Raises OutputError when it cannot be written."""
    temporary = temporary_of(folder)
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_synced(temporary / name, encoded(text))
        temporary.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise OutputError(f"cannot write {folder}: {error.strerror}") from error


def remove_leftovers(path: Path) -> None:
    """Delete what a killed process left while writing `path`. Call only while holding the lock for `path`."""
    for leftover in path.parent.glob(f"{TEMPORARY}*-{path.name}"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                leftover.unlink()
