"""What pydantic finds wrong in a recipe, in one sentence: where, what was expected, what was received."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from xling_bench.core.errors import did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

HINTS = {
    "model.path": "a folder or a hub name, for example --set model.path=./my-base",
    "model": 'name one of training/models/ (`model = "xglm-564m"`), or give your own: [model] with path = "./folder"',
    "data": 'name one of training/data/ (`data = "open-en-zh"`), or give your own table [data]',
}


def complaint(error: ValidationError, root: type[BaseModel]) -> str:
    """The most telling of the errors: a key that does not exist explains one that is missing."""
    errors: list[Any] = list(error.errors(include_url=False))
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    place = _place(first["loc"])
    where = f"{'.'.join(map(str, place))}: " if place else ""
    said = str(first["msg"]).removeprefix("Value error, ")
    match first["type"]:
        case "json_invalid":
            return "its tables are nested too deep"
        case "extra_forbidden":
            known = _keys(first["loc"][:-1], root)
            hint = did_you_mean(str(place[-1]), known)
            return f"{where}there is no such key.{hint}" + (f" Known: {', '.join(known)}." if known else "")
        case "missing" if where.rstrip(": ") in HINTS:
            return f"{where}{HINTS[where.rstrip(': ')]}."
        case "missing" | "value_error":
            return where + said
        case "union_tag_invalid":
            return f"{where}kind: expected one of {first['ctx']['expected_tags']}, got {first['ctx']['tag']!r}"
        case "union_tag_not_found":
            return f"{where}`kind` is missing; it says how the files are laid out (training/README.md)"
        case "tuple_type":
            said = 'expected a list, for example ["one", "two"]'
    return f"{where}{said}, got {json.dumps(first['input'], ensure_ascii=False):.80}"


def _place(found: Sequence[int | str]) -> list[int | str]:
    """Without the kinds that pydantic puts between a list's place and a key."""
    return [name for before, name in zip([None, *found], found, strict=False) if not isinstance(before, int)]


def _keys(found: Sequence[int | str], root: type[BaseModel]) -> list[str]:
    """The keys of the table at a place; none where that is no table of ours."""
    table: Any = root
    for name in found:
        if isinstance(name, int):
            continue  # a list's place: the kind that follows says which of its tables
        fields = getattr(table, "model_fields", None)
        table = fields[name].annotation if fields and name in fields else _of_kind(table, name)
    return list(getattr(table, "model_fields", ()))


def _of_kind(annotation: Any, kind: str) -> Any:
    """The table of a list's members whose `kind` is this."""
    for part in get_args(annotation):
        if kind in get_args(getattr(getattr(part, "model_fields", {}).get("kind"), "annotation", None)):
            return part
        if (inside := _of_kind(part, kind)) is not None:
            return inside
    return None
