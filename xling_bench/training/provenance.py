"""The record of a training (`results.lineage`), written into every checkpoint and the finished model with its weights.

What was learnt is counted as it is: a run that goes on takes base and counts from its checkpoint's record, so that it
ends in the same record as one that was never stopped. Where another record lies beside the base by then, or none, it
does not go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Literal

from xling_bench.core.errors import UsageError
from xling_bench.core.files import write_text
from xling_bench.core.text import number_of
from xling_bench.models.config import ModelConfig
from xling_bench.models.contents import weights_hash
from xling_bench.models.fingerprint import fingerprint
from xling_bench.models.history import lineage_of
from xling_bench.results.lineage import (
    FILE,
    Lineage,
    read_lineage,
)
from xling_bench.results.naming import WINDOWS, name_here
from xling_bench.results.training_record import Learnt, Mixed, Overlap, Source, Teacher, TrainedFrom, Training
from xling_bench.training.corpora.data_report import DataReport, Mixing, OverlapReport, SourceReport
from xling_bench.training.recipe import Recipe

if TYPE_CHECKING:
    from xling_bench.training.batches import Tokens
    from xling_bench.training.examples import Batch

PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "safetensors", "xling-bench")
# Of a recipe what changes no weight, or stands elsewhere in the record.
NOT_RECORDED = {"evaluate": None, "alignment": None, "title": None, "inherits": None, "model": ("path", "revision"),
                "run": ("save_every", "log_every", "keep", "keep_optimizer")}  # fmt: skip
COUNTS = ("pairs", "instructions", "pair_tokens", "instruction_tokens", "targets")
Sum = Callable[[Sequence[int]], list[int]]  # of numbers that each process has


class Record:
    """The record of a run that is going on: `before` is the base's, None where it has none."""

    def __init__(
        self, recipe: Recipe, report: DataReport, before: Lineage | None, *, fingerprint: str, processes: int,
        teachers: Mapping[str, Teacher],
    ) -> None:  # fmt: skip
        """fingerprint: of the base model; report: of the data that the run learns from; teachers: `teachers_of`."""
        self.before = before or Lineage()
        path = recipe.model.path
        revision = None if Path(path).is_dir() else recipe.model.revision
        self.training = Training(
            base=TrainedFrom(
                name=name_here(path), fingerprint=fingerprint, revision=revision, on_record=bool(self.before.trainings)
            ),
            recipe=_recorded(recipe.model_dump(mode="json")),
            objective=_public(recipe.method.objective().settings()),
            processes=processes,
            languages=recipe.data.languages,
            data=_sources(report),
            mixed=_mixed(report["mixing"]),
            policy=report["overlaps"]["policy"],
            overlaps=_overlaps(report["overlaps"]),
            learnt=Learnt(updates=0, **dict.fromkeys(COUNTS, 0)),
            code=training_code(),
            versions={name: metadata.version(name) for name in PACKAGES},
            teachers=tuple(teachers.values()),
        )
        self.earlier: dict[str, int | None] = dict.fromkeys(COUNTS, 0)  # learnt by all before this start
        self.here = dict.fromkeys(COUNTS, 0)  # by this process since then
        self.together = [0 for _ in COUNTS]  # by all of them since then

    def go_on(self, checkpoint: Path) -> None:
        """Count on from a checkpoint's record; without one nobody knows what was learnt before it.

        Raises UsageError where the record says something else of the base or of a teacher.
        """
        found = begun(checkpoint, self.before)
        known = None if found is None else found.trainings[-1].learnt
        if found is not None and found.trainings[-1].teachers != self.training.teachers:
            raise UsageError(
                f"{checkpoint} began with a teacher of which {FILE} said something else. What a model learnt is kept: "
                "bring the file back as it was beside the teacher's weights, or give another -o."
            )
        if found is not None:  # the base may lie elsewhere now, and be called otherwise
            self.training = self.training.model_copy(update={"base": found.trainings[-1].base})
        self.earlier = {name: getattr(known, name, None) for name in COUNTS}

    def add(self, batch: Batch) -> None:
        """Count what one process learns from in one update. Without padding; best while it is still on the CPU."""
        for part in batch:
            pairs, rows = part.rows("pairs"), part.rows("instructions")
            self.here["pairs"] += sum(each.samples for each in pairs) // 2
            self.here["instructions"] += sum(each.samples for each in rows)
            self.here["pair_tokens"] += sum(map(tokens_in, pairs))
            self.here["instruction_tokens"] += sum(map(tokens_in, rows))
            self.here["targets"] += sum(len(each.places) for each in (*pairs, *rows))

    def settle(self, total: Sum) -> None:
        """Add up over the processes, all of which call it, before one of them writes."""
        self.together = total([self.here[name] for name in COUNTS])

    def lineage(self, updates: int) -> Lineage:
        """The record after so many updates of the run."""
        learnt: dict[str, int | None] = {}
        for name, more in zip(COUNTS, self.together, strict=True):
            before = self.earlier[name]
            learnt[name] = None if before is None else before + more
        training = self.training.model_copy(update={"learnt": Learnt(updates=updates, **learnt)})
        return self.before.then(training)

    def write(self, folder: Path, updates: int) -> None:
        """Write the record into a model's folder, which has the weights by now."""
        write_beside(folder, self.lineage(updates))


