"""Where content is: tasks, templates, training, reports, ours and, laid over it, a user's own.

Ours stands beside the package in a checkout; in an installed wheel it is package data under `_content/`.
`XLING_CONTENT_DIR` names a folder with declarations of one's own, in the same places (`tasks/<key>/benchmark.toml`,
`templates/<family>/de.toml`, ...): a file of the same name stands in the place of ours, all others come besides.
"""

from __future__ import annotations

import os
from pathlib import Path

from xling_bench.core.errors import DeclarationError

FOLDERS = ("tasks", "templates", "training", "reports")
PACKAGE = Path(__file__).resolve().parents[1]
VARIABLE = "XLING_CONTENT_DIR"


def folder(name: str) -> Path:
    """Our content folder `name`. Raises DeclarationError when the folder is absent."""
    if name not in FOLDERS:
        raise DeclarationError(f"no content folder {name!r}: expected one of {', '.join(FOLDERS)}")
    roots = [PACKAGE.parent, PACKAGE / "_content"]
    for root in roots:
        # An unrelated site-packages/tasks must not be taken for ours: each folder of ours carries a README.
        if (root / name / "README.md").is_file():
            return root / name
    looked = " or ".join(str(root / name) for root in roots)
    raise DeclarationError(f"content folder {name!r} not found: looked for {looked}. Reinstall xling-bench.")


def own() -> Path | None:
    """The folder that `XLING_CONTENT_DIR` names; None where it is unset. Raises DeclarationError if it is no folder."""
    place = os.environ.get(VARIABLE)
    if not place:
        return None
    if not Path(place).is_dir():
        raise DeclarationError(f"{VARIABLE}={place}: no such folder. Make it, or unset the variable.")
    return Path(place)


def file(relative: str) -> Path:
    """The file at `templates/xglm/family.toml`, the user's own where there is one; it need not be there."""
    mine, (name, _, rest) = own(), relative.partition("/")
    if mine is not None and (mine / relative).is_file():
        return mine / relative
    return folder(name) / rest


def files(pattern: str) -> list[Path]:
    """All files at `tasks/*/benchmark.toml`, ours and the user's own, by their place in the content folders."""
    name, _, rest = pattern.partition("/")
    ours = folder(name)
    found = {path.relative_to(ours.parent): path for path in ours.glob(rest)}
    if (mine := own()) is not None:
        found |= {path.relative_to(mine): path for path in mine.glob(pattern)}
    return [found[place] for place in sorted(found)]


def tasks_folder() -> Path:
    """The folder of compiled lm-eval tasks, which `lm_eval --include_path` and lm-eval's task plugins want.

    With a folder of one's own `xling-bench tasks compile` writes all tasks there, for lm-eval takes one folder.
    """
    mine = own()
    return folder("tasks") if mine is None else mine / "tasks"
