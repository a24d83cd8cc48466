"""What a checkpoint was trained from, by what and on what: `xling_training.json` beside its weights.

One entry for each training, the oldest first: a model that is trained, merged or adapted from one that has the file
inherits its entries, and holds those of its teachers. What the first base learnt before is on no record. `standing`
says of a benchmark's items whether a training learnt texts of theirs. One writer, `Lineage.text`, and one reader,
`read_lineage`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError

from xling_bench.catalog import get_benchmark
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DataError, ModelError, reason_of
from xling_bench.core.reading import is_there, parse_json, read_bytes, read_object
from xling_bench.core.unit import Unit
from xling_bench.results.training_record import KEY, MARK, Mark, Training

FILE = "xling_training.json"
FORMAT = 1
LARGEST = 16 << 20  # bytes of the file; a training with the longest recipe of ours has some 30 kB
MOST = 200  # trainings after each other
State = Literal["unknown", "not checked", "clean on record", "contaminated"]
STATES: tuple[State, ...] = get_args(State)


def by_place(found: dict[str, dict[str, int]]) -> dict[str, int]:
    """{"de": texts of the test split, "de dev": those of another}."""
    return {
        language if split == "test" else f"{language} {split}": count
        for language, splits in found.items()
        for split, count in splits.items()
        if count
    }


class _File(Strict):
    """The file's shape."""

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)]
    weights: Mark | None = None
    trainings: Annotated[tuple[Training, ...], Field(min_length=1, max_length=MOST)]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a benchmark's items stand to what a model learnt.

    state: `contaminated` (texts of these items, or, of a parallel benchmark, of their translations, were learnt),
    `not checked` (some training was not compared with them), `clean on record` (all on record were, and none was
    learnt; what the models of `Lineage.unrecorded` learnt is not known), `unknown` (there is no record). texts:
    {language: different texts learnt}. lineage is the hash of the record, "" without one.
    ancestors: fingerprints of the models that it was trained from, the nearest first.
    """

    state: State = "unknown"
    texts: dict[str, int] = field(default_factory=dict)
    lineage: str = ""
    ancestors: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: dict[str, object] | None) -> Self:
        """As `written` left it. Raises DataError for another shape."""
        if data is None:
            return cls()
        state = next((known for known in STATES if known == data.get("state")), None)
        texts, lineage, ancestors = (data.get(name) for name in ("texts", "lineage", "ancestors"))
        if state is None or not isinstance(texts, dict) or not isinstance(lineage, str):
            raise DataError(f"facts.provenance is {data!r:.120}; expected state, texts, lineage, ancestors")
        if not all(isinstance(n, int) and not isinstance(n, bool) for n in texts.values()):
            raise DataError(f"facts.provenance.texts is {texts!r:.80}; expected {{language: count}}")
        if not all(isinstance(key, str) and re.fullmatch(KEY, key) for key in texts):
            raise DataError(f"facts.provenance.texts has the keys {list(texts)!r:.80}; expected languages")
        if not isinstance(ancestors, list) or not all(isinstance(x, str) and re.fullmatch(MARK, x) for x in ancestors):
            raise DataError(f"facts.provenance.ancestors is {ancestors!r:.80}; expected a list of fingerprints")
        return cls(state, {str(key): int(n) for key, n in texts.items()}, lineage, tuple(ancestors))

    def written(self) -> dict[str, object] | None:
        """For a results file; None where nothing is known, as in results of older versions."""
        if self.state == "unknown" and not self.lineage:
            return None
        return {"state": self.state, "texts": self.texts, "lineage": self.lineage, "ancestors": [*self.ancestors]}

    @property
    def counts(self) -> str:
        """`de 130, en 134`."""
        return ", ".join(f"{language} {count}" for language, count in sorted(self.texts.items()))


@dataclass(frozen=True, slots=True)
class Lineage:
    """All that is on record of a model: its trainings, the oldest first, and the parts that have no record though
    another part has (an adapter on a trained model). `weights`: the hash of the weights that a file was written beside
    (`models.contents.weights_hash`), None where it does not say; no part of what was learnt."""

    trainings: tuple[Training, ...] = ()
    unknown: tuple[str, ...] = ()
    weights: str | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """The file's text: the same for the same trainings and weights."""
        told = {"format": FORMAT, **({"weights": self.weights} if self.weights else {}), "trainings": self.written()}
        return json.dumps(told, ensure_ascii=False, indent=1) + "\n"

    def _file(self) -> dict[str, object]:
        return {"format": FORMAT, "trainings": self.written()}

    def written(self) -> list[object]:
        """The trainings as plain data."""
        return [each.model_dump(mode="json") for each in self.trainings]

    @property
    def hash(self) -> str:
        """Sixteen hex digits over the record, unknown parts among it."""
        told = json.dumps([self._file(), self.unknown], ensure_ascii=False, sort_keys=True)
        return sha256(told.encode("utf-8", "backslashreplace")).hexdigest()[:16]

    @property
    def ancestors(self) -> tuple[str, ...]:
        """Fingerprints of the models that it was trained from, the nearest first."""
        return tuple(dict.fromkeys(each.base.fingerprint for each in reversed(self.trainings)))

    @property
    def names(self) -> list[str]:
        """What it was trained from, the first base first, and by which recipes: `xglm-564M`, `afp`."""
        return [self.trainings[0].base.name, *(each.title for each in self.trainings)] if self.trainings else []

    @property
    def unrecorded(self) -> tuple[str, ...]:
        """Models that it was made from of which nothing is on record: the first base, whose pre-training is not, a
        copy that came without its file, parts without one."""
        found = [each.base.name for each in self.parts if not each.base.on_record]
        found += [teacher.name for each in self.parts for teacher in each.teachers if not teacher.trainings]
        return tuple(dict.fromkeys((*found, *self.unknown)))

    @property
    def parts(self) -> list[Training]:
        """Its trainings and those of its teachers, and of theirs, each once: whatever had a part in its weights."""
        return list({each.model_dump_json(): each for each in _with_teachers(self.trainings)}.values())

    @property
    def teachers(self) -> tuple[str, ...]:
        """What the models are called that taught it."""
        return tuple(dict.fromkeys(teacher.name for each in self.trainings for teacher in each.teachers))

    def then(self, training: Training) -> Lineage:
        """That of what is trained from this model."""
        return Lineage((*self.trainings, training), self.unknown)

    def joined(self, other: Lineage) -> Lineage:
        """That of two parts in one model: what both have on record stands once."""
        more = tuple(each for each in other.trainings if each not in self.trainings)
        return Lineage((*self.trainings, *more), tuple(dict.fromkeys((*self.unknown, *other.unknown))))

    def standing(self, benchmark: str, unit: str, split: str) -> Standing:
        """How the items of a benchmark's unit and split stand to what was learnt."""
        declared, here = get_benchmark(benchmark), Unit(unit)
        texts: dict[str, int] = {}
        for training in self.parts:
            for language, splits in training.learnt_of(declared.key).items():
                if splits.get(split) and (declared.parallel or language in here.languages):
                    texts[language] = texts.get(language, 0) + splits[split]
        each = (one.compared(declared.key, here, split, parallel=declared.parallel) for one in self.parts)
        state: State = "unknown" if self.unknown else "clean on record" if all(each) else "not checked"
        return Standing("contaminated" if texts else state, texts, self.hash, self.ancestors)

    @property
    def contaminated(self) -> dict[str, dict[str, int]]:
        """{benchmark: {"de", "de dev": texts learnt}}, over all trainings, teachers' too. The test split has the
        language's name alone; a text of items of several splits is counted in each."""
        found: dict[str, dict[str, int]] = {}
        for training in self.parts:
            for key in training.overlaps:
                for place, count in by_place(training.learnt_of(key)).items():
                    places = found.setdefault(key, {})
                    places[place] = places.get(place, 0) + count
        return found


