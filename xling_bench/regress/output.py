"""The gate's answer as text for a terminal, Markdown for a pull request, JUnit XML and JSON for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from xling_bench.core.text import flat, markdown, markdown_sentence, number_of, xml
from xling_bench.regress import wording
from xling_bench.regress.verdict import INCONCLUSIVE, REGRESSED, Finding, Gate, worst_first
from xling_bench.results.tables.rendering import aligned

LONGEST_COMMENT = 65_536  # GitHub's limit for a comment, in characters; we count bytes, which are more
WORST = 10  # findings shown above the fold
LONGEST_NAME, LONGEST_NOTE = 200, 2000  # characters, in a comment


def to_text(gate: Gate) -> str:
    """A table of every finding, and what it comes to."""
    rows = [wording.HEADER, *map(wording.row, gate.findings)]
    lines = [f"baseline:  {gate.baseline}", f"candidate: {gate.candidate}", wording.legend(gate), ""]
    lines += [f"note: {note}" for note in gate.notes]
    lines += [wording.sentence(finding) for finding in worst_first(gate.findings) if finding.verdict != INCONCLUSIVE]
    lines += wording.unjudged(gate) + wording.blind(gate)
    lines += [f"gate {wording.title(gate)} ({wording.counted(gate)})"]
    return "\n".join([aligned(rows), *map(flat, lines)]) + "\n"


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
        "tests": wording.tests(gate),
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
        ElementTree.SubElement(properties, "property", name="tests", value=xml(wording.tests(gate)))
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
    sentence = xml(wording.sentence(finding))
    if _fails(finding):
        ElementTree.SubElement(case, "failure", message=sentence, type=REGRESSED).text = xml(wording.numbers(row))
    elif _skips(finding):
        ElementTree.SubElement(case, "skipped", message=sentence)
    else:
        ElementTree.SubElement(case, "system-out").text = xml(f"{wording.sentence(finding)}\n{wording.numbers(row)}")


def to_markdown(gate: Gate) -> str:
    """A comment for a pull request: verdict, counts and worst findings; the whole table folded, cut to fit GitHub."""
    head = [
        f"### xling-bench gate {wording.title(gate)}",
        "",
        f"{wording.counted(gate)}. Candidate {markdown(_short(gate.candidate, LONGEST_NAME))} against baseline "
        f"{markdown(_short(gate.baseline, LONGEST_NAME))}.",
        "",
    ]
    told = [wording.sentence(finding) for finding in worst_first(gate.findings) if finding.verdict != INCONCLUSIVE]
    told += wording.unjudged(gate) + wording.blind(gate)
    head += [f"- {markdown(sentence)}" for sentence in told[:WORST]]
    head += [f"- and {len(told) - WORST} more, below"] if len(told) > WORST else []
    head += ["", *(f"{markdown_sentence(_short(note, LONGEST_NOTE))}  " for note in gate.notes)]
    foot = ["", wording.legend(gate), "", "</details>"]
    cells = [wording.row(finding) for finding in worst_first(gate.findings)]
    rows = [" | ".join(("", *map(markdown, row), "")).strip() for row in cells]
    table = [
        "",
        f"<details><summary>All {number_of(len(rows), 'row')}, worst first</summary>",
        "",
        "| " + " | ".join(wording.HEADER) + " |",
        "|" + "---|" * len(wording.HEADER),
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
