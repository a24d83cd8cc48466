"""A run's folder: which results should be in it, and which are."""

from __future__ import annotations

import re
from pathlib import Path

from xling_bench.core.errors import DataError
from xling_bench.core.reading import read_object, real
from xling_bench.results.seal import RESULTS

ASKED = "units"  # in run.json: folders of all units that runs with this folder were asked for
SEQUENCE = "sequential.json"  # in a folder that `gate --sequential` draws in
ENDED = "ended"  # there: the gate has seen everything
NAMED = 3
_UNIT = re.compile(r"\d+-\d+-.+")  # <shots>-<seed>-<demos>


def result_files(run: Path, lost: list[str] | None = None) -> list[Path]:
    """Every unit's results.json, in order. Raises DataError for a unit's folder that has none; given `lost`, says it
    there."""
    for folder in sorted(run.glob("*/*")):
        if _UNIT.fullmatch(folder.name) and (folder.is_dir() or folder.is_symlink()):
            path = folder / RESULTS
            if not path.is_file():
                state = "is a link that leads nowhere" if path.is_symlink() else "is not there"
                said = f"{path} {state}: this result is lost. Bring it back, or remove {folder} and run again."
                if lost is None:
                    raise DataError(said)
                lost.append(said)
    return sorted(path for path in run.glob(f"*/*/{RESULTS}") if path.is_file())


def shown(run: Path) -> str:
    """What a run's folder is called where others read it: never by its path, which may be private."""
    return real(run).name


def lacking(run: Path) -> list[str]:
    """A sentence on the results that were asked for and are not in the folder; empty if none, or if nobody knows."""
    path = run / "run.json"
    if not path.is_file():
        return []
    try:
        asked = read_object(path).get(ASKED)
    except DataError as error:
        return [f"{shown(run)}: which results were asked for is not known: {str(error).replace(str(run), shown(run))}"]
    if not isinstance(asked, list):
        return []
    absent = sorted(str(name) for name in asked if not (run / str(name) / RESULTS).is_file())
    if not absent:
        return []
    named = ", ".join(absent[:NAMED]) + (f" and {len(absent) - NAMED} more" if absent[NAMED:] else "")
    lost = f"{len(absent)} of {len(asked)} results that were asked for are not there ({named})"
    if early := stopped_early(run):
        return [f"{shown(run)}: {lost}: {early}"]
    return [
        f"{shown(run)}: {lost}: the run goes on or was stopped, they failed, or they were removed; the same "
        "`xling-bench run` makes them."
    ]


def stopped_early(run: Path) -> str:
    """A sentence on a run that a sequential gate stopped, or is at; empty where none did, or one has seen everything.
    Raises DataError for a damaged file."""
    path = run / SEQUENCE
    if not path.is_file():
        return ""
    known = read_object(path)
    if known.get(ENDED):
        return ""
    seen = known.get("seen")
    if not isinstance(seen, dict) or not seen.get("early"):
        return "a sequential gate is at it, or was stopped; the same `xling-bench gate --sequential` goes on."
    return (
        f"{seen.get('items')} of {seen.get('of')} items were scored, then the sequential gate stopped early, where "
        "estimates are biased upward in size: they are no results. `xling-bench run` with the same tasks scores the "
        "others."
    )
