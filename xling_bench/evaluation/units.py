"""Units of work: one task at one number of shots with one seed, and where its results live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xling_bench.catalog import TaskSpec
from xling_bench.core.errors import DataError, OutputError, UsageError
from xling_bench.evaluation.writing import read_json
from xling_bench.harness.demos import MOST_SHOTS, Demos
from xling_bench.results.record import Record, record_of
from xling_bench.results.seal import RESULTS, check_result


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation. `demonstrations` says which are shown, None at 0 shots."""

    spec: TaskSpec
    shots: int
    seed: int
    demonstrations: Demos | None

    @property
    def demos(self) -> str:
        """What folders and tables call the demonstrations; `none` at 0 shots."""
        return self.demonstrations.label if self.demonstrations else "none"

    @property
    def folder(self) -> str:
        """`xling_xnli_de/5-0-same`, relative to the run."""
        return f"{self.spec.name}/{self.shots}-{self.seed}-{self.demos}"

    def __str__(self) -> str:
        if self.shots == 0:
            return f"{self.spec.name} 0-shot"
        demos = "" if self.demos == "same" else f" demos {self.demos}"
        return f"{self.spec.name} {self.shots}-shot seed {self.seed}{demos}"


def make_evaluations(
    specs: Sequence[TaskSpec], shots: Sequence[int], seeds: Sequence[int], demonstrations: Demos
) -> list[Evaluation]:
    """All units of a run, task by task. Where seeds change nothing (no demonstrations, nearest ones), one runs."""
    if any(s < 0 for s in shots) or not shots:
        raise UsageError(f"--shots {list(shots)}: expected numbers >= 0, for example 0,5")
    if any(s < 0 for s in seeds) or not seeds:
        raise UsageError(f"--seeds {list(seeds)}: expected numbers >= 0, for example 0,1,2")
    if max(shots) > MOST_SHOTS:
        raise UsageError(f"--shots {max(shots)}: at most {MOST_SHOTS} demonstrations are supported")
    return [
        Evaluation(spec, n, seed, demonstrations if n else None)
        for spec in specs
        for n in dict.fromkeys(shots)
        for seed in (dict.fromkeys(seeds) if n and demonstrations.policy != "semantic" else [0])
    ]


def read_result(folder: Path, *, samples: bool = True) -> Record | None:
    """The unit's result, or None when it has not been finished.

    Raises OutputError for one that is damaged or was changed, for a folder without one, and, with `samples`, where its
    samples are gone or have another length: results are never written over what is there.
    """
    if not folder.exists():
        return None
    path = folder / RESULTS
    if not path.is_file():
        raise OutputError(f"{folder} exists but has no results.json; remove it to have it made again.")
    result = read_json(path)
    try:
        record = record_of(result, path)
    except DataError as error:
        raise OutputError(
            f"{path} is not a result of `xling-bench run`; move it away or use another -o folder."
        ) from error
    try:
        sums = check_result(result, path, samples=samples)
    except DataError as error:
        raise OutputError(str(error)) from error
    if record.facts is None or (sums is not None and record.key != record.facts.key):
        raise OutputError(f"{path}: its key is not that of its facts; remove {folder} to have it measured again.")
    return record
