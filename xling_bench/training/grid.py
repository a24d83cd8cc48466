"""A grid of runs: one recipe with some of its settings varied, a folder a point (AFP's Figures 5 and 6)."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xling_bench.core.errors import DataError, OutputError, UsageError
from xling_bench.core.files import TEMPORARY, write_text
from xling_bench.core.reading import read_object
from xling_bench.training.claim import GRID, MODEL
from xling_bench.training.recipe import Recipe, resolve

LONGEST = 120  # characters of a folder's name
METHOD = "method"  # the axis that names whole methods
Value = bool | int | float | str | list[object]


@dataclass(frozen=True)
class Axis:
    """A setting and the values that it takes, in their order."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Point:
    """One run of the grid: the folder's name, the value of each axis, and the recipe that they make."""

    name: str
    values: dict[str, Value]
    recipe: Recipe


def axis(text: str) -> Axis:
    """`method.layer=1,6,12`: a key of a recipe and its values, as in TOML; bare words are text. `method=afp,clm` names
    whole methods. Raises UsageError where the key or a value is missing, or one stands there twice."""
    key, equals, given = text.partition("=")
    key = key.strip()
    if not equals or ("." not in key and key != METHOD) or not all(key.split(".")):
        raise UsageError(f"--grid {text!r}: expected PART.KEY=VALUE,VALUE,..., for example method.layer=1,6,12.")
    try:
        values = tomllib.loads(f"values = [{given}]")["values"]
    except tomllib.TOMLDecodeError:
        values = [word.strip() for word in given.split(",")]
    if not values or "" in values:
        raise UsageError(f"--grid {text!r}: a value is missing; expected PART.KEY=VALUE,VALUE,...")
    if twice := sorted({json.dumps(value) for value in values if values.count(value) > 1}):
        raise UsageError(f"--grid {text!r}: {', '.join(twice)} stands there more than once.")
    return Axis(key, tuple(values))


def points(
    recipe: str, settings: Sequence[str], axes: Sequence[Axis], model: str | None = None
) -> list[Point]:
    """Every combination of the axes' values, the last axis fastest. `settings` and `model` are those of `resolve`.

    All are resolved, so that a key or a value that does not fit is named before anything is read. Raises what `resolve`
    does, and UsageError for a key that is given twice or names that are the same.
    """
    keys = [each.key for each in axes]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise UsageError(f"--grid {twice[0]} is given twice; name its values once: --grid {twice[0]}=1,2,3.")
    fixed = {setting.partition("=")[0].strip() for setting in settings}
    if both := sorted(fixed & {*keys}):
        raise UsageError(f"{both[0]}: given to --set and to --grid; leave one out.")
    named = METHOD in keys
    if named and any(key.startswith(f"{METHOD}.") for key in [*keys, *fixed]):
        raise UsageError(f"--grid {METHOD}=... names whole methods, and a key of {METHOD} is set beside it: what one "
                         "method has, another may not. Leave one out.")  # fmt: skip
    found = []
    for values in itertools.product(*(each.values for each in axes)):
        chosen = dict(zip(keys, values, strict=True))
        own = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in chosen.items() if key != METHOD]
        method = str(chosen[METHOD]) if named else None
        found.append(Point(_name(chosen), chosen, resolve(recipe, [*settings, *own], model, method)))
    names = [point.name for point in found]
    if same := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"--grid: two points would share the folder {same[0]}; their values differ in signs that a "
                         "folder's name cannot have.")  # fmt: skip
    return found


def _name(values: dict[str, Value]) -> str:
    """`method.layer=1,data.p_src=0.5`, safe as a folder's name."""
    shown = ",".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in values.items())
    safe = re.sub(r"[^\w.,=+-]+", "-", shown).strip("-")
    if len(safe) > LONGEST:
        raise UsageError(f"--grid: the folder of a point would be called {safe[:60]}..., {len(safe)} characters long; "
                         f"expected {LONGEST} at most. Shorten the values.")  # fmt: skip
    return safe


def claim(output: Path, recipe: str, axes: Sequence[Axis], *, write: bool = True) -> None:
    """Make `output` the grid's folder, or find that it is. Values may be added to its axes later.

    Raises OutputError for a folder with something else in it, UsageError for another grid's.
    """
    path = output / GRID
    told = {"recipe": recipe, "keys": [each.key for each in axes]}
    if path.is_file():
        try:
            before = read_object(path)
        except DataError as error:
            raise OutputError(f"{path} is no grid of ours ({error}); choose another folder.") from error
        for name, value in told.items():
            if before.get(name) != value:
                raise UsageError(f"{output} holds a grid with other {name} ({before.get(name)!r}, now {value!r}). Give "
                                 "the same, or another -o.")  # fmt: skip
        return
    if output.exists() and not output.is_dir():
        raise OutputError(f"-o {output} is a file; give the folder that the grid's points go into.")
    if output.is_dir() and any(not each.name.startswith(TEMPORARY) for each in output.iterdir()):
        raise OutputError(f"{output} is not empty and holds no grid of `xling-bench train`; choose another folder.")
    if write:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot use {output}: {error.strerror or error}") from error
        write_text(path, json.dumps(told, ensure_ascii=False, indent=1) + "\n")


def finished(output: Path, point: Point) -> bool:
    """Whether a point's model is there."""
    return (output / point.name / MODEL).is_dir()
