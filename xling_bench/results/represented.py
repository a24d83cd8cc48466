"""What `represent` and a training's alignment callback write: the one reader of alignment.json and alignment.jsonl."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xling_bench.core.errors import DataError
from xling_bench.core.reading import parse_json, read_object, read_text
from xling_bench.core.unit import Unit
from xling_bench.results.record import in_shape

NUMBERS, STEPS, MAPS, ANSWERS = "alignment.json", "alignment.jsonl", "maps", "answers"


@dataclass(frozen=True, slots=True)
class Number:
    """A record of alignment.json: `pair` None of all languages together, `layer` None over all layers, `intervention`
    None of the states as they are; `low` and `high` None without an interval."""

    model: str
    pair: Unit | None
    layer: int | None
    intervention: str | None
    measure: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    signature: str


@dataclass(frozen=True, slots=True)
class Cloud:
    """The sentences of one language in one model's states, on a map."""

    model: str
    language: str
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Map:
    """Sentences on the plane; those of several `models` on a shared one."""

    layer: int
    models: list[str]
    method: str
    perplexity: float
    clouds: list[Cloud]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model answered to parallel instructions: {language: {id: (instruction, answer)}}."""

    model: str
    by_language: dict[str, dict[str, tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Representation:
    """A folder of `represent`. `signatures`: what decides a number, by its mark."""

    folder: Path
    numbers: list[Number]
    signatures: dict[str, dict[str, Any]]
    notes: list[str]
    maps: list[Map] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)

    def weights(self, number: Number) -> str:
        """Whose states a number is of: `own`, `random`, or `strings`, of no model."""
        return str(self.signatures[number.signature]["weights"])

    def of(self, measure: str, *, weights: str = "own") -> list[Number]:
        """A measure's numbers that have a value, of most sentences where there are several sets of them."""
        found = [each for each in self.numbers
                 if each.measure == measure and each.value is not None and self.weights(each) == weights]  # fmt: skip
        most: dict[tuple[str, Unit | None], int] = {}
        for each in found:
            most[each.model, each.pair] = max(each.n, most.get((each.model, each.pair), 0))
        return [each for each in found if each.n == most[each.model, each.pair]]

    @property
    def models(self) -> list[str]:
        """The models' names, in the order given."""
        own = (each.model for each in self.numbers if self.weights(each) == "own")
        return list(dict.fromkeys(own))

    def measured(self, model: str) -> str:
        """What a model's numbers are of, in words: sentences, pooling, layers."""
        number = next(each for each in self.of("alignment") if each.model == model)
        facts = self.signatures[number.signature]
        layers = [int(layer) for layer in facts.get("layers", [])]
        run = len(layers) > 2 and layers == list(range(layers[0], layers[-1] + 1))
        shown = f"{layers[0]} to {layers[-1]}" if run else ", ".join(map(str, layers))
        pivot = "" if number.pair is None else f" beside {number.pair.source}"
        return (f"{facts.get('corpus', 'unnamed sentences')}, {number.n} sentences a language{pivot}, "
                f"{facts.get('pooling', 'unknown')} pooling, layers {shown or 'unknown'} of 0 to "
                f"{facts.get('depth', '?')}, {_dtype(facts)}")  # fmt: skip

    def fingerprint(self, model: str) -> str:
        """The content hash of a model, as runs have it."""
        number = next(each for each in self.numbers if each.model == model)
        return str(self.signatures[number.signature]["model"])


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Measurements of a training's held-out pairs: (step, what was measured, numbers) in order; a training that was
    told to measure other sentences half-way has several of the second."""

    folder: Path
    name: str
    steps: list[tuple[int, str, list[Number]]]


def _dtype(facts: Mapping[str, Any]) -> str:
    settings = facts.get("settings")
    return str(settings.get("dtype", "auto") if isinstance(settings, dict) else "auto") + " weights"


def read_representation(folder: Path) -> Representation:
    """A folder of `represent`, its maps and answers. Raises DataError for another folder, or a damaged file."""
    path = folder / NUMBERS
    if not path.is_file():
        raise DataError(f"{folder}: there is no {NUMBERS}; expected the folder of `xling-bench represent`.")
    whole = read_object(path)
    with in_shape(path):
        if whole["format"] != 1:
            raise DataError(f"{path}: format {whole['format']!r}; this version reads 1.")
        numbers = [_number(record, str(record["model"]), str(record["signature"])) for record in whole["records"]]
        signatures: dict[str, dict[str, Any]] = {str(mark): dict(facts) for mark, facts in whole["signatures"].items()}
        if unsigned := [mark for mark, facts in signatures.items() if not {"weights"} <= facts.keys()]:
            raise DataError(f"signature {unsigned[0]} does not say whose weights it is of")
        if lost := {each.signature for each in numbers} - signatures.keys():
            raise DataError(f"no signature {min(lost)}")
        notes, names = [str(note) for note in whole["notes"]], [str(name) for name in whole.get("maps", [])]
    maps = [_map(folder / MAPS / Path(name).name) for name in names]
    asked = {each.model for each in numbers if each.measure.startswith("answers_")}  # by the command that wrote them
    answers = [each for each in _answers(folder) if each.model in asked] if asked else []
    return Representation(folder, numbers, signatures, notes, maps, answers)


def read_trajectory(folder: Path) -> Trajectory:
    """A training folder's alignment.jsonl. Raises DataError where there is none, or it is damaged."""
    path, steps = folder / STEPS, []
    for number, text in enumerate(read_text(path).splitlines(), 1):
        line = parse_json(text, str(path), line=number)
        with in_shape(path):
            ways = {(str(record["pooling"]), int(record["n"])) for record in line["records"]}
            way = "; ".join([str(line.get("data", "")), *(f"{pooling} {n}" for pooling, n in sorted(ways))])
            numbers = [_number(record, folder.name, "") for record in line["records"]]
            steps.append((int(line["step"]), way, numbers))
    if not steps:
        raise DataError(f"{path} is empty: nothing was measured yet.")
    return Trajectory(folder, folder.resolve().name, steps)


