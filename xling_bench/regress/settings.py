"""`gate.toml`: which losses fail the gate, and what it must be able to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from xling_bench.catalog import get_benchmark
from xling_bench.core import languages
from xling_bench.core.declare import Strict
from xling_bench.core.errors import UsageError, XlingError, did_you_mean
from xling_bench.core.reading import read_toml
from xling_bench.core.unit import Unit
from xling_bench.metrics.registry import get_metric
from xling_bench.results.tables.compare import GAP, MEAN

Action = Literal["gate", "report"]
SMALLEST_ALPHA = 0.001  # hundreds of tests share it, and `stats.sign_flip` must tell their shares


class Slice(Strict):
    """Other limits for some cells. Empty `benchmarks` or `languages` are all of them.

    `languages` are codes (any that `--langs` takes), pairs (`en-de`), `(mean)` or `(gap to en)`; a slice without
    languages holds for a benchmark's mean and gap, too. A slice with `required = true` must match a cell that is there.
    """

    benchmarks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tolerance: float | None = Field(default=None, ge=0)
    max_mde: float | None = Field(default=None, gt=0)
    required: bool | None = None

    @field_validator("benchmarks")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_plain(get_benchmark, name).key for name in names)

    @field_validator("languages")
    @classmethod
    def _keys(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_unit(name) for name in names)

    def matches(self, benchmark: str, language: str) -> bool:
        """Whether the slice is about this cell."""
        return (not self.benchmarks or benchmark in self.benchmarks) and (
            not self.languages or language in self.languages
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for one cell: see `GateConfig`."""

    tolerance: float
    max_mde: float
    required: bool


class GateConfig(Strict):
    """The gate's settings. Points are percentage points (of 100 for chrF++; of bpb bits per byte).

    alpha: the chance that the gate fails a candidate that is no worse. A cell differs when its p, adjusted (Holm) over
    all cells of the gate, is below this, a mean or gap when its own is, adjusted over all of those that gate.
    alpha_over: "gate", or "benchmark": then each benchmark, number of shots and metric has that chance for itself, p is
    adjusted over its languages only, and the gate fails the more often the more there are.
    tolerance: a significant difference of at most so many points changes no verdict. A mean or gap may move by the
    average of what its languages may, unless a slice names it (`(mean)`, `(gap to en)`).
    max_mde: what the gate must be able to see in a `required` cell: one that shows no change, and whose smallest
    detectable difference is larger, is undecided. strict: undecided cells fail the gate (exit code 3).
    mean, gap: whether the rows of a benchmark's mean and gap to English fail the gate or are only reported.
    missing: what to do about cells that the baseline has and the candidate lacks.
    metrics, shots, seeds: only these (default: the headline metric of each benchmark, all shots, all seeds).
    slice: other limits for some cells; where several match, the last that sets a value counts.
    """

    alpha: float = Field(default=0.05, ge=SMALLEST_ALPHA, lt=1)
    alpha_over: Literal["gate", "benchmark"] = "gate"
    tolerance: float = Field(default=0.0, ge=0)
    max_mde: float = Field(default=5.0, gt=0)
    required: bool = True
    strict: bool = False
    mean: Action = "gate"
    gap: Action = "report"
    missing: Literal["error", "ignore"] = "error"
    metrics: tuple[str, ...] = ()
    shots: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    slice: tuple[Slice, ...] = ()

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_plain(get_metric, name).name for name in names)

    def limits(self, benchmark: str, language: str) -> Limits:
        """The limits of a cell."""
        found = {name: getattr(self, name) for name in Limits.__slots__}
        for part in self.slice:
            if part.matches(benchmark, language):
                found |= {name: getattr(part, name) for name in found if getattr(part, name) is not None}
        return Limits(**found)

    def of_average(self, benchmark: str, row: str, languages: Sequence[str]) -> Limits:
        """The limits of a benchmark's mean or gap over `languages`: what a language may lose, its mean may lose."""
        limits = self.limits(benchmark, row)
        named = any(part.tolerance is not None and row in part.languages for part in self.slice)
        if named or not languages:
            return limits
        return replace(limits, tolerance=fmean(self.limits(benchmark, unit).tolerance for unit in languages))

    def action(self, language: str) -> Action:
        """Whether a row (a language, `(mean)` or `(gap to en)`) can fail the gate or is only reported."""
        return {MEAN: self.mean, GAP: self.gap}.get(language, "gate")

    def selects(self, benchmark: str, shots: int, metric: str) -> bool:
        """Whether the gate looks at such a number."""
        wanted = self.metrics or {names[0] for names in get_benchmark(benchmark).metrics.values()}
        return metric in wanted and (not self.shots or shots in self.shots)

    def check_required(self, cells: Sequence[tuple[str, str]]) -> None:
        """Raise UsageError for a slice with `required = true` that matches none of the cells (benchmark, language)."""
        for number, part in enumerate(self.slice, start=1):
            if part.required and not any(part.matches(*cell) for cell in cells):
                what = " ".join([*part.benchmarks, *part.languages]) or "any cell"
                raise UsageError(
                    f"slice {number} of the gate's settings requires {what}, which neither run has. "
                    "Run it, or set required = false."
                )


def _unit(name: str) -> str:
    if name in (MEAN, GAP):
        return name
    found = languages.lookup(name)  # `zh-Hant` is one language
    return found.key if found else "-".join(_plain(languages.get, part).key for part in Unit(name).languages)


def _plain(get: Any, name: str) -> Any:
    """`get(name)`, with the error pydantic can carry."""
    try:
        return get(name)
    except XlingError as error:
        raise ValueError(str(error)) from error


def read_config(path: Path) -> GateConfig:
    """Read a gate.toml. Raises UsageError naming file, key and what is wrong with it."""
    try:
        return GateConfig(**read_toml(path, UsageError))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = [*(Slice if "slice" in first["loc"] else GateConfig).model_fields]
            near = did_you_mean(str(first["loc"][-1]), known)
            raise UsageError(f"{path}: unknown key {where!r}.{near} Known: {', '.join(known)}.") from error
        if first["type"] == "tuple_type":
            what = "tables, each under [[slice]]" if where == "slice" else "a list in brackets"
            raise UsageError(f"{path}: {where}: expected {what}, found {first['input']!r}") from error
        raise UsageError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from error
