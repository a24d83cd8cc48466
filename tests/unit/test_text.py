"""Names and texts from outside: whatever they hold, a terminal, Markdown, CSV, LaTeX and XML show it and do nothing."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st
from runs import outcomes, write_run

from xling_bench.cli.main import main
from xling_bench.core.text import HIDDEN, flat, latex, line, markdown, spreadsheet, terminal, visible, xml
from xling_bench.results.tables.rendering import aligned
from xling_bench.results.tables.rendering import latex as tabular

ANY = st.text(st.characters(exclude_categories=()), max_size=60)


@given(ANY)
def test_nothing_acts_on_what_shows_it(text: str) -> None:
    for shown in (visible(text), flat(text), line(text), terminal(text), markdown(text), latex(text), xml(text)):
        assert not HIDDEN.search(shown)
    for shown in (flat(text), line(text), markdown(text), latex(text), str(spreadsheet(text))):
        assert shown.isprintable() or "\u200b" in shown
        assert len(shown.splitlines()) <= 1
    assert json.loads(terminal(json.dumps(text, ensure_ascii=False))) == text
    assert fromstring(f"<a>{xml(text).replace('&', '&amp;').replace('<', '&lt;')}</a>").tag == "a"
    assert not re.match(r"\s*[=@＝＠]", str(spreadsheet(text)))
    assert latex(text)[:1] not in ("[", "*")
    rows = aligned([["model", "score"], [text, "1.0"]]).splitlines()
    assert [row.count("|") for row in rows] == [3, 3, 3]


@pytest.mark.parametrize(
    "name",
    ["exact_unicode", "45.6 [40.1, 50.2]", "<0.001", "12.3*", "base+lora", "org/gemma-3 (1a2b3c4d)", "a: b", "50 %"],
)
def test_what_nothing_acts_on_stays_as_it_is(name: str) -> None:
    assert markdown(name) == flat(name) == line(name) == spreadsheet(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", "a&#124;b"),
        ("[x](http://y)", "[x&#93;(http&#58;//y)"),
        ("![x](//y)", "![x&#93;(//y)"),
        ("<img src=x>", "&#60;img src=x>"),
        ("@all #7", "&#64;&#8203;all &#35;&#8203;7"),
        ("&#64;all", "&#38;&#35;&#8203;64;all"),
        ("*a* ~b~ `c` _d_", "&#42;a* &#126;b~ &#96;c&#96; &#95;d&#95;"),
        ("*a", "&#42;a"),  # another name in the same paragraph may end with one
        ("12.3* 4 * 5 $", "12.3* 4 * 5 $"),
        ("GH-12 a-1", "GH&#45;&#8203;12 a-1"),
        ("__init__ a_b", "&#95;&#95;init&#95;&#95; a_b"),  # the whole run: what is left of one could open
        ("-__main__.", "-&#95;&#95;main&#95;&#95;."),
        (":x: 10:20", ":\u200bx: 10:20"),
        ("# x", "&#35;&#8203; x"),  # at a line's start
        ("> x", "&#62; x"),
        ("- x - y", "&#45;&#8203; x - y"),
        ("1. x", "1&#46; x"),
        ("---", "&#45;&#8203;" * 3),
        ("-1.5 -", "-1.5 -"),
        ("a\n\n# b", "a # b"),
    ],
)
def test_markdown_is_text(name: str, shown: str) -> None:
    assert markdown(name) == shown


@pytest.mark.parametrize("number", ["-", "-1.5", "+0.3", "-1e-05", "-1.2 (3/15)", "-inf", -1.5, None])
def test_numbers_stay_numbers_in_a_spreadsheet(number: object) -> None:
    assert spreadsheet(number) == number


FORMULAS = ["=1+1", " =A1", "\t=A1", "@SUM(A1)", "-1+cmd|' /C calc'!A0", "+A1", "＝A1", "−1+A1", "﹦A1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_text_in_a_spreadsheet(formula: str) -> None:
    assert spreadsheet(formula) == f"'{formula.strip()}"
    assert spreadsheet(f"a;{formula};b").startswith("a;")
    assert "'" + formula.strip() in spreadsheet(f"a;{formula};b"), "cells are parted by ; in many countries"


def test_a_row_of_latex_does_not_give_the_one_before_an_argument() -> None:
    table = tabular([["m", "n"], ["[1cm]", "1"], ["*x", "2"]], "a\n\\input{b}")
    assert [line for line in table.splitlines() if not line.startswith(("%", "\\"))] == [
        "m & n \\\\", "{}[1cm] & 1 \\\\", "{}*x & 2 \\\\"
    ]  # fmt: skip
    assert table.startswith("% a \\input{b}\n")


EVIL = "=[x](http://y.z)|\x1b]8;;http://y.z\x07@all\x9b31m\u202e\nfake | 99.9"


def test_a_models_name_passes_through_every_file_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    units = ("en", "ar", "sw")
    runs = [str(write_run(tmp_path / m, outcomes(30, units, seed=i), name=EVIL + m)) for i, m in enumerate("ab")]
    commands = [["table", *runs], ["table", *runs, "--summary"], ["table", *runs, "--ranks"], ["compare", *runs],
                ["gate", "--baseline", runs[0], "--candidate", runs[1], "--junit", str(tmp_path / "g.xml"),
                 "--markdown", str(tmp_path / "g.md")],
                ["table", *runs, "--format", "csv"], ["table", *runs, "-o", str(tmp_path / "t.csv")],
                ["report", *runs, "-o", str(tmp_path / "site"), "--items", "0"]]  # fmt: skip
    texts = {}
    for number, command in enumerate(commands):
        assert main(command) in (0, 1)
        texts[f"{number} {command[0]}"] = "".join(capsys.readouterr())
    files = [tmp_path / "g.xml", tmp_path / "g.md", tmp_path / "t.csv"]
    files += [tmp_path / "site" / f"leaderboard.{end}" for end in ("md", "csv", "tex")]
    texts |= {path.name: path.read_text(encoding="utf-8") for path in files}
    for name, text in texts.items():
        assert not HIDDEN.search(text), name
        assert "\nfake" not in text, name
        if name.endswith(".md"):
            assert "](http" not in text, name
            assert "@all" not in text, name
        if name.endswith("csv") or name.startswith("5"):
            cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
            assert [cell for cell in cells if cell.startswith("'=[x]")], name
            assert not [cell for cell in cells if cell[:1] in "=@" and cell], name
    for text in (texts["0 table"], texts["3 compare"], texts["leaderboard.md"]):
        table = [row for row in text.splitlines() if row.startswith("|")]
        assert len({row.count("|") for row in table}) == 1
