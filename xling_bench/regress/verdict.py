"""What a difference between baseline and candidate means: regressed, improved or inconclusive, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from xling_bench.core.languages import PIVOT
from xling_bench.metrics.registry import amount, digits_of, sign_of, unit_of
from xling_bench.regress.settings import GateConfig, Limits
from xling_bench.results.gaps import AT_LEAST, NOTHING
from xling_bench.results.matrix import of_languages
from xling_bench.results.tables.compare import GAP, MEAN

Verdict = Literal["regressed", "improved", "inconclusive"]
Status = Literal["passed", "failed", "undecided"]
REGRESSED: Final = "regressed"
IMPROVED: Final = "improved"
INCONCLUSIVE: Final = "inconclusive"
ROUNDING = 1e-9  # points: 50 items of 5,000 are a point, whatever the last digits of the mean are
EXIT_CODES: dict[Status, int] = {"passed": 0, "failed": 1, "undecided": 3}


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus baseline in one row of `compare_models`, in points; `language` may be `(mean)` or `(gap to en)`.

    `p` is the one that decides, adjusted over `tests` of the gate (see `regress.family`); `mde` is the smallest
    difference such a test finds in 80 % of cases, infinite where not even all items changing would be significant;
    `items` are of so many `clusters`. low, high, p, tests, clusters and mde are None for a metric without a test
    (chrF++, BLEU, P@1). at_chance_baseline and at_chance_candidate say how many of the row's `languages` are at chance
    (None: the metric has no chance level); gap_is_baseline and gap_is_candidate how each side's gap is to be read
    (`results.gaps`; None: no gap, or nobody knows). contaminated: the sides whose model learnt the row's items.
    """

    benchmark: str
    family: str
    shots: int
    demos: str
    metric: str
    language: str
    languages: int
    items: int
    baseline: float | None
    candidate: float | None
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    mde: float | None = None
    at_chance_baseline: int | None = None
    at_chance_candidate: int | None = None
    gap_is_baseline: str | None = None
    gap_is_candidate: str | None = None
    tests: int | None = None
    clusters: int | None = None
    contaminated: tuple[str, ...] = ()

    @property
    def group(self) -> tuple[str, str, int, str, str]:
        """Benchmark, prompt family, shots, demonstrations and metric: what languages are compared within."""
        return self.benchmark, self.family, self.shots, self.demos, self.metric

    @property
    def average(self) -> bool:
        """Whether this is a benchmark's mean or gap, not a cell."""
        return self.language in (MEAN, GAP)

    @property
    def loss(self) -> float:
        """Points lost: a lower score, a higher one of a metric where lower is better, or a larger gap to English."""
        return self.difference if self.language == GAP else -sign_of(self.metric) * self.difference

    @property
    def all_at_chance(self) -> bool:
        """Whether every language of the row is at chance on both sides."""
        return self.at_chance_baseline == self.at_chance_candidate == self.languages

    def sides_whose_gap_is(self, reading: str) -> list[str]:
        """`baseline`, `candidate`, both or neither."""
        found = {"baseline": self.gap_is_baseline, "candidate": self.gap_is_candidate}
        return [side for side, gap in found.items() if gap == reading]

    @property
    def idle(self) -> str:
        """Why a difference means nothing, whatever its size; empty where it may mean something."""
        if self.all_at_chance:
            return "at chance on both sides" + ("" if self.languages == 1 else f" in all {self.languages} languages")
        nothing = self.sides_whose_gap_is(NOTHING)
        return f"English is at chance in the {' and the '.join(nothing)}" if nothing else ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference with its verdict.

    `gates`: a regression here fails the gate. `undecided`: no change was seen, and one as large as the settings name
    would have been missed. `follows`: of a mean or gap that regressed, the languages of its benchmark that did: it is
    no finding of its own, and does not gate. `unjudged`: a significant difference between sides that are both at
    chance (other guesses, or a loss that so few items cannot tell from guessing), or of gaps to an English at chance.
    A strict gate leaves it undecided.
    """

    difference: Difference
    limits: Limits
    verdict: Verdict
    gates: bool
    undecided: bool
    why: str
    follows: tuple[str, ...] = ()
    unjudged: bool = False


def judge(differences: Sequence[Difference], config: GateConfig) -> tuple[Finding, ...]:
    """The verdicts on all differences of a comparison, in their order."""
    units: dict[tuple[Any, ...], list[str]] = {}
    for row in differences:
        if not row.average:
            units.setdefault(row.group, []).append(row.language)
    findings = [verdict_on(row, config, of_languages(units.get(row.group, []))) for row in differences]
    regressed: dict[tuple[Any, ...], list[str]] = {}
    for finding in findings:
        if finding.verdict == REGRESSED and not finding.difference.average:
            regressed.setdefault(finding.difference.group, []).append(finding.difference.language)
    return tuple(_following(finding, regressed.get(finding.difference.group, [])) for finding in findings)


def _following(finding: Finding, regressed: Sequence[str]) -> Finding:
    """A mean or gap that regressed because languages did. A gap does not grow because English falls."""
    row = finding.difference
    causes = tuple(unit for unit in regressed if row.language != GAP or unit != PIVOT)
    if row.average and finding.verdict == REGRESSED and causes:
        return replace(finding, gates=False, follows=causes)
    return finding


def verdict_on(difference: Difference, config: GateConfig, languages: Sequence[str] = ()) -> Finding:
    """The verdict on one difference by itself; `languages` are those of its benchmark, which a mean's tolerance is of.

    Regressed or improved: p below alpha, more points than the tolerance, not every language at chance on both sides,
    and, of a gap, English above chance on both. All else is inconclusive; no change seen is not "no change": `why`
    names the mde.
    """
    limits = (
        config.of_average(difference.benchmark, difference.language, languages)
        if difference.average
        else config.limits(difference.benchmark, difference.language)
    )
    verdict, why, seen = _verdict(difference, limits, config.alpha)
    mde = math.inf if difference.mde is None else difference.mde
    undecided = limits.required and not seen and not difference.average and mde > limits.max_mde
    if undecided and difference.mde is not None:
        why += f"; the gate should see {limits.max_mde:g}"
    action = config.action(difference.language)
    unjudged = bool(difference.idle) and _beyond(difference, limits, config.alpha)
    undecided |= unjudged and limits.required and action == "gate"
    return Finding(difference, limits, verdict, action == "gate", undecided, why, unjudged=unjudged)


def _beyond(row: Difference, limits: Limits, alpha: float) -> bool:
    """Whether a difference is significant and more than the tolerance."""
    return row.p is not None and row.p < alpha and abs(row.difference) > limits.tolerance + ROUNDING


def _verdict(row: Difference, limits: Limits, alpha: float) -> tuple[Verdict, str, bool]:
    """(verdict, why, whether a change was seen)."""
    if row.p is None or row.mde is None:
        return INCONCLUSIVE, f"{row.metric} is no mean over items: no test", False
    size = f"{amount(row.metric, abs(row.difference))} {'worse' if row.loss > 0 else 'better'}"
    significant = row.p < alpha
    if row.idle:
        if _beyond(row, limits, alpha):
            return INCONCLUSIVE, f"{size}, {_p(row)}, but {row.idle}: not judged", False
        return INCONCLUSIVE, f"{row.idle}: a difference means nothing; {_blind(row.metric, row.mde)}", False
    if not significant:
        return INCONCLUSIVE, f"no change seen; {_blind(row.metric, row.mde)}{_bounded(row)}", False
    if abs(row.difference) <= limits.tolerance + ROUNDING:
        tolerance = f"{limits.tolerance:.3g} {unit_of(row.metric)}"
        return INCONCLUSIVE, f"{size}: significant, within the tolerance of {tolerance}", True
    return (REGRESSED if row.loss > 0 else IMPROVED), f"{size}, {_p(row)}{_bounded(row)}", True


def _bounded(row: Difference) -> str:
    """Whose gap is only known to be at least what is seen."""
    sides = row.sides_whose_gap_is(AT_LEAST)
    if not sides:
        return ""
    gap = "the gaps of both sides are" if len(sides) > 1 else f"the {sides[0]}'s gap is"
    return f"; {gap} at least what is seen, for languages at chance cannot fall below it"


def _blind(metric: str, mde: float) -> str:
    if math.isinf(mde):
        return "with so few items no change could be seen"
    return f"changes below {amount(metric, max(mde, 10.0 ** -digits_of(metric)))} would often be missed"


def _p(row: Difference) -> str:
    value = "" if row.p is None else "<0.001" if row.p < 0.001 else f"{row.p:.3f}"
    return f"p {value}" + (f" over {row.tests} tests" if row.tests and row.tests > 1 else "")


@dataclass(frozen=True, slots=True)
class Seen:
    """How much a sequential gate saw before it spoke: `items` of `of`, over all languages, in `looks` looks. `early`:
    it stopped there; else it went on to the end, and judged everything."""

    items: int
    of: int
    looks: int
    early: bool


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate's answer: every finding, in the order of the comparison, and what the build is told.

    `baseline` and `candidate` are the models' names. `notes` are what a reader must know besides. `seen` is of a
    sequential gate, None of one that was given two runs.
    """

    baseline: str
    candidate: str
    config: GateConfig
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    seen: Seen | None = None

    @property
    def status(self) -> Status:
        """`failed` when anything that gates regressed; `undecided` when the gate is strict and a required cell could
        not be seen; else `passed`."""
        if any(finding.gates and finding.verdict == REGRESSED for finding in self.findings):
            return "failed"
        return "undecided" if self.config.strict and any(f.undecided for f in self.findings) else "passed"

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 3 undecided."""
        return EXIT_CODES[self.status]

    @property
    def verdict(self) -> Verdict:
        """Overall: regressed when anything that gates did; else improved when anything did and the gate is not
        undecided; else inconclusive."""
        if self.status == "failed":
            return REGRESSED
        improved = any(finding.gates and finding.verdict == IMPROVED for finding in self.findings)
        return IMPROVED if improved and self.status == "passed" else INCONCLUSIVE

    def cells(self) -> list[Finding]:
        """Findings of languages and pairs."""
        return [finding for finding in self.findings if not finding.difference.average]

    def averages(self) -> list[Finding]:
        """Findings of benchmarks' means and gaps."""
        return [finding for finding in self.findings if finding.difference.average]

    def counts(self) -> dict[str, int]:
        """How many cells have each verdict; `at chance` (on both sides) and `undecided` are among the inconclusive."""
        cells = self.cells()
        found = {name: sum(f.verdict == name for f in cells) for name in (REGRESSED, IMPROVED, INCONCLUSIVE)}
        found["at chance"] = sum(f.difference.all_at_chance for f in cells)
        return found | {"undecided": sum(f.undecided for f in cells)}


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Regressed first (what gates before what is reported), then improved, the largest first; undecided; the rest."""

    def key(finding: Finding) -> tuple[int, float]:
        size = -abs(finding.difference.difference)
        if finding.verdict == REGRESSED:
            return (0 if finding.gates else 1), size
        if finding.verdict == IMPROVED:
            return 2, size
        return (3 if finding.undecided else 4), 0.0

    return sorted(findings, key=key)
