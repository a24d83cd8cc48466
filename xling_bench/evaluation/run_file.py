"""run.json: whose folder a run's output is, and what was found out there about the machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypedDict

from filelock import FileLock

from xling_bench.core.errors import OutputError
from xling_bench.core.row import record_in
from xling_bench.evaluation.writing import read_json, remove_leftovers, to_json, write_text
from xling_bench.results.facts import Facts
from xling_bench.results.folder import ASKED, stopped_early
from xling_bench.results.items import finished_units

TRAININGS: Final = "trainings"
VERSIONS = ("lm_eval", "transformers", "torch", "datasets", "xling-bench")


class Claim(TypedDict):
    """Which model a run is of, what it is called, the settings that change results, who computes, by kind of task, and
    what is on record of the model's trainings (None: nothing)."""

    model: str
    name: str
    fingerprint: str
    settings: dict[str, object]
    engines: dict[str, str]
    trainings: list[object] | None


def claim(output: Path, mine: Claim, command: Mapping[str, object] | None, *, named: bool) -> str:
    """Check that the folder's run has `mine` (fingerprint, settings); returns what its model is called.

    Where there is no run.json one is written, with the `command`, unless that is None; one without a name (an older
    version's) is given `mine`'s. The model keeps the name that the folder knows: `named` says that another one was
    asked for. Raises OutputError for another run's folder, naming what differs, for another name, or when the folder
    cannot be locked or written.
    """
    with _Locked(output) as path:
        if path.is_file():
            theirs = _read(path)
            _same_run(theirs, mine, output)
            if not theirs.get("name"):
                write_text(path, to_json({**theirs, "name": mine["name"]}))
            elif named and theirs["name"] != mine["name"]:
                raise OutputError(
                    f"{output} holds the run of a model called {theirs['name']!r}, not {mine['name']!r}: leave --name "
                    f"out and name it in tables, '{mine['name']}={output}', or choose another folder with -o."
                )
            return str(theirs.get("name") or mine["name"])
        if command is not None:
            versions = {name: version(name) for name in VERSIONS}
            made = {**mine, "command": command, "versions": versions, "python": sys.version.split()[0]}
            write_text(path, to_json(made))
        return str(mine["name"])


def agree_on_budget(output: Path, device: str, budget: int, *, change: bool) -> tuple[int, int | None]:
    """(The token budget of this folder's run on this kind of device, the one before): `budget` where there is none yet
    or it is to `change`.

    A resumed run makes the same batches, and with them the same last digits.
    """
    with _Locked(output) as path:
        run = _read(path)
        known = run.get("token_budget") or {}
        before = known.get(device)
        if before is not None and not change:
            return int(before), int(before)
        if before != budget:
            write_text(path, to_json({**run, "token_budget": {**known, device: budget}}))
        return budget, before


def note_asked(output: Path, folders: Sequence[str]) -> None:
    """Add the units that were asked for to run.json, so that those that never came are missed (`results.folder`)."""
    with _Locked(output) as path:
        run = read_json(path)
        asked = sorted({*run.get(ASKED, []), *folders})
        if asked != run.get(ASKED):
            write_text(path, to_json({**run, ASKED: asked}))


def refuse_mixed(output: Path, mine: Facts) -> None:
    """Raise OutputError where results in `output`, asked for now or not, were made by other code than new ones with
    these facts would be, or where only one of both is of invented items."""
    for record in finished_units(output):
        theirs = record.facts
        for name in ("code", "lm_eval", "xling_bench"):
            if theirs is not None and (was := getattr(theirs, name)) != (now := getattr(mine, name)):
                raise OutputError(
                    f"{record.path.parent} was made with another {name} (was {was}, now {now}); results of both in "
                    "one folder could not be compared. Use another -o folder."
                )
        if (record.source == "sample") != (mine.source == "sample"):
            raise OutputError(
                f"{record.path.parent} is of data from {record.source}, not {mine.source}: invented items and real "
                "ones do not go into one folder. Use another -o folder."
            )


def refuse_in_gate(output: Path, folders: Sequence[str], limit: int | None) -> None:
    """Raise OutputError where units that a sequential gate in `output` draws from, and has not seen whole, would get
    results of another limit: the gate could not go on beside them."""
    path = output / "run.json"
    if not path.is_file() or not stopped_early(output):
        return
    run = _read(path)
    theirs = record_in(run, "command").get("limit")
    if theirs != limit and not set(folders).isdisjoint(run.get(ASKED, [])):
        given = "no --limit" if theirs is None else f"--limit {theirs}"
        raise OutputError(
            f"{output} is a sequential gate's, which draws its items with {given}: results of other items there would "
            f"stop it. Expected {given}, which scores the others; or use another -o folder."
        )


class _Locked:
    """run.json of a folder, nobody else reading or writing it."""

    def __init__(self, output: Path) -> None:
        self.output, self.lock = output, FileLock(str(output / ".run.lock"))

    def __enter__(self) -> Path:
        try:
            self.lock.acquire()
        except OSError as error:
            raise OutputError(f"cannot lock {self.output}: {error.strerror or error}") from error
        path = self.output / "run.json"
        remove_leftovers(path)
        return path

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def _read(path: Path) -> dict[str, Any]:
    """A folder's run.json. Raises OutputError where it is damaged or its fields are of another kind than ours."""
    run = read_json(path)
    kinds = {"name": str, "fingerprint": str, "settings": dict, "engines": dict, "token_budget": dict}
    odd = [key for key, kind in kinds.items() if not isinstance(run.get(key) or kind(), kind)]
    if not odd and not all(isinstance(budget, int) for budget in (run.get("token_budget") or {}).values()):
        odd = ["token_budget"]
    if odd:
        what = f"{odd[0]}: {run[odd[0]]!r:.80}"
        raise OutputError(f"{path} is damaged ({what}); delete it or restore it, then start again.")
    return run


def _same_run(theirs: Mapping[str, object], mine: Claim, output: Path) -> None:
    """Raise OutputError naming what differs when a folder's run.json is of another model or other settings."""
    detail = ""
    if theirs.get("fingerprint") != mine["fingerprint"]:
        detail = f"model {theirs.get('model')} with fingerprint {theirs.get('fingerprint')}, not {mine['fingerprint']}"
    elif theirs.get("settings") != mine["settings"]:
        old = record_in(theirs, "settings") if theirs.get("settings") else {}
        changed = [k for k in mine["settings"] if old.get(k) != mine["settings"][k]]
        detail = ", ".join(f"{k} was {old.get(k)!r}, now {mine['settings'][k]!r}" for k in changed)
    elif theirs.get("engines", mine["engines"]) != mine["engines"]:  # a run of an older version names none
        old = record_in(theirs, "engines")
        done = {"choose": "candidates were ranked", "generate": "texts were generated"}
        changed = [kind for kind, engine in mine["engines"].items() if old.get(kind) != engine]
        detail = ", ".join(f"its {done[kind]} by {old.get(kind)}, not {mine['engines'][kind]}" for kind in changed)
    elif theirs.get(TRAININGS, mine[TRAININGS]) != mine[TRAININGS]:
        detail = "its model had another xling_training.json, or none, so that it is not known to have learnt the same"
    if detail:
        raise OutputError(f"{output} holds another run: {detail}. Choose another folder with -o.")
