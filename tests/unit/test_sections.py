"""Sections of the page: found by their files, in order, left out when they have nothing to show, escaped."""

import re
import sys
from pathlib import Path

import pytest
from runs import outcomes, write_run

from xling_bench.core.errors import DeclarationError
from xling_bench.report import sections
from xling_bench.report.build import Options, write_report
from xling_bench.report.measure import measure
from xling_bench.report.page import shown
from xling_bench.report.sections import SECTIONS, Report, Section
from xling_bench.results.frame import load_results


def file(name: str, order: int) -> str:
    return f"from {sections.__name__} import Section\nSECTION = Section({name!r}, 'Title', {order}, '<p></p>')\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", outcomes(20, ("en", "sw")))


@pytest.fixture
def report(run: Path) -> Report:
    return Report(measure(load_results(run), draws=50), [run], Options(draws=50), ["xnli"], [], None, [], [])


# Of one run of a model without a record, and of a benchmark that wants no reasoning.
ABSENT = ("change", "reasoning", "representations", "sensitivity", "steps", "trainings")


def test_the_page_has_every_section_once_in_order_but_those_with_nothing_to_show(run: Path, tmp_path: Path) -> None:
    page = write_report([run], tmp_path / "site", Options(draws=50)).read_text(encoding="utf-8")
    ids = re.findall(r'<section id="([\w-]+)"', page)
    assert re.findall(r'<li><a href="#([\w-]+)">', page) == ids
    assert [section.id for section in SECTIONS if section.id not in ABSENT] == ids


def test_what_a_section_prints_is_escaped_and_nothing_else_can_be_done(report: Report) -> None:
    def rendered(html: str, name: str = "<b>&\u202e") -> list[str]:
        return [one.html for one in shown([Section("x", "X", 1, html, context=lambda _: {"name": name})], report)]

    assert rendered("<i>{{ name|line }}</i>\n") == ["<i>&lt;b&gt;&amp;[U+202E]</i>"]
    with pytest.raises(DeclarationError, match=r"section 'x' .*'other' is undefined"):
        rendered("{{ other }}")
    with pytest.raises(DeclarationError, match=r"section 'x' .*SecurityError"):
        rendered("{{ name.__class__.__mro__ }}")
    assert shown([Section("x", "X", 1, "{{ name }}", context=lambda _: {})], report) == []


def test_a_file_of_ones_own_stands_in_the_place_of_the_pages(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reports" / "page").mkdir(parents=True)
    (tmp_path / "reports" / "page" / "style.css").write_text("h1 { color: teal }", encoding="utf-8")
    monkeypatch.setenv("XLING_CONTENT_DIR", str(tmp_path))
    page = write_report([run], tmp_path / "site", Options(draws=50)).read_text(encoding="utf-8")
    assert "<style>h1 { color: teal }</style>" in page


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"wrong": "SECTIONS = ()"}, r"sections\.wrong: expected SECTION = Section\(\.\.\.\), got None"),
        ({"a": file("one", 10), "b": file("two", 10)}, "id 'two' and order 10 must be its own; a has 'one'"),
        ({"a": file("one", 10), "b": file("one", 20)}, "id 'one' and order 20 must be its own; a has 'one'"),
    ],
)
def test_a_file_that_is_no_section_or_anothers_is_refused(
    files: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "__path__", [str(tmp_path)])
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    try:
        with pytest.raises(DeclarationError, match=said):
            sections._declared()
    finally:
        for name in files:
            sys.modules.pop(f"{sections.__name__}.{name}", None)
