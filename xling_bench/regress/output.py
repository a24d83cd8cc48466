"""The gate's answer as text for a terminal, Markdown for a pull request, JUnit XML and JSON for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from xling_bench.catalog import get_benchmark
from xling_bench.core.text import flat, markdown, number_of, xml
from xling_bench.regress.verdict import INCONCLUSIVE, REGRESSED, Difference, Finding, Gate, Status, worst_first
from xling_bench.results.marks import marked
from xling_bench.results.tables.compare import GAP, MEAN
from xling_bench.results.tables.rendering import aligned

TITLES: dict[Status, str] = {
    "passed": "passed: no regression seen",
    "failed": "failed: regression found",
    "undecided": "undecided: the gate cannot see what it should see",
}
LONGEST_COMMENT = 65_536  # GitHub's limit for a comment, in characters; we count bytes, which are more
WORST = 10  # findings shown above the fold
OTHER_GUESSES = "at chance on both sides: other guesses, or a change that so few items cannot tell from guessing"
HEADER = ("benchmark", "family", "shots", "demos", "metric", "language", "items", "baseline", "candidate",
          "difference", "95 % interval", "p", "mde", "verdict")  # fmt: skip
LONGEST_NAME, LONGEST_NOTE = 200, 2000  # characters, in a comment
LEGEND = (
    "difference: candidate minus baseline, in points; a larger gap to English is worse. The interval is of its row by "
    "itself, whatever alpha is; the verdict goes by p. {p} mde: the smallest difference that this test finds in 80 % "
    "of cases; smaller ones would often be missed."
)
EARLY_LEGEND = (
    "difference: candidate minus baseline, in points, of the items seen: a gate that stops early stops where it is "
    "large, so that it is biased upward in size and has no interval. {p} p holds whenever one looks."
)
OVER_BENCHMARKS = (
    "p: adjusted over a benchmark's languages (Holm), except for mean and gap: {alpha:g} is the chance of a false "
    "alarm for each benchmark, number of shots and metric, not for the gate."
)


def to_text(gate: Gate) -> str:
    """A table of every finding, and what it comes to."""
    rows = [HEADER, *map(_row, gate.findings)]
    lines = [f"baseline:  {gate.baseline}", f"candidate: {gate.candidate}", _legend(gate), ""]
    lines += [f"note: {note}" for note in gate.notes]
    lines += [_sentence(finding) for finding in worst_first(gate.findings) if finding.verdict != INCONCLUSIVE]
    lines += _unjudged(gate) + _blind(gate)
    lines += [f"gate {_title(gate)} ({_counted(gate)})"]
    return "\n".join([aligned(rows), *map(flat, lines)]) + "\n"


def _legend(gate: Gate) -> str:
    early = gate.seen is not None and gate.seen.early
    return (EARLY_LEGEND if early else LEGEND).format(p=_tests(gate))


def _tests(gate: Gate) -> str:
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


def _title(gate: Gate) -> str:
    title = TITLES[gate.status]
    if gate.status == "passed" and any(finding.verdict == REGRESSED for finding in gate.findings):
        title = "passed: what regressed is only reported"
    elif gate.status == "passed" and any(finding.unjudged for finding in gate.findings):
        title = "passed: no regression seen above chance"
    if gate.seen is not None and gate.seen.early:
        title += f", after {gate.seen.items} of {gate.seen.of} items"
    sides = sorted({side for finding in gate.findings for side in finding.difference.contaminated})
    return f"{title}; contaminated: the {' and the '.join(sides)} learnt items of the test sets" if sides else title


def _blind(gate: Gate) -> list[str]:
    """What the gate could not see as well as it should, a line per benchmark."""
    groups: dict[tuple[str, float], list[Difference]] = {}
    for finding in gate.cells():
        if finding.undecided and not finding.unjudged:
            groups.setdefault((_group(finding.difference), finding.limits.max_mde), []).append(finding.difference)
    lines = []
    for (name, wanted), rows in groups.items():
        seen = sorted(row.mde for row in rows if row.mde is not None)
        could = (
            f"mde {' to '.join(dict.fromkeys((_mde(seen[0]), _mde(seen[-1]))))}" if seen else "this metric has no test"
        )
        units = " ".join(row.language for row in rows)
        lines.append(f"undecided: {name}: {units}: a change of {wanted:g} points should be seen, {could}")
    return lines


def _unjudged(gate: Gate) -> list[str]:
    """What changed significantly while it could mean nothing, a line per benchmark and reason, losses and gains."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for finding in gate.findings:
        if finding.unjudged:
            row = finding.difference
            groups.setdefault((_group(row), OTHER_GUESSES if row.all_at_chance else row.idle), []).append(row)
    lines = []
    for (name, why), rows in groups.items():
        units = " ".join(f"{row.language} {_number(row.difference, sign=True)}" for row in rows)
        lines.append(f"not judged: {name}: {units}: significant, but {why}; look at it")
    return lines


