"""Compiled files on disk: compare them with the declarations byte for byte, write what differs."""

from __future__ import annotations

from pathlib import Path

from xling_bench.core.errors import OutputError
from xling_bench.core.lm_eval_versions import MODULES

COMPILED = b"# Compiled by `xling-bench tasks compile`"


def present(folder: Path) -> set[str]:
    """Relative paths of the YAML files below `folder`, and of the modules that old releases of lm-eval need."""
    return {path.relative_to(folder).as_posix() for name in ("*.yaml", MODULES) for path in folder.rglob(name)}


def compare(folder: Path, files: dict[str, str]) -> list[str]:
    """One line per file that is missing, differs by a byte, or is not declared."""
    found = present(folder)
    problems = [f"{name}: missing; run `xling-bench tasks compile`" for name in files.keys() - found]
    problems += [
        f"{name}: not declared by any benchmark and family; delete it, or keep tasks of your own in another folder"
        for name in found - files.keys()
    ]
    problems += [
        f"{name}: differs from its declarations; run `xling-bench tasks compile`"
        for name in files.keys() & found
        if (folder / name).read_bytes() != files[name].encode()
    ]
    return sorted(problems)


def write_compiled(folder: Path, files: dict[str, str]) -> tuple[int, int, int]:
    """Write files that differ and delete compiled ones no longer declared. Returns (written, removed, total)."""
    written = removed = 0
    try:
        for name in present(folder) - files.keys():
            if (folder / name).read_bytes().startswith(COMPILED):  # anything else is somebody's own
                (folder / name).unlink()
                removed += 1
        for name, text in files.items():
            path = folder / name
            if not path.is_file() or path.read_bytes() != text.encode():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode())
                written += 1
    except OSError as error:
        raise OutputError(f"cannot write below {folder}: {error.strerror}") from error
    return written, removed, len(files)


def write_new(folder: Path, files: dict[str, str]) -> None:
    """Write files into a folder of the user's. Raises OutputError when it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_bytes(text.encode())
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror}. Choose another folder with -o.") from error
