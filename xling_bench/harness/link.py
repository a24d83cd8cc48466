"""Copying the compiled tasks into the installed lm_eval, and taking them out again.

lm_eval finds tasks below its own `tasks/` folder or through one `--include_path`; it follows no links on older
Pythons, so files are copied. The wheel itself drops nothing there: under an editable lm_eval that would break
`import lm_eval`.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import xling_bench
from xling_bench import content
from xling_bench.catalog.compile import compile_all
from xling_bench.catalog.files import compare, write_new
from xling_bench.errors import OutputError, UsageError

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
    stamp = (folder or target()) / STAMP
    return str(json.loads(stamp.read_text(encoding="utf-8"))["version"]) if stamp.is_file() else None


def link(folder: Path | None = None) -> str:
    """Copy the compiled tasks; replaces an older link. Raises OutputError for a folder that is not ours."""
    folder = folder or target()
    files = compile_all()
    problems = compare(content.folder("tasks"), files)
    if problems:
        raise OutputError(f"the compiled tasks are stale ({problems[0]}).")
    if folder.exists():
        unlink(folder)
    for name, text in files.items():
        write_new((folder / name).parent, {Path(name).name: text})
    stamp = {"version": xling_bench.__version__, "files": len(files)}
    write_new(folder, {STAMP: json.dumps(stamp) + "\n"})
    return f"{len(files)} files copied to {folder}; `lm_eval --tasks xling_xnli_de` now works. Undo: xling-bench unlink"


def unlink(folder: Path | None = None) -> str:
    """Remove what `link` copied, and nothing else."""
    folder = folder or target()
    if not folder.exists():
        return f"nothing is linked ({folder} does not exist)"
    if linked_version(folder) is None:
        raise OutputError(f"{folder} was not made by `xling-bench link` (no {STAMP} in it); remove it by hand.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(f"cannot remove {folder}: {error.strerror}") from error
    return f"removed {folder}"
