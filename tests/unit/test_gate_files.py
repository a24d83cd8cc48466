"""The files the gate writes: no name breaks their format, they fit, and they are the same each time."""

import json
from dataclasses import replace
from pathlib import Path

from defusedxml.ElementTree import fromstring
from gates import CELL, gate
from runs import XNLI, outcomes, turned, write_run

from xling_bench.regress.config import GateConfig
from xling_bench.regress.gate import run_gate
from xling_bench.regress.output import LONGEST_COMMENT, to_json, to_junit, to_markdown, to_text
from xling_bench.regress.verdict import Gate, find


def odd_gate(cells: int = 2, name: str = "a|b <i>@all</i> `x` \x00\ud800 [y](z)") -> Gate:
    config = GateConfig()
    rows = [replace(CELL, language=unit) for unit in (XNLI * (cells // len(XNLI) + 1))[:cells]]
    findings = tuple(find(row, config) for row in rows)
    return Gate(name.encode(errors="replace").decode(), "candidate", config, findings, ("a note & more",))


def test_odd_names_break_no_format() -> None:
    found = odd_gate()
    suites = fromstring(to_junit(found))
    assert [case.get("classname") for case in suites.iter("testcase")] == ["xnli.xglm.0-shot.none.acc"] * 2
    odd = replace(CELL, family='f"<>&\x08', demos="\ufffe")
    parsed = fromstring(to_junit(replace(found, findings=(find(odd, found.config),))))
    assert next(parsed.iter("testcase")).get("classname") == 'xnli.f"<>&\ufffd.0-shot.\ufffd.acc'
    text = to_markdown(found)
    assert "<i>" not in text
    assert "@all" not in text
    assert "](z)" not in text
    assert json.loads(to_json(found))["baseline"].startswith("a|b")
    assert "a|b <i>" in to_text(found)


def test_a_comment_fits_github_and_counts_what_was_cut() -> None:
    text = to_markdown(odd_gate(2000, "mödel" * 20))
    assert len(text.encode()) <= LONGEST_COMMENT
    assert "more rows are in the JSON file." in text
    assert text.endswith("</details>\n")
    assert text.count("- regressed:") == 10
    assert "- and 1990 more, below" in text
    assert len(to_markdown(odd_gate(15)).encode()) < 5000


def test_bytes_are_the_same_each_time(base: Path, tmp_path: Path) -> None:
    scores = outcomes(5010)
    worse = write_run(tmp_path / "worse", scores | {"el": turned(scores["el"], 0.05)})
    first, second = (run_gate(base, worse, GateConfig(), draws=200) for _ in range(2))
    for form in (to_json, to_junit, to_markdown, to_text):
        assert form(first) == form(second)


def test_infinite_mde_is_null_and_said(tmp_path: Path) -> None:
    scores = outcomes(6)
    run = write_run(tmp_path / "run", scores)
    code, found = gate(tmp_path, run, run, "--strict")
    assert code == 3
    assert found["cells"][0]["mde"] is None
    assert "with so few items no change could be seen" in found["cells"][0]["why"]
