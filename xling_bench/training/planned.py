"""What is said of a run before it starts, and what its folder keeps: JSON, as typed dictionaries."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from xling_bench.training.amounts import Amount
from xling_bench.training.base import Base
from xling_bench.training.corpora.data_report import DataReport
from xling_bench.training.losses import Need
from xling_bench.training.needs import Needs


class Evaluated(TypedDict):
    """Tasks that early evaluation will score, and those that it cannot."""

    tasks: list[str]
    no_data: list[str]


class Words(TypedDict):
    """Words whose translations are looked for: their hash, how many by pair, and languages without a file."""

    data: str
    pairs: dict[str, int]
    no_data: list[str]


class Sentences(TypedDict):
    """Held-out sentences: their corpus and hash, pairs by languages, and how many of them training texts hold, which
    are left out."""

    sentences: str
    data: str
    pairs: dict[str, int]
    in_training: int
    words: NotRequired[Words]


class Preflight(TypedDict):
    """What is known before data are read."""

    model: Base
    evaluate: Evaluated


class Drawn(TypedDict):
    """How much of the data: `pairs` and `instructions` that are drawn in all, `sizes` of an update and its parts, and
    of each stream its rows, draws by rows, and how often each row of a group comes."""

    sizes: dict[Need, Amount]
    rows: dict[Need, int]
    epochs: dict[Need, float]
    each: dict[Need, dict[str, float]]
    pairs: int
    instructions: int


class Plan(Preflight, Drawn):
    """What a run would do."""

    recipe: dict[str, object]
    objective: dict[str, object]
    processes: int
    data: DataReport
    alignment: Sentences | None
    needs: Needs


class Chosen(TypedDict):
    """The update whose weights are the model's, its score, and the update after which the run ended."""

    by: str
    step: int
    score: float
    ended: int


class Finished(TypedDict):
    """A run that was ended on demand: after which update, and how many it was to have."""

    step: int
    of: int


class RunFacts(TypedDict):
    """run.json: what a run is made of. `model` is the base model's hash, `teachers` those of models that taught it,
    `alignment` what is measured on the way, `extended` the numbers of updates that it was to have before it was made
    longer, `chosen` what early stopping chose, `finished` where the run was ended before its last update."""

    recipe: dict[str, object]
    objective: dict[str, object]
    processes: int
    sizes: dict[Need, Amount]
    model: str
    data: DataReport
    alignment: Sentences | None
    teachers: NotRequired[dict[str, str]]
    extended: list[int]
    chosen: NotRequired[Chosen]
    finished: NotRequired[Finished]
    versions: dict[str, str]
    python: str
