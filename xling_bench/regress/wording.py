"""The gate's answer in words: a row and a sentence for each finding, what was not judged or not seen, and the count."""

from __future__ import annotations

import math

from xling_bench.catalog import get_benchmark
from xling_bench.core.text import number_of
from xling_bench.metrics.registry import digits_of, unit_of
from xling_bench.regress.verdict import REGRESSED, Difference, Finding, Gate, Status
from xling_bench.results.marks import marked
from xling_bench.results.tables.compare import GAP, MEAN

TITLES: dict[Status, str] = {
    "passed": "passed: no regression seen",
    "failed": "failed: regression found",
    "undecided": "undecided: the gate cannot see what it should see",
}
OTHER_GUESSES = "at chance on both sides: other guesses, or a change that so few items cannot tell from guessing"
HEADER = ("benchmark", "family", "shots", "demos", "metric", "language", "items", "baseline", "candidate",
          "difference", "95 % interval", "p", "mde", "verdict")  # fmt: skip
LEGEND = (
    "difference: candidate minus baseline, in points or the metric's unit; a larger gap to English is worse. The "
    "interval is of its row by itself, whatever alpha is; the verdict goes by p. {p} mde: the smallest difference that "
    "this test finds in 80 % of cases; smaller ones would often be missed."
)
EARLY_LEGEND = (
    "difference: candidate minus baseline, in points, of the items seen: a gate that stops early stops where it is "
    "large, so that it is biased upward in size and has no interval. {p} p holds whenever one looks."
)
OVER_BENCHMARKS = (
    "p: adjusted over a benchmark's languages (Holm), except for mean and gap: {alpha:g} is the chance of a false "
    "alarm for each benchmark, number of shots and metric, not for the gate."
)


def legend(gate: Gate) -> str:
    """What the columns mean; of a gate that stops early, what they do not mean."""
    early = gate.seen is not None and gate.seen.early
    return (EARLY_LEGEND if early else LEGEND).format(p=tests(gate))


def tests(gate: Gate) -> str:
    """Over how many tests the p's are adjusted, and what that promises."""
    alpha = gate.config.alpha
    if gate.config.alpha_over == "benchmark":
        return OVER_BENCHMARKS.format(alpha=alpha)
    cells = next((f.difference.tests for f in gate.cells() if f.difference.tests), 0)
    rows = [(f.difference, gate.config.action(f.difference.language)) for f in gate.averages()]
    averages = next((row.tests for row, action in rows if action == "gate" and row.tests), 0)
    return (
        f"p: adjusted (Holm) over all tests of the gate, {cells} of cells and {averages} of means and gaps that can "
        f"fail it: a candidate that is no worse fails in at most {100 * alpha:g} % of gates."
    )


def title(gate: Gate) -> str:
    """What the gate comes to, in one line; a contaminated side is named."""
    told = TITLES[gate.status]
    if gate.status == "passed" and any(finding.verdict == REGRESSED for finding in gate.findings):
        told = "passed: what regressed is only reported"
    elif gate.status == "passed" and any(finding.unjudged for finding in gate.findings):
        told = "passed: no regression seen above chance"
    if gate.seen is not None and gate.seen.early:
        told += f", after {gate.seen.items} of {gate.seen.of} items"
    sides = sorted({side for finding in gate.findings for side in finding.difference.contaminated})
    return f"{told}; contaminated: the {' and the '.join(sides)} learnt items of the test sets" if sides else told


def blind(gate: Gate) -> list[str]:
    """What the gate could not see as well as it should, a line per benchmark."""
    groups: dict[tuple[str, float], list[Difference]] = {}
    for finding in gate.cells():
        if finding.undecided and not finding.unjudged:
            groups.setdefault((_group(finding.difference), finding.limits.max_mde), []).append(finding.difference)
    lines = []
    for (name, wanted), rows in groups.items():
        seen = sorted(row.mde for row in rows if row.mde is not None)
        ends = dict.fromkeys(_mde(mde, digits_of(rows[0].metric)) for mde in (*seen[:1], *seen[-1:]))
        could = f"mde {' to '.join(ends)}" if seen else "this metric has no test"
        units = " ".join(row.language for row in rows)
        change = f"a change of {wanted:g} {unit_of(rows[0].metric)} should be seen"
        lines.append(f"undecided: {name}: {units}: {change}, {could}")
    return lines


