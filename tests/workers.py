"""How pytest-xdist spreads the tests over processes: as many as there are cores, and what is dear to make once."""

from __future__ import annotations

import os
from typing import Any

import pytest

MOST_WORKERS = 8  # one that has read the language identifier's models takes about 2 GB
# Modules that share what one process makes once; all others share within the module.
GROUPS = {
    "tests/browser/test_page.py": "browser",  # Chromium and the rendered pages
    "tests/browser/test_page_edges.py": "browser",
    "tests/e2e/test_docs.py": "pages",  # what plain lm_eval knows of its own tasks (`warm`): 8 CPU-seconds
    "tests/e2e/test_guides.py": "pages",
    "tests/tasks/test_oracle.py": "languages",  # the language identifier's models: 14 CPU-seconds, 1.2 GB
    "tests/tasks/test_lm_eval.py": "languages",
    "tests/tasks/test_real_language.py": "languages",
    "tests/unit/test_language.py": "languages",
    "tests/e2e/test_generation_metrics.py": "languages",
    "tests/unit/test_answers.py": "languages",
    "tests/unit/test_numbers.py": "languages",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: a worker for each core this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Groups and modules go to a worker as a whole, the longest (end-to-end) first, unless `--dist` says otherwise.

    `--dist loadgroup` would need a mark on every test, and pytest 9.2 hides them from pytest-xdist 3.8.
    """
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return GROUPS.get(module, module)

    config.option.loadscopereorder = False  # else by number of tests
    return Grouped(config, log)
