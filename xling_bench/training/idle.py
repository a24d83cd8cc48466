"""Settings that somebody gave and nothing would use: refused, for what was meant would not be done.

Only of what a person gives: a recipe file's own tables, then `--set`. A mode, a method's file or the data's may say
more than a run uses. What is switched off where it is given, or later, is meant to be off: `method.labse_weight = 0`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from xling_bench.core.errors import DeclarationError
from xling_bench.training.corpora.sources import key_in
from xling_bench.training.losses import Loss

if TYPE_CHECKING:
    from xling_bench.training.recipe import Recipe

# Tables that one of their keys switches on.
SWITCHES = {
    "adapter": ("kind", "none"), "evaluate": ("every", 0), "alignment": ("every", 0), "stop": ("by", ""),
}  # fmt: skip


def check_idle(recipe: Recipe, given: Sequence[Mapping[str, object]], name: str) -> None:
    """Raise DeclarationError for the first setting of `given` (tables, later ones weigh more) that `recipe`, called
    `name`, does not use."""
    said = next(_idle(recipe, _Given(given)), "")
    if said:
        raise DeclarationError(f"recipe {name}: {said}")


class _Given:
    """Which keys are given, and by which of the tables."""

    def __init__(self, tables: Sequence[Mapping[str, object]]) -> None:
        self.tables = tables

    def keys(self, *path: str) -> list[str]:
        """The keys of a table, of all that give some."""
        found = (self._at(number, path) for number in range(len(self.tables)))
        return list(dict.fromkeys(key for table in found if isinstance(table, Mapping) for key in table))

    def by(self, *path: str) -> int:
        """The last table that gives a key; -1: none."""
        there = [n for n in range(len(self.tables)) if self._at(n, path) is not None]
        return max(there, default=-1)

    def _at(self, number: int, path: Sequence[str]) -> object:
        value: object = self.tables[number]
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


def _idle(recipe: Recipe, given: _Given) -> Iterator[str]:
    losses = recipe.method.objective().losses
    for loss in losses:
        weight = _weight(loss)
        for key in [] if loss.weight else list(loss.keys()):
            if given.by("method", key) > given.by("method", weight):
                yield (
                    f"method.{key} is set, but the {loss.name} loss has no weight, so nothing uses it. Set "
                    f"method.{weight}, or leave it out."
                )
    for table, (switch, off) in SWITCHES.items():
        if getattr(getattr(recipe, table), switch) == off:
            for key in given.keys(table):
                if given.by(table, key) > given.by(table, switch):
                    yield f"{table}.{key} is set, but nothing uses it without {table}.{switch}. Set both, or neither."
    if not recipe.alignment.words and given.by("alignment", "word_limit") > given.by("alignment", "words"):
        yield "alignment.word_limit is set, but nothing uses it without alignment.words. Set both, or neither."
    yield from _of_data(recipe, given, losses)


def _of_data(recipe: Recipe, given: _Given, losses: Sequence[Loss]) -> Iterator[str]:
    data = recipe.data
    taught = [loss for loss in losses if loss.needs == "instructions"]
    unmixed = data.mix is None or not any(loss.weight for loss in taught)
    if data.mix is not None and unmixed and 0 <= given.by("data", "mix") >= _off(given, taught):
        yield f"data.mix is set, but no loss learns from what is mixed. Set {_weights(taught)}, or leave it out."
    linking = [loss for loss in losses if loss.links]
    links = any(loss.weight for loss in linking)
    others = [key for key in data.languages if key != data.pivot]
    for code in given.keys("data", "dictionaries"):
        key, why, cause = key_in(code), "", -1
        if key not in others:
            why = f"the languages beside the pivot, {data.pivot}, are {', '.join(others) or 'none'}"
            cause = given.by("data", "languages")
        elif unmixed and not links:
            why = f"that needs data.mix or {_weights(linking)}"
            cause = max(_off(given, linking), _off(given, taught) if data.mix is not None else -1)
        elif not links and key not in data.mixed_languages:
            why, cause = f"data.mix.weights leaves {key} out", given.by("data", "mix", "weights")
        if why and given.by("data", "dictionaries", code) >= cause:
            yield f"data.dictionaries.{code} is set, but nothing reads it: {why}. Set that, too, or leave it out."


def _weights(losses: Sequence[Loss]) -> str:
    return " or ".join(f"method.{_weight(loss)}" for loss in losses)


def _weight(loss: Loss) -> str:
    return next(key for key, field in loss.keys().items() if field == "weight")


def _off(given: _Given, losses: Sequence[Loss]) -> int:
    """The last table that weighs one of the losses."""
    return max((given.by("method", _weight(loss)) for loss in losses), default=-1)