def unjudged(gate: Gate) -> list[str]:
    """What changed significantly while it could mean nothing, a line per benchmark and reason, losses and gains."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for finding in gate.findings:
        if finding.unjudged:
            row = finding.difference
            groups.setdefault((_group(row), OTHER_GUESSES if row.all_at_chance else row.idle), []).append(row)
    lines = []
    for (name, why), rows in groups.items():
        units = " ".join(f"{row.language} {_number(row.difference, digits_of(row.metric), sign=True)}" for row in rows)
        lines.append(f"not judged: {name}: {units}: significant, but {why}; look at it")
    return lines


def row(finding: Finding) -> tuple[str, ...]:
    """A finding in cells, one for each name of HEADER."""
    found = finding.difference
    digits = digits_of(found.metric)
    setting = (found.benchmark, found.family, str(found.shots), found.demos, found.metric)
    place = (*setting, found.language, str(found.items))
    interval = "-" if found.low is None else f"{_number(found.low, digits)} to {_number(found.high, digits)}"
    sides = {"baseline": found.baseline, "candidate": found.candidate}
    values = [marked(_number(value, digits), contaminated=side in found.contaminated) for side, value in sides.items()]
    scores = (*values, _number(found.difference, digits, sign=True))
    return (*place, *scores, interval, _p(found.p), _mde(found.mde, digits), _verdict(finding))


def _number(value: float | None, digits: int, *, sign: bool = False) -> str:
    if value is None:
        return "-"
    return f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}"  # + 0.0: no minus before zero


def _mde(value: float | None, digits: int) -> str:
    if value is None or math.isinf(value):
        return "-" if value is None else "inf"
    least = 10.0**-digits
    return f"<{least:.{digits}f}" if value < least else f"{value:.{digits}f}"


def _p(value: float | None) -> str:
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _verdict(finding: Finding) -> str:
    if finding.difference.idle:
        what = "at chance" if finding.difference.all_at_chance else "English at chance"
        return f"inconclusive ({what}, not judged)" if finding.unjudged else f"inconclusive ({what})"
    if finding.undecided:
        return "inconclusive (undecided)"
    if finding.follows:
        what = " ".join(finding.follows) if len(finding.follows) < 4 else f"{len(finding.follows)} languages"
        return f"{finding.verdict} (follows from {what})"
    return finding.verdict if finding.gates else f"{finding.verdict} (reported only)"


def _group(row: Difference) -> str:
    demos = "" if row.demos in ("none", "same") else f", demonstrations {row.demos}"
    return f"{get_benchmark(row.benchmark).title} ({row.family}, {row.shots}-shot{demos}, {row.metric})"


def sentence(finding: Finding) -> str:
    """Verdict, place and reason of a finding."""
    return f"{_verdict(finding)}: {_group(finding.difference)} {finding.difference.language}: {finding.why}"


def counted(gate: Gate) -> str:
    """`15 cells: 1 regressed, 14 inconclusive, of them 2 undecided; besides, 1 (mean) regressed`."""
    counts = gate.counts()
    parts = [f"{counts[name]} {name}" for name in ("regressed", "improved", "inconclusive") if counts[name]]
    within = [f"{counts[name]} {name}" for name in ("at chance", "undecided") if counts[name]]
    cells = len(gate.cells())
    told = f"{cells} {'cell' if cells == 1 else 'cells'}: {', '.join(parts)}"
    told += f", of them {', '.join(within)}" if within else ""
    others = [f.difference.language for f in gate.averages() if f.verdict == REGRESSED and not f.follows]
    named = [f"{others.count(name)} {name}" for name in (MEAN, GAP) if name in others]
    return told + (f"; besides, {', '.join(named)} regressed" if named else "")


def numbers(row: Difference) -> str:
    """The row's numbers in one line."""
    digits = digits_of(row.metric)
    found = {
        "items": row.items, "baseline": _number(row.baseline, digits), "candidate": _number(row.candidate, digits),
    }  # fmt: skip
    found |= {"contaminated": " and ".join(row.contaminated)} if row.contaminated else {}
    over = f" over {number_of(row.tests, 'test')}" if row.tests else ""
    tested = {"p": f"{_p(row.p)}{over}", "mde": _mde(row.mde, digits)}
    interval = f"{_number(row.low, digits)} to {_number(row.high, digits)}"
    difference = f"difference {_number(row.difference, digits, sign=True)} ({interval})"
    return ", ".join([*(f"{k} {v}" for k, v in found.items()), difference, *(f"{k} {v}" for k, v in tested.items())])