def _number(record: Mapping[str, Any], model: str, signature: str) -> Number:
    low, high = record["interval"] or (None, None)
    pair, layer, value = record["pair"], record["layer"], record["value"]
    for each in (low, high, value):
        if each is not None and not math.isfinite(each):
            raise ValueError(f"{record['measure']}: {each} is not finite")
    return Number(
        model=model,
        pair=None if pair is None else Unit(pair),
        layer=None if layer is None else int(layer),
        intervention=record.get("intervention"),
        measure=str(record["measure"]),
        value=None if value is None else float(value),
        low=low,
        high=high,
        n=int(record["n"]),
        signature=signature,
    )


def _map(path: Path) -> Map:
    whole = read_object(path)
    with in_shape(path):
        clouds = [Cloud(str(part["model"]), str(part["language"]), [(float(x), float(y)) for x, y in part["points"]])
                  for part in whole["clouds"]]  # fmt: skip
        models = [str(name) for name in whole["models"]]
        ends = [end for cloud in clouds for point in cloud.points for end in point]
        if not models or not clouds or not all(cloud.points for cloud in clouds) or not all(map(math.isfinite, ends)):
            raise DataError("a map needs models, and points that are numbers in each language")
        return Map(int(whole["layer"]), models, str(whole["facts"]["method"]), float(whole["perplexity"]), clouds)


def _answers(folder: Path) -> list[Answers]:
    index = folder / ANSWERS / "index.json"
    if not index.is_file():
        return []
    found = []
    for entry in _objects(index):
        by_language = {}
        with in_shape(index):
            model, key, spoken = str(entry["model"]), Path(str(entry["key"])).name, [str(k) for k in entry["languages"]]
            if not spoken:
                raise DataError("answers in no language")
        for language in spoken:
            path = folder / ANSWERS / key / f"{Path(language).name}.json"
            with in_shape(path):
                rows = _objects(path)
                by_language[language] = {str(row["id"]): (str(row["prompt"]), str(row["answer"])) for row in rows}
        found.append(Answers(model, by_language))
    return found


def _objects(path: Path) -> Iterable[Mapping[str, Any]]:
    found = parse_json(read_text(path), str(path))
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise DataError(f"{path}: expected a list of objects.")
    return found
