"""What differs between the releases of lm-eval that we run with: known here and nowhere else.

0.4.10 and 0.4.11 have one evaluator and one loader of tasks, 0.4.12 and 0.4.13 another. Their models differ in what we
do not use (tensor parallelism) and in one thing that may show: only 0.4.13 finds the context's length of a model that
keeps it in a `text_config`; with the others, say --max-length for such a model.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

TESTED = ("0.4.10", "0.4.11", "0.4.12", "0.4.13")  # the range in pyproject.toml; the middle two by their source only
OLD = TESTED[:2]
MODULES = "xling_bench.*.py"  # the names of `modules_beside`


def task_dict(name: str, task: Any) -> dict[str, object]:
    """One task as `lm_eval.evaluator.evaluate` wants it: below "tasks", in the old releases by itself."""
    return {name: task} if is_old() else {"tasks": {name: task}}


def load_task(manager: Any, name: str) -> Any:
    """The task of that name from lm-eval's `TaskManager`."""
    if is_old():
        return manager.load_task_or_group([name])[name]
    return manager.load([name])["tasks"][name]


def is_old() -> bool:
    """Whether the lm-eval that is here is an old one."""
    return version("lm_eval") in OLD


def modules_beside(modules: tuple[str, ...], header: str) -> dict[str, str]:
    """Files that stand beside compiled tasks for the old releases.

    Those look for `!function a.b.c` in a file `a.b.py` beside the YAML only, not among what is installed. The others
    look for `a/b.py`, which is not there, and then import.
    """
    return {f"{module}.py": f"{header}from {module} import *\n" for module in modules}