def _row(finding: Finding) -> tuple[str, ...]:
    row = finding.difference
    head = (row.benchmark, row.family, str(row.shots), row.demos, row.metric, row.language, str(row.items))
    interval = "-" if row.low is None else f"{_number(row.low)} to {_number(row.high)}"
    sides = {"baseline": row.baseline, "candidate": row.candidate}
    values = [marked(_number(value), contaminated=side in row.contaminated) for side, value in sides.items()]
    scores = (*values, _number(row.difference, sign=True))
    return (*head, *scores, interval, _p(row.p), _mde(row.mde), _verdict(finding))


def _number(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "-"
    return f"{round(value, 1) + 0.0:{'+' if sign else ''}.1f}"  # + 0.0: no minus before zero


def _mde(value: float | None) -> str:
    if value is None or math.isinf(value):
        return "-" if value is None else "inf"
    return "<0.1" if value < 0.1 else f"{value:.1f}"


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


def _sentence(finding: Finding) -> str:
    return f"{_verdict(finding)}: {_group(finding.difference)} {finding.difference.language}: {finding.why}"


def _counted(gate: Gate) -> str:
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


def to_json(gate: Gate) -> str:
    """Everything, in full precision; an mde that is infinite, and what is missing, is null."""
    data = {
        "format": 2,
        "status": gate.status,
        "exit_code": gate.exit_code,
        "verdict": gate.verdict,
        "baseline": gate.baseline,
        "candidate": gate.candidate,
        "counts": gate.counts(),
        "tests": _tests(gate),
        "cells": [_object(finding) for finding in gate.cells()],
        "averages": [_object(finding) for finding in gate.averages()],
        "notes": gate.notes,
        "config": gate.config.model_dump(mode="json"),
        **({} if gate.seen is None else {"seen": asdict(gate.seen)}),
    }
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _object(finding: Finding) -> dict[str, object]:
    found = asdict(finding)
    flat = {**found.pop("difference"), **found, "limits": found.pop("limits")}
    mde = flat["mde"]
    return flat | {"mde": None if mde is None or math.isinf(mde) else mde}


def to_junit(gate: Gate) -> str:
    """JUnit XML: a suite per benchmark, a case per finding.

    What regressed and gates is a failure; what is undecided, or a mean of languages at chance, is skipped; everything
    else passes, with the numbers in its output.
    """
    from xml.etree import ElementTree

    root = ElementTree.Element("testsuites", _totals("xling-bench gate", gate.findings))
    suites: dict[str, list[Finding]] = {}
    for finding in gate.findings:
        suites.setdefault(finding.difference.benchmark, []).append(finding)
    for name, findings in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", _totals(name, findings))
        properties = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(properties, "property", name="tests", value=xml(_tests(gate)))
        for finding in findings:
            _case(suite, finding)
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _totals(name: str, findings: Sequence[Finding]) -> dict[str, str]:
    skipped = sum(map(_skips, findings))
    totals = {"tests": len(findings), "failures": sum(map(_fails, findings)), "errors": 0, "skipped": skipped}
    return {"name": name, **{key: str(value) for key, value in totals.items()}}


def _skips(finding: Finding) -> bool:
    """Undecided, or a mean or gap of languages at chance, which nothing was judged by: it did not pass."""
    idle = finding.difference.average and bool(finding.difference.idle)
    return not _fails(finding) and (finding.undecided or idle)


def _fails(finding: Finding) -> bool:
    return finding.gates and finding.verdict == REGRESSED


def _case(suite: Any, finding: Finding) -> None:
    from xml.etree import ElementTree

    row = finding.difference
    place = ".".join((row.benchmark, row.family, f"{row.shots}-shot", row.demos, row.metric))
    case = ElementTree.SubElement(suite, "testcase", classname=xml(place), name=xml(row.language), time="0")
    sentence = xml(_sentence(finding))
    if _fails(finding):
        ElementTree.SubElement(case, "failure", message=sentence, type=REGRESSED).text = xml(_numbers(row))
    elif _skips(finding):
        ElementTree.SubElement(case, "skipped", message=sentence)
    else:
        ElementTree.SubElement(case, "system-out").text = xml(f"{_sentence(finding)}\n{_numbers(row)}")


def _numbers(row: Difference) -> str:
    """The row's numbers in one line."""
    found = {"items": row.items, "baseline": _number(row.baseline), "candidate": _number(row.candidate)}
    found |= {"contaminated": " and ".join(row.contaminated)} if row.contaminated else {}
    over = f" over {number_of(row.tests, 'test')}" if row.tests else ""
    tested = {"p": f"{_p(row.p)}{over}", "mde": _mde(row.mde)}
    difference = f"difference {_number(row.difference, sign=True)} ({_number(row.low)} to {_number(row.high)})"
    return ", ".join([*(f"{k} {v}" for k, v in found.items()), difference, *(f"{k} {v}" for k, v in tested.items())])


def to_markdown(gate: Gate) -> str:
    """A comment for a pull request: verdict, counts and worst findings; the whole table folded, cut to fit GitHub."""
    head = [
        f"### xling-bench gate {_title(gate)}",
        "",
        f"{_counted(gate)}. Candidate {markdown(_short(gate.candidate, LONGEST_NAME))} against baseline "
        f"{markdown(_short(gate.baseline, LONGEST_NAME))}.",
        "",
    ]
    told = [_sentence(finding) for finding in worst_first(gate.findings) if finding.verdict != INCONCLUSIVE]
    told += _unjudged(gate) + _blind(gate)
    head += [f"- {markdown(sentence)}" for sentence in told[:WORST]]
    head += [f"- and {len(told) - WORST} more, below"] if len(told) > WORST else []
    head += ["", *(f"{markdown(_short(note, LONGEST_NOTE))}  " for note in gate.notes)]
    foot = ["", _legend(gate), "", "</details>"]
    rows = [" | ".join(("", *map(markdown, _row(finding)), "")).strip() for finding in worst_first(gate.findings)]
    table = [
        "",
        f"<details><summary>All {number_of(len(rows), 'row')}, worst first</summary>",
        "",
        "| " + " | ".join(HEADER) + " |",
        "|" + "---|" * len(HEADER),
    ]
    left = LONGEST_COMMENT - _size([*head, *table, *foot]) - 200
    return "\n".join([*head, *table, *_cut(rows, left), *foot]) + "\n"


def _cut(rows: Sequence[str], left: int) -> list[str]:
    """As many rows as fit into `left` bytes, and a line that counts the others."""
    kept: list[str] = []
    for row in rows:
        left -= len(row.encode()) + 1
        if left < 0:
            return [*kept, "", f"{len(rows) - len(kept)} more rows are in the JSON file.", ""]
        kept.append(row)
    return kept


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]} ... ({len(text)} characters)"
