"""Optional packages, by the extras of pyproject.toml: how a message says what to install."""

from __future__ import annotations


def installing(*extras: str) -> str:
    """The command that installs the package with these extras, as docs/install.md has it: from a clone, for no index
    has it."""
    what = f"'.[{','.join(extras)}]'" if extras else "."
    return f"pip install {what}, in the clone of xling-bench"
