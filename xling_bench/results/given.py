"""A run as somebody names it: a path, or `NAME=RUN`, which says what to call its model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xling_bench.core.errors import DataError, UsageError
from xling_bench.results.naming import check_name


@dataclass(frozen=True, slots=True)
class Given:
    """The path of a run or baseline, and the name chosen for its model; empty: the model's own."""

    path: Path
    name: str = ""


Run = str | Path | Given


def given(run: Run) -> Given:
    """`gemma=runs/a` -> runs/a, its model called gemma. The first `=` parts them.

    A text that is a path as it stands is one, whatever it holds, and so is every `Path`.
    Raises UsageError for a name that is empty or holds what cannot be seen, DataError where neither is there.
    """
    if isinstance(run, Given):
        return run
    if not str(run):
        raise UsageError("expected the folder or file of a run, got an empty name.")
    name, sign, rest = str(run).partition("=")
    if isinstance(run, Path) or not sign or Path(run).exists():
        return Given(Path(run))
    if not rest or not Path(rest).exists():
        raise DataError(f"{run} does not exist, nor does {rest or 'a run after the ='!r} (expected RUN or NAME=RUN).")
    return Given(Path(rest), check_name(name, "NAME=RUN"))
