"""What a run did: results, and what there is none of."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xling_bench.evaluation.units import Evaluation
from xling_bench.evaluation.writing import read_json, write_text
from xling_bench.results.seal import Result


@dataclass
class RunReport:
    """What a run did.

    `finished` are the folders of results, `reused` of them were there already; `missing` maps tasks without data,
    `unmet` tasks whose headline metric cannot be computed here, and `failed` units to their reason;
    `settled` are those failed that the same command will not do later either: there is a result of other facts.
    `warnings` map a finished unit to what is doubtful about it.
    """

    output: Path
    finished: list[Path] = field(default_factory=list)
    reused: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    unmet: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)

    def finish(self, unit: Evaluation, warnings: Sequence[str]) -> None:
        """The unit's result is in its folder; the traceback of an earlier try goes."""
        self.finished.append(self.output / unit.folder)
        with contextlib.suppress(OSError):  # there was none, or other units have theirs
            self._traceback(unit).unlink()
            self._traceback(unit).parent.rmdir()
        if warnings:
            self.warnings[str(unit)] = "; ".join(warnings)

    def fail(self, unit: Evaluation, message: str) -> None:
        """The unit has no result, for the exception that is being handled; its traceback is kept below `errors/`.

        Raises OutputError where that cannot be written; the unit counts as failed all the same.
        """
        self.failed[str(unit)] = message
        write_text(self._traceback(unit), traceback.format_exc())

    def _traceback(self, unit: Evaluation) -> Path:
        return self.output / "errors" / f"{unit.folder.replace('/', '_')}.txt"

    def add(self, other: RunReport) -> None:
        """Take over what other processes did on the same folder: what one of them finished, the others found there."""
        self.finished += [folder for folder in other.finished if folder not in self.finished]
        self.reused += other.reused
        pairs = ((self.failed, other.failed), (self.missing, other.missing), (self.unmet, other.unmet),
                 (self.warnings, other.warnings))  # fmt: skip
        for mine, theirs in pairs:
            mine.update(theirs)
        self.settled += [unit for unit in other.settled if unit not in self.settled]

    def results(self) -> list[Result]:
        """The finished units' results.json."""
        return [read_json(folder / "results.json") for folder in self.finished]
