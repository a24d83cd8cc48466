"""Where the content folders (tasks, templates, training, reports) are.

In a checkout they stand beside the package; in an installed wheel they are package data under `_content/`.
"""

from __future__ import annotations

import os
from pathlib import Path

from xling_bench.core.errors import DeclarationError

FOLDERS = ("tasks", "templates", "training", "reports")
PACKAGE = Path(__file__).resolve().parents[1]


def folder(name: str) -> Path:
    """Return the content folder `name`.

    `XLING_CONTENT_DIR` names another root holding the four folders, for people who keep declarations of their own.
    Raises DeclarationError when the folder is absent.
    """
    if name not in FOLDERS:
        raise DeclarationError(f"no content folder {name!r}: expected one of {', '.join(FOLDERS)}")
    own = os.environ.get("XLING_CONTENT_DIR")
    roots = [Path(own)] if own else [PACKAGE.parent, PACKAGE / "_content"]
    for root in roots:
        # An unrelated site-packages/tasks must not be taken for ours: each folder of ours carries a README.
        if (root / name / "README.md").is_file():
            return root / name
    looked = " or ".join(str(root / name) for root in roots)
    raise DeclarationError(f"content folder {name!r} not found: looked for {looked}. Reinstall xling-bench.")


def tasks_folder() -> Path:
    """The folder of compiled lm-eval tasks: what `lm_eval --include_path` and lm-eval's task plugins want."""
    return folder("tasks")
