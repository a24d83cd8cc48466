"""Files that hold numbers nobody measured here: told from results, so that none is taken for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xling_bench.core.errors import UsageError

PUBLISHED = "published, not measured here"


def is_eee(data: Any) -> bool:
    """Whether JSON data are a record of every_eval_ever, of whatever version."""
    return isinstance(data, dict) and "schema_version" in data and "evaluation_results" in data


def refuse_foreign(data: Any, path: Path) -> None:
    """Raise UsageError for a record of every_eval_ever where results are expected."""
    if is_eee(data):
        raise UsageError(
            f"{path} is a record of every_eval_ever: numbers that are {PUBLISHED}, without items to test or resample. "
            "`table RUN --beside FILE` and `report RUN --beside FILE` show them beside a run."
        )
