"""Representations in a browser: a page of their own, and the section of a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from report_runs import two_runs
from represented import write_represent

from xling_bench.report.alone import write_alone
from xling_bench.report.build import Options, write_report

if TYPE_CHECKING:
    from watched import Watched

pytestmark = pytest.mark.browser
MEXA = {"base <i>": {"de": 0.5, "ar": 0.2, "zh": 0.3}, "tuned": {"de": 0.7, "ar": 0.4, "zh": 0.3}}


def test_a_page_without_runs(watched: Watched, tmp_path: Path) -> None:
    """Tables sort, pictures inside drawings are shown, an address leads to a figure, Arabic is read from the right."""
    folder = write_represent(tmp_path / "states", MEXA, answers=True)
    write_alone(folder, page=True)
    shown = watched.open(folder / "index.html", "#map-1")
    place, top = shown.locator("#map-1"), 1e9
    for _ in range(100):  # it scrolls softly
        if (top := place.evaluate("element => element.getBoundingClientRect().top")) < 300:
            break
        shown.wait_for_timeout(50)
    assert 0 <= top < 300
    assert shown.locator("#map-1 svg image").count() > 0
    headings = shown.locator("h3").all_inner_texts()
    assert headings == ["Alignment by language", "Tokens", "The same answer in two languages?"]
    column = shown.locator('table[data-name="alignment"] tbody tr td:nth-child(7)')
    header = shown.locator('table[data-name="alignment"] thead th:nth-child(7)')
    header.click()
    expect(header).to_have_attribute("aria-sort", "descending")  # sorting waits for a timer
    values = [float(text) for text in column.all_inner_texts()]
    assert values == sorted(values, reverse=True)
    shown.locator("details summary").first.click()
    assert shown.locator('details[open] td[dir="rtl"]').all_inner_texts()[0] == "<b>ar</b> 0"


def test_the_section_of_a_report(watched: Watched, tmp_path: Path) -> None:
    runs = two_runs(tmp_path / "runs")
    folder = write_represent(tmp_path / "states", MEXA)
    page = write_report(runs, tmp_path / "site", Options(draws=200, represent=(folder,)))
    shown = watched.open(page, "#representations")
    assert shown.locator("#h-representations").is_visible()
    assert "No model has both scores and alignment" in shown.locator("#representations").inner_text()
    assert shown.locator("#representations figure").count() == 7
