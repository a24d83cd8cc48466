"""What a sequential gate makes of what was drawn so far: go on, or stop with a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from xling_bench.metrics.registry import amount, scale_of
from xling_bench.regress.drawing import Group, Matrix
from xling_bench.regress.gate import sides_that_learnt
from xling_bench.regress.sequential import left_for_everything, regressed
from xling_bench.regress.settings import GateConfig
from xling_bench.regress.verdict import INCONCLUSIVE, REGRESSED, Difference, Finding, Gate, Seen, Verdict
from xling_bench.results.marks import Cell
from xling_bench.results.tables.compare import MEAN

Answer = Literal["regressed", "passed"]
BIASED = (
    "Stopped early by the sequential gate after {items} of {of} items: the differences are of these items, and biased "
    "upward in size. "
)
OTHERS = "`xling-bench run` into the same folder scores the others."
COMPLETE = (
    "All {of} have results by now: `xling-bench gate --candidate` judges them, which with the looks so far keeps the "
    "promise at alpha {rest:.3g}."
)


@dataclass(frozen=True, slots=True)
class Look:
    """One look. `clusters` are how many were drawn of each group, `p` (adjusted) and `cleared` of each group's rows."""

    clusters: tuple[int, ...]
    p: tuple[tuple[float, ...], ...]
    cleared: tuple[tuple[bool, ...], ...]
    answer: Answer | None


def look(groups: Sequence[Group], candidates: Sequence[Matrix], clusters: Sequence[int], config: GateConfig) -> Look:
    """Judge the first clusters of each group, by the candidate's scores as of `Group.candidate`.

    Regressed: a row's evidence, adjusted over the gate (`sequential.regressed`), is below alpha; rows whose baseline is
    at chance are evidence of nothing. Passed: no row can be called regressed any more. A strict gate, which must see as
    much as its settings say, passes at the end only.
    """
    drawn = [group.drawn(scores, count) for group, scores, count in zip(groups, candidates, clusters, strict=True)]
    raw = [[1.0] * len(group.rows) for group in groups]
    cleared = [[False] * len(group.rows) for group in groups]
    for number, (group, parts) in enumerate(zip(groups, drawn, strict=True)):
        if len(parts.losses):
            evidence = parts.evidence()[-1]
            raw[number] = [1.0 if idle else float(p) for p, idle in zip(evidence, group.idle, strict=True)]
            cleared[number] = [bool(known) for known in parts.cleared(config.alpha)[-1]]
    places = [(n, r) for n, group in enumerate(groups) for r in range(len(group.rows))]
    kinds = [[(n, r) for n, r in places if (groups[n].rows[r] == MEAN) == mean] for mean in (False, True)]
    adjusted = regressed(*([raw[n][r] for n, r in kind] for kind in kinds))
    for kind, values in zip(kinds, adjusted, strict=True):
        for (n, r), p in zip(kind, values, strict=True):
            raw[n][r] = p
    answer: Answer | None = None
    if any(p < config.alpha for row in raw for p in row):
        answer = "regressed"
    elif not config.strict and all(map(all, cleared)):
        answer = "passed"
    return Look(tuple(clusters), tuple(map(tuple, raw)), tuple(map(tuple, cleared)), answer)


def gate_of(
    names: tuple[str, str], groups: Sequence[Group], candidates: Sequence[Matrix], found: Look, config: GateConfig,
    seen: Seen, notes: Sequence[str], learnt: set[Cell], *, complete: bool,
) -> Gate:  # fmt: skip
    """The answer of a gate that stopped early, row by row; `learnt` are the numbers that are contaminated, `complete`
    whether the folder has all results nevertheless."""
    counts = [sum(row != MEAN for group in groups for row in group.rows), sum(MEAN in group.rows for group in groups)]
    findings: list[Finding] = []
    for number, group in enumerate(groups):
        rows = _differences(group, candidates[number], found.clusters[number], found.p[number], counts)
        fallen = tuple(row.language for row in rows if not row.average and _fell(row, config))
        for row, cleared in zip(rows, found.cleared[number], strict=True):
            marked = replace(row, contaminated=sides_that_learnt(learnt, asdict(row)))
            findings.append(_finding(group, marked, config, cleared=cleared, fallen=fallen))
    more = COMPLETE.format(of=seen.of, rest=left_for_everything(config.alpha)) if complete else OTHERS
    said = BIASED.format(items=seen.items, of=seen.of) + more
    return Gate(*names, config, tuple(findings), (said, *notes), seen)


def _differences(
    group: Group, candidate: Matrix, clusters: int, p: Sequence[float], counts: Sequence[int]
) -> list[Difference]:
    scale = scale_of(group.metric)
    a, b = (scale * group.means(scores, clusters) for scores in (group.baseline, candidate))
    units = [len(group.ids_of(unit, range(clusters))) for unit in group.units]
    benchmark, family, shots, demos, metric = group.head
    found = []
    for number, name in enumerate(group.rows):
        mean = name == MEAN
        row = Difference(
            benchmark, family, shots, demos, metric, name, int((group.weights[:, number] > 0).sum()),
            sum(units) if mean else units[number], float(a[number]), float(b[number]), float(b[number] - a[number]),
        )  # fmt: skip
        found.append(replace(row, p=p[number], tests=counts[mean], clusters=clusters))
    return found


def _fell(row: Difference, config: GateConfig) -> bool:
    return row.p is not None and row.p < config.alpha


def _finding(group: Group, row: Difference, config: GateConfig, *, cleared: bool, fallen: tuple[str, ...]) -> Finding:
    units = [unit for unit in group.units if unit in group.rows]
    limits = (
        config.of_average(row.benchmark, row.language, units)
        if row.average
        else config.limits(row.benchmark, row.language)
    )
    size = f"{amount(row.metric, abs(row.difference))} {'worse' if row.loss > 0 else 'better'} on the items seen"
    verdict: Verdict = REGRESSED if _fell(row, config) else INCONCLUSIVE
    if verdict == REGRESSED:
        over = f" over {row.tests} tests" if row.tests and row.tests > 1 else ""
        why = f"{size}, p {'<0.001' if (row.p or 0) < 0.001 else f'{row.p:.3f}'}{over}, whenever one looks"
    elif cleared:
        why = f"{size}: a gate on all items would not call it regressed"
    else:
        why = f"{size}: not known when the gate stopped"
    follows = fallen if row.average and verdict == REGRESSED else ()
    return Finding(row, limits, verdict, not follows, undecided=False, why=why, follows=follows)