def _with_teachers(trainings: Sequence[Training]) -> Iterator[Training]:
    for each in trainings:
        for teacher in each.teachers:
            yield from _with_teachers(teacher.trainings)
        yield each


def read_lineage(path: Path) -> Lineage | None:
    """What the file at `path` says; None where there is none.

    Raises ModelError for one that is damaged, too large, of another shape or of a newer version: a record that cannot
    be read is not the same as none.
    """
    if not is_there(path, ModelError):
        return None
    return parsed(read_bytes(path, ModelError, LARGEST), str(path))


def lineage_in(run: Path) -> Lineage | None:
    """What a run's run.json says of the model's trainings; None where it says nothing, or is not there.

    Raises ModelError for what is no record.
    """
    path = run / "run.json"
    trainings = read_object(path).get("trainings") if path.is_file() else None
    return None if trainings is None else _checked({"format": FORMAT, "trainings": trainings}, str(path))


def parsed(content: bytes | str, where: str) -> Lineage:
    """The lineage in a file's content, which came from `where`. Raises ModelError as `read_lineage`."""
    data = parse_json(content, where, ModelError, exact=True)
    if isinstance(data, dict) and type(data.get("format")) is int and data["format"] > FORMAT:
        raise ModelError(f"{where} is of format {data['format']}, this version reads {FORMAT}: install a newer one.")
    return _checked(data, where)


def _checked(data: Any, where: str) -> Lineage:
    mend = "Bring the file back as it was written; without it the model's provenance is unknown."
    try:
        found = _File.model_validate_json(json.dumps(data, allow_nan=False), strict=True)
    except (ValueError, RecursionError) as error:  # pydantic's, JSON's of what is no number, UTF-8's
        why = reason_of(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            why = f"{'.'.join(map(str, first['loc'][:6]))}: {first['msg']}"
        raise ModelError(f"{where} is no record of a training ({why:.200}). {mend}") from error
    return Lineage(found.trainings, weights=found.weights)
