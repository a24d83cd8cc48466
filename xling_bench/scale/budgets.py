"""A budget from its files to an allocation: the file that `train` reads, and the table that is printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from xling_bench.core.errors import DataError, UsageError, did_you_mean
from xling_bench.core.reading import read_bytes
from xling_bench.core.version import VERSION
from xling_bench.scale.allocation import METHODS, Problem, SolverError, in_pairs, slsqp, uniform, water_filling
from xling_bench.scale.law import Array
from xling_bench.scale.laws_file import Known, read_caps, read_laws

FORMS = (".toml", ".json")
COLUMNS = ("language", "pairs", "cap", "uniform", "points a thousand more", "predicted", "predicted, uniform")
AGREE = 1e-5  # points of the mean score within which two solutions are one


@dataclass(frozen=True)
class Inputs:
    """Files of laws and of caps, and the pairs to spend."""

    laws: Path
    caps: Path
    budget: int


@dataclass
class Allocated:
    """What a budget buys. `pairs` by language, those without any included; `origin` is a line on where it comes from.

    `equal` is the uniform allocation. `objectives`: the mean predicted score of each way to solve it, before rounding
    (the paper's is missing where it gave up), of `pairs` and of `uniform`.
    """

    problem: Problem
    pairs: dict[str, int]
    equal: dict[str, int]
    origin: str
    objectives: dict[str, float]
    notes: list[str] = field(default_factory=list)

    def counts(self, pairs: Mapping[str, int]) -> Array:
        """Of languages that get pairs, (languages,)."""
        return np.array([pairs[key] for key in self.problem.languages], dtype=np.float64)


def check_form(path: Path) -> str:
    """`.toml` or `.json`. Raises UsageError for another ending: `train` reads these two."""
    if path.suffix not in FORMS:
        raise UsageError(f"-o {path}: expected a name that ends in .toml or .json, which `train` reads.")
    return path.suffix


def check_method(name: str) -> str:
    """Raises UsageError for an unknown method."""
    if name not in METHODS:
        raise UsageError(f"--method {name!r}: expected {' or '.join(METHODS)}.{did_you_mean(name, METHODS)}")
    return name


def allocated(given: Inputs, method: str) -> Allocated:
    """Solve it both ways; `method` says whose answer is taken. Raises DataError for what does not fit."""
    known, caps = read_laws(given.laws), read_caps(given.caps)
    if lacking := [key for key in caps if key not in known]:
        raise DataError(f"{given.caps}: no law for {', '.join(lacking)} in {given.laws}; fit one, or leave "
                        f"{'it' if len(lacking) == 1 else 'them'} out of the caps")  # fmt: skip
    problem = Problem({key: known[key].law for key in caps}, caps, given.budget)
    ways = {METHODS[0]: water_filling(problem)}
    notes = []
    try:
        ways[METHODS[1]] = slsqp(problem)
    except SolverError as error:
        if method == METHODS[1]:
            raise
        notes.append(str(error))
    pairs, equal = in_pairs(problem, ways[method]), in_pairs(problem, uniform(problem))
    files = ", ".join(f"{path.name} {sha256(read_bytes(path)).hexdigest()[:16]}" for path in (given.laws, given.caps))
    origin = f"xling-bench {VERSION} scale allocate: {given.budget} pairs by {method}; {files}"
    found = Allocated(problem, pairs, equal, origin, {}, notes)
    ways |= {"pairs": found.counts(pairs), "uniform": found.counts(equal)}
    found.objectives = {name: problem.mean_score(each) for name, each in ways.items()}
    best = found.objectives[METHODS[0]]
    if (short := best - found.objectives.get(METHODS[1], best)) > AGREE:
        notes.append(f"the paper's solver stopped {short:.2g} points below the optimum; take water-filling's answer")
    found.notes += _notes(found, known)
    return found


def _notes(found: Allocated, known: Mapping[str, Known]) -> list[str]:
    notes = []
    if without := sorted(known.keys() - found.pairs.keys()):
        notes.append(f"laws without a cap are left out: {', '.join(without)}")
    for key in found.problem.languages:
        sizes, pairs = known[key].sizes, found.pairs[key]
        if sizes and not sizes[0] <= pairs <= sizes[1]:
            notes.append(f"{key}: {pairs:,} pairs is outside the sizes that its law was fitted to, {sizes[0]:,} to "
                         f"{sizes[1]:,}: its score is extrapolated")  # fmt: skip
    return notes


def as_file(found: Allocated, form: str) -> str:
    """{language: number of pairs}, as `data.allocation` of `train` reads it; TOML also says where it comes from."""
    if form == ".json":
        return json.dumps(found.pairs, indent=1) + "\n"
    return "".join([f"# {found.origin}\n", *(f"{key} = {count}\n" for key, count in found.pairs.items())])


def table(found: Allocated) -> list[list[str]]:
    """A line a language: pairs, cap, uniform pairs, what a thousand more would bring, and what is predicted of both."""
    problem, rows = found.problem, [list(COLUMNS)]
    gains = dict(zip(problem.languages, problem.gains(found.counts(found.pairs)), strict=True))

    def predicted(key: str, pairs: int) -> str:
        return f"{problem.laws[key].score(np.array([pairs]))[0]:.2f}" if pairs else "-"

    for key, pairs in found.pairs.items():
        equal = found.equal[key]
        head = [key, f"{pairs:,}", f"{problem.caps[key]:,}{' (reached)' if pairs == problem.caps[key] else ''}",
                f"{equal:,}"]  # fmt: skip
        more = f"{1000 * gains[key]:.3g}" if pairs else "-"
        rows.append([*head, more, predicted(key, pairs), predicted(key, equal)])
    return rows


def summary(found: Allocated) -> list[str]:
    """Mean predicted scores: of the allocation, the uniform one, and both ways to solve it."""
    scores = found.objectives
    more = scores["pairs"] - scores["uniform"]
    return [
        f"mean predicted score {scores['pairs']:.4f}, uniform {scores['uniform']:.4f} ({more:+.4f})",
        ", ".join(f"{name} {scores[name]:.6f}" for name in METHODS if name in scores),
    ]