def write_beside(folder: Path, lineage: Lineage) -> None:
    """The record of the weights that lie in a folder."""
    write_text(folder / FILE, replace(lineage, weights=weights_hash(folder)).text)


def teachers_of(recipe: Recipe) -> dict[str, Teacher]:
    """{place in the recipe: what is known of it} of the models that teach the one that learns.

    Raises ModelError for one that is not there, or whose record cannot be read.
    """
    found = {}
    for place in dict.fromkeys(name for loss in recipe.method.objective().active for name in loss.teachers):
        config = ModelConfig(f"hf:{place}")
        known = lineage_of(config)
        trainings = () if known is None else known.trainings
        found[place] = Teacher(name=name_here(place), fingerprint=fingerprint(config), trainings=trainings)
    return found


def begun(checkpoint: Path, before: Lineage | None) -> Lineage | None:
    """The record of a checkpoint that began from a base of which `before` is on record; None where it has none, as
    those of older versions.

    Raises UsageError where it began from another record than `before`.
    """
    found = read_lineage(checkpoint / FILE)
    if found is None:
        return None
    then, now = found.trainings[:-1], () if before is None else before.trainings
    if then != now:
        said = [_said(trainings) for trainings in (then, now)]
        raise UsageError(
            f"{checkpoint} began from a model with {said[0]}; what model.path has now is {said[1]}. What a model "
            f"learnt is kept: bring {FILE} back as it was beside the model's weights, or give another -o."
        )
    return found


def _said(trainings: Sequence[Training]) -> str:
    if not trainings:
        return f"no {FILE}"
    lineage = Lineage(tuple(trainings))
    return f"a {FILE} of {number_of(len(trainings), 'training')} ({lineage.hash})"


def tokens_in(rows: Tokens) -> int:
    """How many tokens there are, padding apart: positions of packed rows tell, each sample's from 0."""
    if rows.mask is not None:
        return int(rows.mask.sum())
    return int((rows.positions > 0).sum()) + rows.samples


@cache
def training_code() -> str:
    """Eight hex digits over the code that trains."""
    room = Path(__file__).parent
    files = sorted(room.rglob("*.py"))
    return sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:8]


def _recorded(recipe: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for part, value in recipe.items():
        left = NOT_RECORDED.get(part, ())
        if left is not None:
            kept[part] = {k: v for k, v in value.items() if k not in left} if isinstance(value, dict) else value
    return dict(_public(kept))


def _public(value: Any) -> Any:
    """The same without places, which may be private: a whole path is its last part."""
    if isinstance(value, dict):
        return {_public(key): _public(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_public(each) for each in value]
    if not isinstance(value, str):
        return value
    if WINDOWS.match(value):
        return PureWindowsPath(value).name
    return PurePosixPath(value).name if value.startswith(("/", "~")) else value


def _sources(report: DataReport) -> tuple[Source, ...]:
    uses: dict[Literal["pairs", "instructions", "texts"], list[SourceReport]] = {
        "pairs": report["pairs"],
        "instructions": report["instructions"],
        "texts": report["texts"],
    }
    return tuple(
        Source(use=use, name=_public(each["source"]), kind=each["kind"], hash=each["hash"])
        for use, sources in uses.items()
        for each in sources
    )


def _mixed(report: Mixing | None) -> dict[str, Mixed]:
    return {
        key: Mixed(
            dictionary=found["hash"], words=found["words"], known=found["known"], replaced=found["replaced"],
            changed=found["changed"],
        )
        for key, found in (report["languages"] if report else {}).items()
    }  # fmt: skip


def _overlaps(report: OverlapReport) -> dict[str, Overlap]:
    """By benchmark. Of a benchmark named as not there nothing is known, which is not the same as not asked for."""
    found = report.get("found", {})
    keys = dict.fromkeys((*report["checked"], *report["missing"]))
    return {
        key: Overlap(
            checked=report["checked"].get(key, {}),
            missing=tuple(report["missing"].get(key, [])),
            found={language: dict(entry["splits"]) for language, entry in found.get(key, {}).items()},
        )
        for key in keys
    }
