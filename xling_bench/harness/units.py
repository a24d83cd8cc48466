"""Units of work: one task at one number of shots with one seed, and where its results live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xling_bench.catalog import TaskSpec
from xling_bench.errors import UsageError


@dataclass(frozen=True, slots=True)
class Unit:
    """One evaluation. `demos` is `none` at 0 shots, `same` (the task's language) or a language key."""

    spec: TaskSpec
    shots: int
    seed: int
    demos: str

    @property
    def folder(self) -> str:
        """`xling_xnli_de/5-0-same`, relative to the run."""
        return f"{self.spec.name}/{self.shots}-{self.seed}-{self.demos}"

    def __str__(self) -> str:
        if self.shots == 0:
            return f"{self.spec.name} 0-shot"
        demos = "" if self.demos == "same" else f" demos {self.demos}"
        return f"{self.spec.name} {self.shots}-shot seed {self.seed}{demos}"


def make_units(
    specs: Sequence[TaskSpec], shots: Sequence[int], seeds: Sequence[int], demo_lang: str | None
) -> list[Unit]:
    """All units of a run, task by task. Seeds change demonstrations only, so 0 shots runs once."""
    if any(s < 0 for s in shots) or not shots:
        raise UsageError(f"--shots {list(shots)}: expected numbers >= 0, for example 0,5")
    if any(s < 0 for s in seeds) or not seeds:
        raise UsageError(f"--seeds {list(seeds)}: expected numbers >= 0, for example 0,1,2")
    return [
        Unit(spec, n, seed, (demo_lang or "same") if n else "none")
        for spec in specs
        for n in dict.fromkeys(shots)
        for seed in (dict.fromkeys(seeds) if n else [0])
    ]


INCIDENTAL = ("origin", "items", "dropped")  # facts that say where rows came from; what they are is in their hash


def unit_key(parts: dict[str, Any]) -> str:
    """A hash over everything a unit's result depends on."""
    decisive = {name: value for name, value in parts.items() if name not in INCIDENTAL}
    text = json.dumps(decisive, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def signature(parts: dict[str, Any]) -> str:
    """One line that travels with the number: `xling|task:...|data:...|template:...|...`."""
    shown = (
        "task",
        "language",
        "split",
        "data",
        "source",
        "template",
        "shots",
        "demos",
        "demo_data",
        "demo_template",
        "seed",
        "limit",
    )
    fields = [f"{name}:{parts[name]}" for name in shown if parts.get(name) not in (None, "")]
    tail = [f"joiner:{parts['joiner']!r}", f"lm_eval:{parts['lm_eval']}", f"v:{parts['xling_bench']}"]
    return "|".join(["xling", *fields, *tail])


def read_result(folder: Path) -> dict[str, Any] | None:
    """The unit's results.json, or None when it has not been finished."""
    path = folder / "results.json"
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result
