"""Recipes: a model x data x method, each a small file in `training/`, resolved into one checked configuration."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from pydantic import ValidationError, model_validator

from xling_bench.core import content
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DeclarationError, UsageError, did_you_mean
from xling_bench.core.reading import read_toml
from xling_bench.training.complaint import complaint
from xling_bench.training.corpora import DataConfig
from xling_bench.training.idle import check_idle
from xling_bench.training.lora import AdapterPart
from xling_bench.training.objective import MODES, NEEDS, MethodPart
from xling_bench.training.recipe_parts import AlignmentPart, EvaluatePart, ModelPart, RunPart, StopPart

Table = dict[str, object]  # of TOML
PARTS = {"model": "models", "data": "data", "method": "methods"}

class Recipe(Strict):
    """Everything a run is made of; written whole into its run.json. For readers only are `name`, `title` and
    `inherits`: the file of `training/models/` whose settings another model has got with `--set model.path`.
    """

    name: str
    title: str = ""
    inherits: str = ""
    model: ModelPart
    adapter: AdapterPart = AdapterPart()
    data: DataConfig
    method: MethodPart = MethodPart()
    run: RunPart = RunPart()
    evaluate: EvaluatePart = EvaluatePart()
    alignment: AlignmentPart = AlignmentPart()
    stop: StopPart = StopPart()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.evaluate.every and not self.evaluate.tasks:
            raise ValueError("evaluate.tasks: name tasks to evaluate, or set evaluate.every = 0")
        if self.alignment.every and len(self.data.languages) < 2:
            raise ValueError("alignment.every: one language has no translations; set it to 0, or name more languages")
        if self.adapter.kind != "none" and self.model.untie:
            raise ValueError("model.untie: an adapter trains no output layer, so it needs none of its own; set false")
        needed = {"accuracy": "evaluate", "retrieval": "alignment"}.get(self.stop.by)
        if needed and not getattr(self, needed).every:
            raise ValueError(f"stop.by: {self.stop.by} is what [{needed}] measures; set {needed}.every")
        objective = self.method.objective()
        if not objective.active:
            names = ", ".join(f"{loss.name}_weight" for loss in objective.losses)
            raise ValueError(f"method: no loss has a weight above 0: nothing would be learnt. There are {names}")
        there = {
            "pairs": self.data.pairs and self.run.pairs,
            "instructions": self.data.teaches and self.run.instructions,
        }
        for loss in objective.active:
            if not there[loss.needs]:
                words = f"the {loss.name} loss needs {NEEDS[loss.needs]} (or {loss.name}_weight = 0)"
                raise ValueError(f"data.{loss.needs}: {words}")
        return self


def named() -> dict[str, dict[str, str]]:
    """{part: {name: its title}} of what `training/` holds: models, data, methods."""
    found: dict[str, dict[str, str]] = {}
    for part, folder in PARTS.items():
        found[part] = {path.stem: title_of(path) for path in content.files(f"training/{folder}/*.toml")}
    return found


def title_of(path: Path) -> str:
    """What a file in `training/` says it is."""
    return str(read_toml(path).get("title", ""))


def files() -> dict[str, Path]:
    """{name: path} of the whole recipes in `training/`."""
    return {path.stem: path for path in content.files("training/*.toml")}


def resolve(
    recipe: str, settings: Sequence[str] = (), model: str | None = None, method: str | None = None
) -> Recipe:
    """A recipe by `MODEL/DATA/METHOD` (names of files in `training/`), or by a file that names them: its path, or its
    name without `.toml` if it is one of `files`. A table of the file may name one it goes out from, its `base`.

    `model` takes the place of the recipe's, which is then `DATA/METHOD` if it is no file: the name of a file in
    `training/models/`, or a folder or hub name, with the neutral settings of `auto.toml`. `method`, the name of a file
    in `training/methods/`, takes the place of the recipe's, which may have no settings of its own beside it.

    Later wins: the mode's (`MODES`), the method's own [data] and [run], the recipe file's tables, then `settings`
    (`run.steps=100`, values as in TOML). Raises UsageError for unknown names, DeclarationError for what does not fit
    or would not be used (`check_idle`), naming the field.
    """
    path = files().get(recipe, Path(recipe))
    own: Table = {}
    parts: Sequence[str | None]
    if path.suffix == ".toml":
        if not path.is_file():
            raise UsageError(f"recipe {recipe} does not exist; `xling-bench train list` shows what can be named.")
        own, name = read_toml(path), path.stem
        parts = [_base(own, part) for part in PARTS]
    else:
        parts, name = recipe.split("/"), recipe
        if model is not None and len(parts) == len(PARTS) - 1:
            parts, name = ["", *parts], f"{model}/{recipe}"
    if len(parts) != len(PARTS):
        raise UsageError(
            f"recipe {recipe!r}: expected MODEL/DATA/METHOD (three names; DATA/METHOD with --model), a .toml file or "
            f"the name of one in training/.{did_you_mean(recipe, ['list', *files()])} `xling-bench train list` shows "
            "what there is."
        )
    merged: Table = {"name": name}
    if model is not None:
        own.pop("model", None)
        _merge(merged, _model(model))
        parts = [None, *parts[1:]]
    if method is not None:
        if "method" in own:
            raise UsageError(f"recipe {recipe} has a [method] of its own, which {method} cannot take the place of; "
                             'name its method in one line, method = "NAME".')  # fmt: skip
        parts = [*parts[:-1], method]
    for part, chosen in zip(PARTS, parts, strict=True):
        if chosen is not None:
            _merge(merged, _part(part, chosen))
    named_model = model or parts[0] or ""
    base = _entry(merged, "path")
    given: Table = {}
    later: Table = {}
    for table in map(_setting, settings):
        _merge(later, table)
    tables = [copy.deepcopy(own), later]
    for table in (own, *map(_setting, settings)):
        _merge(merged, table)
        _merge(given, table)
    if base is not None and _entry(merged, "path") != base and _entry(given, "precision") is None:
        merged["inherits"] = named_model
    merged = _with_mode(merged)
    try:  # by way of JSON, in which pydantic is strict about types and still takes lists for tuples
        found = Recipe.model_validate_json(json.dumps(merged, default=str), strict=True)
    except RecursionError as error:
        raise DeclarationError(f"recipe {recipe}: its tables are nested too deep.") from error
    except ValidationError as error:
        raise DeclarationError(f"recipe {recipe}: {complaint(error, Recipe)}") from error
    check_idle(found, tables, recipe)
    return found


def _base(own: Table, part: str) -> str | None:
    """What a recipe file names as its `part`, by name or as the `base` of a table of its own; taken out of it."""
    given = own.get(part)
    if isinstance(given, str):
        return str(own.pop(part))
    return str(given.pop("base")) if isinstance(given, dict) and "base" in given else None


def _part(part: str, name: str) -> Table:
    known = named()[part]
    if name not in known:
        own = f' A model of your own: --model {name}, or [model] with path = "{name}".' if part == "model" else ""
        raise UsageError(f"no {part} {name!r} in training/{PARTS[part]}/.{did_you_mean(name, known)} "
                         f"Known: {', '.join(known)}.{own}")  # fmt: skip
    found = read_toml(content.file(f"training/{PARTS[part]}/{name}.toml"))
    if part != "method":
        found.pop("title", None)
    tables: Table = {key: found.pop(key) for key in ("data", "run") if key in found and part != key}
    return {part: found, **tables}


def _entry(recipe: Table, key: str) -> object:
    """A key of its table [model]."""
    table = recipe.get("model")
    return table.get(key) if isinstance(table, Mapping) else None


def _model(name: str) -> Table:
    """What --model names."""
    known = [key for key in named()["model"] if key != "auto"]
    if name in known:
        return _part("model", name)
    if "/" not in name and not Path(name).exists() and (hint := did_you_mean(name, known)):
        raise UsageError(f"--model {name}: there is no such folder, nor a file in training/models/.{hint}")
    table = _part("model", "auto")
    _merge(table, {"model": {"path": name}})
    return table


def _one_length(into: Table, more: Mapping[str, object]) -> None:
    run, later = into.get("run"), more.get("run")
    if isinstance(run, dict) and isinstance(later, Mapping):
        for one, other in (("steps", "epochs"), ("epochs", "steps")):
            if one in later and other not in later:
                run.pop(other, None)
                run.pop("epochs_of" if one == "steps" else "", None)


def _setting(text: str) -> Table:
    key, equals, value = text.partition("=")
    names = key.strip().split(".")
    if equals and names[0] in PARTS and len(names) == 1:
        raise UsageError(
            f"--set {text!r}: it sets keys only, PART.KEY=VALUE. The {names[0]} is named in MODEL/DATA/METHOD or in "
            f'the recipe\'s file ({names[0]} = "NAME"){", or by --model" if names[0] == "model" else ""}.'
        )
    if not equals or len(names) < 2 or not all(names):
        raise UsageError(f"--set {text!r}: expected PART.KEY=VALUE, for example run.steps=100 or model.path=./ckpt.")
    try:
        found = tomllib.loads(f"value = {value}")
    except RecursionError as error:
        raise UsageError(f"--set {text[:60]}...: nested too deep.") from error
    except tomllib.TOMLDecodeError:
        found = {"value": value}  # a bare word is text: --set model.path=./checkpoint
    if len(found) > 1:
        raise UsageError(f"--set {text!r}: one value each, please; give --set again for more.")
    setting: Table = {names[-1]: found["value"]}
    for name in reversed(names[:-1]):
        setting = {name: setting}
    return setting


def _with_mode(merged: Table) -> Table:
    """What the method's mode sets, under what the tables say; an unknown mode is the method's to refuse."""
    method = merged.get("method")
    mode = method.get("mode") if isinstance(method, dict) else None
    found: Table = {}
    _merge(found, next((tables for name, tables in MODES.items() if name == mode), {}))
    _merge(found, merged)
    return found


def _merge(into: Table, more: Mapping[str, object]) -> None:
    """Tables are merged key by key; lists and values are replaced. Of `run.steps` and `run.epochs` the later stays."""
    _one_length(into, more)
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(table := into.get(key), dict):
            _merge(table, value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value
