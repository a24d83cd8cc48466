"""What a run did: results, and what there is none of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from xling_bench.evaluation.writing import read_json
from xling_bench.results.seal import Result


@dataclass
class RunReport:
    """What a run did.

    `finished` are the folders of results, `reused` of them were there already; `missing` maps tasks without data,
    `unmet` tasks whose headline metric cannot be computed here, and `failed` units to their reason;
    `warnings` map a finished unit to what is doubtful about it.
    """

    output: Path
    finished: list[Path] = field(default_factory=list)
    reused: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    unmet: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)

    def add(self, other: RunReport) -> None:
        """Take over what other processes did on the same folder: what one of them finished, the others found there."""
        self.finished += [folder for folder in other.finished if folder not in self.finished]
        self.reused += other.reused
        pairs = ((self.failed, other.failed), (self.missing, other.missing), (self.unmet, other.unmet),
                 (self.warnings, other.warnings))  # fmt: skip
        for mine, theirs in pairs:
            mine.update(theirs)

    def results(self) -> list[Result]:
        """The finished units' results.json."""
        return [read_json(folder / "results.json") for folder in self.finished]
