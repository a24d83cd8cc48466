"""The report as a reader uses it: in a browser, offline, by mouse, keyboard and link."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from watched import Watched

from xling_bench.report.measure import measure
from xling_bench.report.select import leading
from xling_bench.results.frame import load_results
from xling_bench.results.tables.overview import group_averages

pytestmark = pytest.mark.browser


def column(page: Page, table: str, number: int) -> list[str]:
    return [text.strip() for text in page.locator(f"{table} tbody tr > *:nth-child({number})").all_inner_texts()]


def choose(page: Page, form: str, name: str, label: str) -> None:
    page.locator(f'form[data-for="{form}"] select[name="{name}"]').select_option(label=label)


def test_sections_are_there_and_nothing_is_loaded(watched: Watched, page: Path) -> None:
    shown = watched.open(page)
    ids = shown.eval_on_selector_all("nav a", "links => links.map(a => a.getAttribute('href').slice(1))")
    assert ids[0] == "leaderboard"
    assert {"heat", "gaps", "groups", "change", "benchmarks", "items", "consistency", "numbers", "methods"} <= set(ids)
    assert all(shown.locator(f"section#{name} h2").count() == 1 for name in ids)
    assert shown.locator("figure svg[role=img]").count() >= 4
    assert shown.locator("tr.published").count() == 10


def test_sorting_by_a_column_orders_its_numbers(watched: Watched, page: Path) -> None:
    shown = watched.open(page)
    table = 'table[data-name="leaderboard-0"]'
    header = shown.locator(f"{table} thead th", has_text="XNLI")
    number = 1 + header.evaluate("th => [...th.parentNode.children].indexOf(th)")

    def scores() -> list[float]:
        return [float(text.split()[0]) for text in column(shown, table, number) if text != "–"]

    header.click()
    expect(header).to_have_attribute("aria-sort", "descending")  # sorting waits for a timer
    assert len(scores()) == 7
    assert scores() == sorted(scores(), reverse=True)
    header.locator(".dt-column-order").focus()
    shown.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert scores() == sorted(scores())


def test_filtering_and_downloading_all_numbers(watched: Watched, page: Path, runs: list[Path], tmp_path: Path) -> None:
    shown = watched.open(page)
    shown.locator("#numbers-table input[type=search]").first.fill("Swahili-nothing")
    expect(shown.locator("#numbers-table td.dt-empty")).to_have_text("nothing matches")
    shown.locator("#numbers-table input[type=search]").first.fill("tuned sw")
    expect(shown.locator("#numbers-table tbody tr")).to_have_count(2)
    with shown.expect_download() as download:
        shown.locator("#numbers-table button.dt-button").click()
    path = tmp_path / "numbers.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    frame = load_results(runs)
    mine = frame[(frame["model"] == "tuned") & (frame["language"] == "sw")]
    assert [row["signature"] for row in rows] == list(mine["signature"])
    assert [float(row["Score"]) for row in rows] == pytest.approx([100 * value for value in mine["value"]], abs=1e-3)


def test_a_number_opens_its_signature(watched: Watched, page: Path, runs: list[Path]) -> None:
    shown = watched.open(page)
    shown.locator("#numbers-table button.open").first.click()
    assert shown.locator("#numbers-table .signature").inner_text() in set(load_results(runs)["signature"])


def test_an_item_is_shown_in_all_languages_with_both_answers(watched: Watched, page: Path) -> None:
    shown = watched.open(page)
    choose(shown, "items", "show", "broken: B wrong, A right (B lower)")
    rows = shown.locator("#items-list tbody tr")
    expect(rows).to_have_count(6)
    rows.nth(2).locator("button").click()
    name = rows.nth(2).locator("button").inner_text()
    number = int(name.rpartition("-")[2])
    assert shown.locator("#items-detail h3").inner_text() == name
    detail = shown.locator("#items-detail tbody tr")
    assert [text.split()[0] for text in detail.locator("th").all_inner_texts()] == ["en", "ar", "sw", "zh"]
    labels = ("entailment", "neutral", "contradiction")
    sw = detail.nth(2).locator("td")
    assert sw.nth(1).inner_text() == labels[number % 3]
    assert sw.nth(2).inner_text().split() == ["✓", "right", labels[number % 3]]
    assert sw.nth(3).inner_text().split() == ["✗", "wrong", labels[(number + 1) % 3]]
    arabic = detail.nth(1).locator("td").first
    assert (arabic.get_attribute("dir"), arabic.get_attribute("lang")) == ("rtl", "ar")
    assert arabic.evaluate("td => getComputedStyle(td).direction") == "rtl"
    choose(shown, "items", "show", "fixed: B right, A wrong (B higher)")
    expect(shown.locator("#items-list")).to_contain_text("No chosen item is so.")


def test_a_link_to_an_item_opens_it(watched: Watched, page: Path, browser: Browser) -> None:
    shown = watched.open(page)
    choose(shown, "items", "benchmark", "XQuAD")
    shown.locator("#items-list tbody tr button").nth(3).click()
    name = shown.locator("#items-detail h3").inner_text()
    address = shown.evaluate("location.hash")
    other = Watched(browser, viewport={"width": 1280, "height": 900})
    again = other.open(page, address)
    assert again.locator("#items-detail h3").inner_text() == name
    assert again.locator('form[data-for="items"] select[name="benchmark"]').input_value() == "xquad"
    expect(again.locator("#h-items")).to_be_in_viewport()
    assert other.problems == []
    other.context.close()
    watched.open(page, "#items?benchmark=nothing&item=%3Cimg%3E&a=x")  # an old or broken link is no error


def test_the_heat_map_shows_scores_and_differences(watched: Watched, page: Path, runs: list[Path]) -> None:
    shown = watched.open(page)
    frame = load_results(runs)
    cells = {
        (row.model, row.language): 100 * row.value
        for row in frame.itertuples()
        if row.benchmark == "xnli" and row.shots == 0
    }
    rows = shown.locator("#heat-table tbody tr")
    first = rows.nth(0).locator("td").first.inner_text().split()[0]
    assert float(first) == pytest.approx(cells["base", "en"], abs=0.05)
    choose(shown, "heat", "other", "tuned")
    names = [text.split()[0] for text in rows.locator("th").all_inner_texts()]
    values = [text.replace("−", "-").split()[0] for text in rows.locator("td:nth-of-type(1)").all_inner_texts()]
    assert dict(zip(names, map(float, values), strict=True)) == pytest.approx(
        {unit: cells["tuned", unit] - cells["base", unit] for unit in names}, abs=0.06
    )


def test_groups_are_the_averages_of_the_library(watched: Watched, page: Path, runs: list[Path]) -> None:
    shown = watched.open(page)
    table = group_averages(leading(load_results(runs)), "resource")
    wanted = {
        (row.model, row.benchmark, f"{row.shots} shots", row.group): (row.mean, row.languages)
        for row in table.itertuples()
    }
    heads = [text.strip() for text in shown.locator("#groups-table thead th").all_inner_texts()]
    found = {}
    for row in shown.locator("#groups-table tbody tr").all():
        texts = row.locator("td").all_inner_texts()
        for head, text in zip(heads[4:], texts[4:], strict=True):
            if text != "–":
                key = {"XNLI": "xnli", "XQuAD": "xquad"}[texts[1]]
                count = text.split("(")[1].split(",")[0].strip(")")
                found[texts[0], key, texts[2], head] = (float(text.split()[0]), int(count))
    assert found.keys() == wanted.keys()
    for key, (mean, count) in wanted.items():
        assert found[key] == (pytest.approx(mean, abs=0.051), count)


def test_the_leaderboard_is_what_the_library_measures(watched: Watched, page: Path, runs: list[Path]) -> None:
    shown = watched.open(page)
    measured = measure(load_results(runs), draws=500)
    assert measured.spread is not None
    ranks = measured.spread[(measured.spread["benchmark"] == "xnli") & (measured.spread["shots"] == 5)]
    for row in ranks.itertuples():
        line = shown.locator('table[data-name="leaderboard-5"] tbody tr').filter(has_text=row.model)
        text = " ".join(line.locator("td.n").nth(1).inner_text().split())
        assert text.startswith(f"{row.mean:.1f} {row.low:.1f} to {row.high:.1f} #")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_it_fits_every_screen(browser: Browser, page: Path, width: int, scheme: str, direction: str) -> None:
    one = Watched(browser, viewport={"width": width, "height": 800}, color_scheme=scheme)
    shown = one.open(page)
    shown.evaluate(f"document.documentElement.dir = '{direction}'")
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = shown.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    light = [sum(map(int, colour.strip("rgba()").split(",")[:3])) for colour in (ink, paper)]
    assert (light[0] > light[1]) == (scheme == "dark")
    for cell in shown.locator("table.board td.n, #numbers-table td").all()[:20]:
        behind = cell.evaluate(BEHIND)
        assert behind in (paper, shown.evaluate(PANEL)), behind
    assert one.problems == []
    one.context.close()


# What stands out of the window, but for what is inside a box that scrolls.
OUTSIDE = """() => [...document.querySelectorAll('body *')].filter(e => {
  const r = e.getBoundingClientRect(); if (!r.width || r.right <= innerWidth + 1 && r.left >= -1) return false;
  if (e.matches('.skip')) return false;
  for (let n = e.parentElement; n; n = n.parentElement) if (getComputedStyle(n).overflowX !== 'visible') return false;
  return true; }).map(e => e.outerHTML.slice(0, 99))"""
# The heights in CSS pixels of a letter of the figures' texts.
LETTERS = """() => [...document.querySelectorAll('.figures svg')].flatMap(s => [...s.querySelectorAll('text')].map(t =>
  parseFloat(getComputedStyle(t).fontSize) * s.getScreenCTM().a))"""


def test_on_a_phone_sections_are_in_sight_and_figures_can_be_read(browser: Browser, page: Path) -> None:
    one = Watched(browser, viewport={"width": 390, "height": 844})
    shown = one.open(page)
    assert shown.evaluate(OUTSIDE) == []
    menu = shown.locator("nav ul")
    assert menu.evaluate("e => e.scrollWidth <= e.clientWidth"), "no section's link is cut off"
    letters = shown.evaluate(LETTERS)
    assert min(letters) >= 10
    figure = shown.locator(".figures .scroll").first
    assert figure.evaluate("e => { e.scrollLeft = 1e4; return e.scrollLeft + e.clientWidth >= e.scrollWidth - 1; }")
    assert one.problems == []
    one.context.close()


# The colour behind a cell: that of the nearest ancestor that has one.
BEHIND = """node => { for (let n = node; n; n = n.parentElement) {
  const c = getComputedStyle(n).backgroundColor; if (c !== 'rgba(0, 0, 0, 0)') return c; } return ''; }"""
PANEL = """() => { const d = document.createElement('div'); d.style.background = 'var(--panel)';
  document.body.append(d); const c = getComputedStyle(d).backgroundColor; d.remove(); return c; }"""


def test_it_can_be_read_by_keyboard_and_on_paper(watched: Watched, page: Path) -> None:
    shown = watched.open(page)
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "Skip to the leaderboard"
    shown.keyboard.press("Enter")
    expect(shown.locator("#h-leaderboard")).to_be_in_viewport()
    shown.locator("#items-list button").nth(1).focus()
    shown.keyboard.press("Enter")
    assert shown.locator("#items-detail h3").inner_text() == shown.locator("#items-list button").nth(1).inner_text()
    shown.emulate_media(media="print")
    assert not shown.locator("nav").is_visible()
    assert shown.locator("#leaderboard table").first.is_visible()


def test_without_scripts_the_leaderboard_can_be_read(browser: Browser, page: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    shown = context.new_page()
    shown.goto(page.as_uri())
    assert "tuned" in shown.locator('table[data-name="leaderboard-0"]').inner_text()
    assert "Scripts are off" in shown.locator("noscript").inner_text()
    context.close()


def test_hostile_text_neither_runs_nor_breaks_anything(watched: Watched, hostile: Path) -> None:
    shown = watched.open(hostile)
    for benchmark in ("XNLI", "XQuAD"):
        choose(shown, "items", "benchmark", benchmark)
        for row in shown.locator("#items-list tbody tr button").all():
            row.click()
    detail = shown.locator("#items-detail").inner_text()
    seen = shown.locator("#items-list").inner_text() + detail
    assert "window.pwned" in seen
    assert shown.evaluate("window.pwned") is None
    assert shown.locator("#items-detail img, #items-detail svg, #items-detail script, table b b").count() == 0
    assert shown.evaluate("document.querySelectorAll('script').length") == 2
    assert shown.evaluate("document.documentElement.scrollWidth") <= 1280
    assert "</script>" in shown.locator("#leaderboard").inner_text()
    assert shown.locator("section#methods h3").count() >= 5  # the page goes on to its end


def test_the_policy_stops_what_slips_through(browser: Browser, page: Path, tmp_path: Path) -> None:
    """Were text ever put in unescaped, the page's own policy would not let it run, nor load an image."""
    broken = tmp_path / "index.html"
    attack = "<script>window.pwned = 1</script><img src='http://127.0.0.1:9/x.png' onerror='window.pwned = 1'>"
    broken.write_text(page.read_text(encoding="utf-8").replace("<main>", f"<main>{attack}"), encoding="utf-8")
    one = Watched(browser)
    shown = one.open(broken)
    assert shown.evaluate("window.pwned") is None
    assert any("script-src" in problem for problem in one.problems)
    assert any("img-src" in problem for problem in one.problems)
    one.context.close()
