"""The shapes of one training in a model's record (`results.lineage`): what it began from, learnt and was taught by."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from xling_bench.core.declare import Strict
from xling_bench.core.text import line
from xling_bench.core.unit import Unit

Count = Annotated[int, Field(ge=0, le=10**18)]
Text = Annotated[str, Field(max_length=1000)]
KEY, MARK = r"[\w.-]{1,80}", "[0-9a-f]{8,64}"
Key = Annotated[str, Field(pattern=f"^{KEY}$")]  # of a language, benchmark or split: shown as it is
Place = Annotated[str, Field(pattern=f"^{KEY} {KEY}$")]  # "en test", "en-de dev"
Mark = Annotated[str, Field(pattern=f"^{MARK}$")]


class TrainedFrom(Strict):
    """The model that a training started from: what it is called (never a path), the hash of its content
    (`models.fingerprint`), its revision on the hub, and whether it had such a file itself."""

    name: Text
    fingerprint: Mark
    revision: Text | None
    on_record: bool


class Learnt(Strict):
    """How much a training learnt, all processes together: updates, pairs and instructions drawn, their tokens without
    padding (`pair_tokens` of both sides), and `targets`, tokens that were predicted. None: an older version counted no
    tokens of the checkpoint that the run went on from."""

    updates: Count
    pairs: Count | None
    instructions: Count | None
    pair_tokens: Count | None
    instruction_tokens: Count | None
    targets: Count | None


class Source(Strict):
    """One source of the data: of `pairs`, `instructions` or `texts`, its reader, the hash of its kept rows."""

    use: Literal["pairs", "instructions", "texts"]
    name: Text
    kind: Text
    hash: Text


class Mixed(Strict):
    """Code-mixing with one language: the hash of its dictionary and, of the `words` of the first draws, how many are in
    it, are replaced, and are replaced by another word. The rate that was asked for is the recipe's."""

    dictionary: Text
    words: Count
    known: Count
    replaced: Count
    changed: Count


class Overlap(Strict):
    """What is known of one benchmark: how many of its rows were compared ({"language split": rows}), which parts were
    not there to compare, and how many different training texts are texts of its items ({language: {split: texts}})."""

    checked: dict[Place, Count]
    missing: tuple[Place, ...] = ()
    found: dict[Key, dict[Key, Count]]


class Training(Strict):
    """One training. `recipe` is what decides weights, resolved, without places; `objective` its losses' settings.

    `policy` says what became of training texts that are texts of a benchmark's items: `refuse` (none was found), `drop`
    (left out), `allow` (learnt), `unchecked` (nobody looked). `languages` are those of its data, `mixed` those that
    texts were code-mixed with, `teachers` models whose vectors it learnt to have. `code` is a hash of the code that
    trained, `versions` of packages.
    """

    base: TrainedFrom
    recipe: dict[str, JsonValue]
    objective: dict[str, JsonValue]
    processes: Annotated[int, Field(ge=1)]
    languages: tuple[Key, ...]
    data: tuple[Source, ...]
    mixed: dict[Key, Mixed] = Field(default_factory=dict)
    policy: Literal["refuse", "drop", "allow", "unchecked"]
    overlaps: dict[Key, Overlap]
    learnt: Learnt
    code: Mark
    versions: dict[Text, Text]
    teachers: tuple[Teacher, ...] = ()

    @property
    def title(self) -> str:
        """What its recipe is called."""
        name = self.recipe.get("name")
        return line(name) if isinstance(name, str) and name.strip() else "training"

    def learnt_of(self, benchmark: str) -> dict[str, dict[str, int]]:
        """{language: {split: different texts of the benchmark's items that were learnt}}."""
        known = self.overlaps.get(benchmark)
        return known.found if known is not None and self.policy == "allow" else {}

    def compared(self, benchmark: str, unit: Unit, split: str, *, parallel: bool) -> bool:
        """Whether the training texts were compared with these items, of a parallel benchmark with their translations,
        too. Only the data's languages are asked for: texts of others are not among them."""
        known = self.overlaps.get(benchmark)
        if known is None:
            return False
        there = {place.split()[0] for place in known.checked if place.endswith(f" {split}")}
        absent = any(place.endswith(f" {split}") for place in known.missing)
        wanted = {language for language in unit.languages if language in self.languages}
        return bool(there) and (not absent if parallel else wanted <= there)


class Teacher(Strict):
    """A model that stood beside the one that learnt, and taught it: what it is called (never a path), the hash of its
    content, and its own trainings, the oldest first; without any, nothing is on record of it."""

    name: Text
    fingerprint: Mark
    trainings: tuple[Training, ...]
