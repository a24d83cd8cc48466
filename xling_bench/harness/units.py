"""Units of work: one task at one number of shots with one seed, and where its results live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xling_bench.catalog import TaskSpec
from xling_bench.errors import DataError, OutputError, UsageError
from xling_bench.harness.demos import Demos
from xling_bench.harness.output import read_json
from xling_bench.results.seal import check_result

MOST_SHOTS = 64


@dataclass(frozen=True, slots=True)
class Unit:
    """One evaluation. `how` chooses the demonstrations, None at 0 shots."""

    spec: TaskSpec
    shots: int
    seed: int
    how: Demos | None

    @property
    def demos(self) -> str:
        """What folders and tables call the demonstrations; `none` at 0 shots."""
        return self.how.label if self.how else "none"

    @property
    def folder(self) -> str:
        """`xling_xnli_de/5-0-same`, relative to the run."""
        return f"{self.spec.name}/{self.shots}-{self.seed}-{self.demos}"

    def __str__(self) -> str:
        if self.shots == 0:
            return f"{self.spec.name} 0-shot"
        demos = "" if self.demos == "same" else f" demos {self.demos}"
        return f"{self.spec.name} {self.shots}-shot seed {self.seed}{demos}"


def make_units(specs: Sequence[TaskSpec], shots: Sequence[int], seeds: Sequence[int], how: Demos) -> list[Unit]:
    """All units of a run, task by task. Where seeds change nothing (no demonstrations, nearest ones), one runs."""
    if any(s < 0 for s in shots) or not shots:
        raise UsageError(f"--shots {list(shots)}: expected numbers >= 0, for example 0,5")
    if any(s < 0 for s in seeds) or not seeds:
        raise UsageError(f"--seeds {list(seeds)}: expected numbers >= 0, for example 0,1,2")
    if max(shots) > MOST_SHOTS:
        raise UsageError(f"--shots {max(shots)}: at most {MOST_SHOTS} demonstrations are supported")
    return [
        Unit(spec, n, seed, how if n else None)
        for spec in specs
        for n in dict.fromkeys(shots)
        for seed in (dict.fromkeys(seeds) if n and how.policy != "semantic" else [0])
    ]


# Facts that say where rows came from or what follows from other facts; what the rows are is in their hash, and who
# computed log-likelihoods (`scoring`), how many items were too long, tied or had twins, follows from the engine asked
# for, the model and its requests.
INCIDENTAL = (
    "origin", "demo_origin", "items", "ids", "dropped", "unavailable", "scoring", "truncated", "ties", "twins"
)  # fmt: skip


def item_ids(ids: Sequence[str]) -> str:
    """A hash over the ids of the items scored, in their order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]


def unit_key(facts: dict[str, Any]) -> str:
    """A hash over everything a unit's result depends on."""
    decisive = {name: value for name, value in facts.items() if name not in INCIDENTAL}
    text = json.dumps(decisive, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def different_facts(result: dict[str, Any], facts: dict[str, Any]) -> list[str]:
    """The facts, with both values, in which a finished result differs from `facts`; empty when it is the same."""
    if result["xling"]["key"] == unit_key(facts):
        return []
    theirs, mine = result["xling"]["facts"], json.loads(json.dumps(facts))
    names = [n for n in {**theirs, **mine} if n not in INCIDENTAL and theirs.get(n) != mine.get(n)]
    return [f"{n} (was {theirs.get(n)}, now {mine.get(n)})" for n in names] or ["set of facts"]


def metrics_to_add(result: dict[str, Any], facts: dict[str, Any]) -> list[str] | None:
    """The metrics of `facts` that a finished result lacks, or has by another rule; None where other facts differ, or
    where the answers were ranked, not kept."""
    theirs, mine = result["xling"]["facts"], json.loads(json.dumps(facts))
    names = [n for n in {**theirs, **mine} if n not in (*INCIDENTAL, "metrics") and theirs.get(n) != mine.get(n)]
    if names or "decoding" not in mine or not isinstance(theirs.get("metrics"), dict):
        return None
    return [name for name, rule in mine["metrics"].items() if theirs["metrics"].get(name) != rule]


def signature(facts: dict[str, Any]) -> str:
    """One line that travels with the number: `xling|task:...|data:...|template:...|...`."""
    shown = ("task", "language", "split", "form", "data", "ns", "source", "template", "shots", "demos", "demo_data",
             "demo_template", "demo_ids", "demo_encoder", "seed", "limit", "joiner", "scoring",
             "scored_by", "gguf")  # fmt: skip
    fields = [f"{n}:{facts[n]!r}" if n == "joiner" else f"{n}:{facts[n]}" for n in shown if facts.get(n) is not None]
    fields = [field.replace("|", "%7C") for field in fields]  # end tokens are fond of bars: <|endoftext|>
    settings = {k: v for k, v in facts["settings"].items() if v not in (None, False, "auto")}
    fields += [f"{name}:{value}" for name, value in settings.items()]
    versions = [f"lm_eval:{facts['lm_eval']}", f"v:{facts['xling_bench']}", f"code:{facts['code']}"]
    return "|".join(["xling", *fields, f"model:{facts['model']}", *versions])


def read_result(folder: Path, *, samples: bool = True) -> dict[str, Any] | None:
    """The unit's results.json, or None when it has not been finished.

    Raises OutputError for one that is damaged or was changed, for a folder without one, and, with `samples`, where its
    samples are gone or have another length: results are never written over what is there.
    """
    if not folder.exists():
        return None
    path = folder / "results.json"
    if not path.is_file():
        raise OutputError(f"{folder} exists but has no results.json; remove it to have it made again.")
    result = read_json(path)
    if not _of_ours(result):
        raise OutputError(f"{path} is not a result of `xling-bench run`; move it away or use another -o folder.")
    try:
        sums = check_result(result, path, samples=samples)
    except DataError as error:
        raise OutputError(str(error)) from error
    if sums is not None and result["xling"]["key"] != unit_key(result["xling"]["facts"]):
        raise OutputError(f"{path}: its key is not that of its facts; remove {folder} to have it measured again.")
    return result


def _of_ours(result: dict[str, Any]) -> bool:
    """Whether the parts that every reader goes by are there, and of the kind that we write."""
    own = result.get("xling")
    if not isinstance(own, dict) or not isinstance(own.get("facts"), dict):
        return False
    texts = [own.get("key"), own.get("benchmark"), own.get("unit"), own["facts"].get("task"), own["facts"].get("code")]
    warnings, metrics, numbers = own.get("warnings", []), own["facts"].get("metrics"), result.get("results")
    return (
        all(isinstance(text, str) for text in texts)
        and isinstance(warnings, list)
        and all(isinstance(warning, str) for warning in warnings)
        and isinstance(metrics, dict)
        and isinstance(numbers, dict)
        and isinstance(numbers.get(own["facts"]["task"]), dict)
    )
