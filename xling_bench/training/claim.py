"""Whose a run's folder is: one run's, and one starter's at a time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from xling_bench.core.errors import DataError, OutputError, UsageError
from xling_bench.core.files import TEMPORARY
from xling_bench.core.reading import read_object
from xling_bench.core.row import record_in
from xling_bench.training.checkpoint import STAGING, checkpoints, restore
from xling_bench.training.extension import FREELY, NEVER, check_state, lengthened

RUN, GRID = "run.json", "grid.json"
MODEL, LOG, ALIGNMENT, BOARD = "model", "log.jsonl", "alignment.jsonl", "tensorboard"
COMPARED = ("recipe", "objective", "model", "teachers", "data", "processes")
# What a recipe may change while a run lasts: it changes no weight.
FREE = {"model": ("path", "revision"), "run": ("save_every", "log_every", "keep", "keep_optimizer")}
FREE_PARTS = ("name", "title", "inherits", "evaluate", "alignment")


def processes() -> int:
    """How many learn together (torchrun's, accelerate's)."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def usable(output: Path) -> None:
    """Raise OutputError for a place that can be no run's folder: a file, or a folder with something else in it."""
    if output.exists() and not output.is_dir():
        raise OutputError(f"-o {output} is a file; give the folder that checkpoints and the model go into.")
    there = next(path for path in (output, *output.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise OutputError(f"-o {output}: {there} is no folder that can be written to.")
    if (output / GRID).is_file():
        raise OutputError(
            f"-o {output} holds a grid of runs ({GRID}), a folder each: give its --grid again, or the folder of one of "
            "its runs, or another -o."
        )
    if output.is_dir() and not (output / RUN).is_file() and any(_foreign(path) for path in output.iterdir()):
        raise OutputError(f"{output} is not empty and holds no run of `xling-bench train`; choose another folder.")


def compare(output: Path, facts: Mapping[str, object], *, extend: bool = False) -> None:
    """Raise UsageError where `output` holds another run, naming what differs; keys that `facts` lacks are not compared.

    More updates are no other run where the schedule's rates do not depend on their number, or `extend` says so.

    Versions may change: what they change is for the reader of run.json to know. A run that left neither checkpoint nor
    model has nothing to lose.
    """
    path = output / RUN
    if not path.is_file() or not (checkpoints(output) or (output / MODEL).is_dir()):
        return
    try:
        before = read_object(path)
        if "sizes" not in before and "recipe" in before:
            raise UsageError(
                f"{output} holds a run of an older xling-bench, in which run.pairs and run.instructions were those of "
                "one part on one process. They are an update's now, over all processes and parts, so this version "
                "cannot go on with it: finish it with the one that began it, or give another -o."
            )
        was = {key: before[key] for key in facts if key in COMPARED}
        differing = _difference(_fixed(was), _fixed(facts))
        longer = lengthened(was, facts) if differing else None
        if longer is not None and not _difference(_fixed(longer), _fixed(facts)):
            schedule = record_in(record_in(facts, "recipe"), "run")["schedule"]
            if schedule not in NEVER:
                check_state(output, output / MODEL, f"{output} holds a run with another {differing}. ")
            if schedule in FREELY or (extend and schedule not in NEVER):
                return
            mend = "it cannot be made longer" if schedule in NEVER else (
                "--extend goes on along that of the new number, and records it"
            )  # fmt: skip
            raise UsageError(
                f"{output} holds a run with another {differing}. The rates of its schedule, {schedule}, depend on the "
                f"number of updates: {mend}. Else give the same, or another -o.{_left(output)}"
            )
        whose = _whose(before, facts) if differing else ""
    except (DataError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{path} is no run.json of ours ({error!r}); choose another folder.") from error
    if differing:
        raise UsageError(
            f"{output} holds a run with another {differing}{whose}. Give the same, or another -o.{_left(output)}"
        )


@contextmanager
def claimed(output: Path, facts: Mapping[str, object], *, extend: bool = False) -> Iterator[None]:
    """The folder, ours until the run ends, without what a killed run had half written.

    Raises what `usable` and `compare` raise, OutputError where another process trains into it or it cannot be made.
    """
    usable(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(output / f"{TEMPORARY}lock"), timeout=0)
        if os.environ.get("RANK", "0") == "0":  # the first of several processes holds it for all
            lock.acquire()
    except Timeout as error:
        raise OutputError(
            f"{output}: another process is training into it; wait for it, or choose another -o."
        ) from error
    except OSError as error:
        raise OutputError(f"cannot use {output}: {error.strerror or error}") from error
    try:
        if lock.is_locked:
            restore(output)
        compare(output, facts, extend=extend)
        if lock.is_locked:
            shutil.rmtree(output / STAGING, ignore_errors=True)
            if not checkpoints(output) and not (output / MODEL).is_dir():
                for name in (LOG, ALIGNMENT):
                    (output / name).unlink(missing_ok=True)  # of a run that came to nothing
                shutil.rmtree(output / BOARD, ignore_errors=True)
        yield
    finally:
        lock.release()


def _whose(before: Mapping[str, object], facts: Mapping[str, object]) -> str:
    """Names of recipe and method, where they are others: a method sets keys that nobody typed."""
    was, now = (record_in(each, "recipe") for each in (before, facts))
    methods = [record_in(each, "method").get("title") for each in (was, now)]
    pairs = (("recipe", was.get("name"), now.get("name")), ("method", *methods))
    told = [f"{what} is {a!r}, now {b!r}" for what, a, b in pairs if a and b and a != b]
    return f" (its {'; its '.join(told)})" if told else ""


def _left(output: Path) -> str:
    """What may be done with a run that has not ended."""
    last = next(reversed(checkpoints(output)), None)
    if last is None or (output / MODEL).is_dir():
        return ""
    if (last / "adapter_config.json").is_file():
        return f" The run has not ended; what it has learnt is scored by `run --model hf:BASE --peft {last}`."
    return (
        f" The run has not ended; {last} is a model: `run --model hf:{last}` scores it, and `train --model {last}` "
        "with another -o goes out from it."
    )


def _foreign(path: Path) -> bool:
    return not path.name.startswith(TEMPORARY)


def _fixed(facts: Mapping[str, object]) -> dict[str, object]:
    """What makes a run that run: not where the base model lies (`model` is its hash), nor what the recipe is called."""
    kept = {key: facts[key] for key in COMPARED if key in facts}
    whole = record_in(facts, "recipe")
    stops = bool(record_in(whole, "stop").get("by")) if "stop" in whole else False
    decides = ("evaluate", "alignment") if stops else ()  # what is measured then says where the run ends
    recipe = {key: value for key, value in whole.items() if key not in FREE_PARTS or key in decides}
    for part, free in FREE.items():
        recipe[part] = {key: value for key, value in record_in(recipe, part).items() if key not in free}
    return kept | {"recipe": recipe}


def _difference(a: Any, b: Any, where: str = "") -> str:
    """The first place where two JSON values differ, with both values; empty where they are equal."""
    b = json.loads(json.dumps(b))
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            found = _difference(a.get(key), b.get(key), f"{where}.{key}" if where else key)
            if found:
                return found
        return ""
    return "" if a == b else f"{where} ({a!r:.80}, now {b!r:.80})"
