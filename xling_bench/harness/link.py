"""Copying the compiled tasks into the installed lm_eval, and taking them out again.

lm_eval finds tasks below its own `tasks/` folder or through one `--include_path`; it follows no links on older
Pythons, so files are copied. The wheel itself drops nothing there: under an editable lm_eval that would break
`import lm_eval`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
from pathlib import Path
from typing import NamedTuple

from xling_bench.catalog.compile import compile_all
from xling_bench.catalog.compiled import compare, write_new
from xling_bench.core import content
from xling_bench.core.errors import DataError, OutputError, UsageError
from xling_bench.core.reading import read_object
from xling_bench.core.text import number_of
from xling_bench.core.version import VERSION

FOLDER = "xling_bench"
STAMP = "xling_bench.json"


def target() -> Path:
    """`<lm_eval>/tasks/xling_bench`, found without importing lm_eval. Raises UsageError when it is not installed."""
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or spec.origin is None:
        raise UsageError("lm_eval is not installed in this environment: pip install 'lm-eval[hf]'")
    return Path(spec.origin).parent / "tasks" / FOLDER


def linked_version(folder: Path | None = None) -> str | None:
    """Version of xling-bench whose tasks are linked, or None."""
    stamp = _stamp(folder or target())
    return str(stamp.version) if stamp is not None else None


class Stamp(NamedTuple):
    """What a linked folder says of itself: the version whose tasks were copied, and their files."""

    version: str
    files: list[str]


def _stamp(folder: Path) -> Stamp | None:
    path = folder / STAMP
    if not path.is_file():
        return None
    try:
        stamp = read_object(path)
        names = [Path(name) for name in stamp["files"]]
        if not isinstance(stamp["version"], str) or any(p.is_absolute() or ".." in p.parts for p in names):
            raise ValueError("not what `link` writes")
    except (DataError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path} is damaged ({error}); remove the folder by hand.") from error
    return Stamp(stamp["version"], stamp["files"])


def link(folder: Path | None = None) -> str:
    """Copy the compiled tasks; replaces an older link. Raises OutputError for a folder that is not ours."""
    folder = folder or target()
    files = compile_all()
    problems = compare(content.tasks_folder(), files)
    if problems:
        raise OutputError(f"the compiled tasks are stale ({problems[0]}).")
    if folder.exists():
        unlink(folder)
    stamp = {"version": VERSION, "files": sorted(files)}
    write_new(folder, {STAMP: json.dumps(stamp, indent=0) + "\n"})  # first, so that a link cut short can be undone
    for name, text in files.items():
        write_new((folder / name).parent, {Path(name).name: text})
    copied = f"{number_of(len(files), 'file')} copied to {folder}"
    return f"{copied}; `lm_eval --tasks xling_xnli_de` now works. Undo: xling-bench unlink"


def unlink(folder: Path | None = None) -> str:
    """Remove what `link` copied, and nothing else."""
    folder = folder or target()
    if not folder.exists():
        return f"nothing is linked ({folder} does not exist)"
    stamp = _stamp(folder)
    if stamp is None:
        raise OutputError(f"{folder} was not made by `xling-bench link` (no {STAMP} in it); remove it by hand.")
    try:
        for name in stamp.files:
            (folder / name).unlink(missing_ok=True)
        (folder / STAMP).unlink()
        for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):  # it holds something that is not ours
                inner.rmdir()
        left = sorted(path.name for path in folder.rglob("*"))
        if not left:
            folder.rmdir()
    except OSError as error:
        raise OutputError(f"cannot remove {folder}: {error.strerror}") from error
    return f"removed our files from {folder}; left there: {', '.join(left)}" if left else f"removed {folder}"
