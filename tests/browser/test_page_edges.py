"""The page with odd links, names that look alike, numbers on the edge of rounding, and its colours."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from report_runs import UNITS, choices, xnli_texts
from runs import outcomes, turned, write_run
from watched import Watched

from xling_bench.core import content
from xling_bench.report.build import Options, write_report
from xling_bench.report.labels import number

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
NAMES = (*(f"/data/{'x' * 40}/run{letter}/{'y' * 40}" for letter in "AB"), '<b>m%41</b> & "q"')
LINKS = ("#items?item=%", "#items?benchmark=xnli&item=%E0%A4%A", "#benchmarks?benchmark=nothing", "#heat?model=x", "#%")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """index.html of three models: two long names that differ in the middle, one with markup and a percent sign."""
    root, scores = tmp_path_factory.mktemp("odd"), outcomes(100, UNITS)
    runs = []
    for at, name in enumerate(NAMES):
        mine = {unit: turned(values, 0.05 * at) for unit, values in scores.items()}
        runs.append(write_run(root / str(at), mine, name=name, texts=xnli_texts, choices=choices(mine)))
    return write_report(runs, root / "site", Options(draws=200))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """index.html of one model: English and Arabic above chance on XNLI, Swahili and Chinese at it."""
    root, good = tmp_path_factory.mktemp("alone"), outcomes(200, ("en", "ar"), accuracy=0.7)
    scores = good | dict.fromkeys(("sw", "zh"), (np.arange(200) // 3 % 3 == 0).astype(float))
    write_run(root / "run", scores, model="/home/me/secret/gemma", texts=xnli_texts, choices=choices(scores))
    return write_report([root / "run"], root / "site", Options(draws=200))


def test_a_page_of_one_model_offers_no_second_one(watched: Watched, alone: Path) -> None:
    shown = watched.open(alone)
    names = shown.locator("form.controls select").evaluate_all("all => all.map((one) => one.name)")
    assert not {"a", "b", "other"} & set(names)
    offered = shown.locator('form[data-for="items"] select[name="show"] option').all_inner_texts()
    assert offered == ["all chosen items", "right in some languages only"]
    assert shown.locator("#items-list thead th").all_inner_texts() == ["Item", "Right"]
    assert shown.locator("#items-detail thead th").all_inner_texts() == ["Language", "Item", "Right answer", "gemma"]
    text = shown.locator("main").inner_text()
    assert not [word for word in ("fixed", "broken", "A: ", "second model", "Ranked by", "secret") if word in text]
    shown.locator('form[data-for="items"] select[name="show"]').select_option("split")
    shown.locator("#items-list tbody tr button").nth(2).click()
    name, address = shown.locator("#items-detail h3").inner_text(), shown.evaluate("location.hash")
    assert watched.open(alone, address).locator("#items-detail h3").inner_text() == name
    watched.open(alone, "#items?benchmark=xnli&a=gemma&b=other&show=broken")  # a link of a page of two models
    watched.open(alone, "#heat?model=gemma&other=gemma")


def test_one_models_gap_is_said_to_be_bounded_by_chance(watched: Watched, alone: Path) -> None:
    shown = watched.open(alone)
    row = shown.locator("#benchmark-table tbody tr").first
    assert row.locator("td").nth(3).inner_text().startswith("at least ")
    assert shown.locator('table[data-name="spread"] tbody tr').get_attribute("class") != "chance"
    assert "2 of the 3 other languages are at chance" in shown.locator("#gaps").inner_text()
    assert "arrow: at least" in shown.locator("#gaps svg").first.inner_html()


def test_a_model_beside_itself_is_shown_once(watched: Watched, odd: Path) -> None:
    shown = watched.open(odd)
    for side in ("a", "b"):
        shown.locator(f'form[data-for="items"] select[name="{side}"]').select_option("1")
    assert shown.locator("#items-list thead th").count() == 2
    assert shown.locator("#items-detail thead th").count() == 4


@pytest.mark.parametrize("link", LINKS)
def test_a_broken_link_breaks_nothing(watched: Watched, odd: Path, link: str) -> None:
    shown = watched.open(odd, link)
    assert shown.locator("#benchmark-table tbody tr").count() == 3


def test_every_model_has_its_row_and_its_link(watched: Watched, odd: Path, browser: Browser) -> None:
    shown = watched.open(odd)
    models = shown.locator("#benchmark-table tbody tr td:first-child").all_inner_texts()
    assert len(set(models)) == 3
    for at in ("1", "2"):
        shown.locator('form[data-for="items"] select[name="a"]').select_option(value=at)
        other = Watched(browser)
        again = other.open(odd, shown.evaluate("location.hash"))
        assert again.locator('form[data-for="items"] select[name="a"]').input_value() == at
        other.context.close()


def test_names_in_downloads_keep_what_looks_like_markup(watched: Watched, odd: Path, tmp_path: Path) -> None:
    shown = watched.open(odd)
    for table in ("#numbers-table", "#benchmark-table", "#groups-table"):
        with shown.expect_download() as download:
            shown.locator(f"{table} button.dt-button").click()
        download.value.save_as(tmp_path / "table.csv")
        with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as file:
            assert NAMES[2] in {row["Model"] for row in csv.DictReader(file)}


def test_numbers_are_rounded_as_the_library_rounds(watched: Watched, odd: Path) -> None:
    """Of 400 items, 249 right are 62.25 %: the tables print 62.2."""
    rng = np.random.default_rng(0)
    values = [100 * k / n for n in (400, 500, 1000, 5010) for k in range(n)] + [-0.04, -0.25, 0.05, 62.65, 99.95]
    values += rng.uniform(-100, 100, 2000).tolist()
    source = (content.folder("reports") / "page" / "core.js").read_text(encoding="utf-8")
    function = source[source.index("function number(") : source.index("const interval")]
    shown = watched.open(odd)
    script = shown.context.new_page()  # a page without a policy, which may make functions of text
    printed = script.evaluate("([values, source]) => values.map(eval(`(${source.trim()})`))", [values, function])
    assert printed == [number(value) for value in values]


RATIO = """node => {
  const part = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const parse = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return [n.slice(0, 3), n[3] ?? 1]; };
  const light = (c) => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
  const layers = [];
  for (let n = node; n; n = n.parentElement) layers.unshift(parse(getComputedStyle(n).backgroundColor));
  const behind = layers.reduce((under, [c, a]) => under.map((u, i) => a * c[i] + (1 - a) * u), [255, 255, 255]);
  const [a, b] = [light(parse(getComputedStyle(node).color)[0]), light(behind)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05); }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, odd: Path, scheme: str) -> None:
    """WCAG 2 asks for 4.5 to 1; the strongest colours of the heat map and the words right and wrong are the hardest."""
    one = Watched(browser, color_scheme=scheme)
    shown = one.open(odd)
    cell = shown.locator("#heat-table td").first
    for hue in ("--good", "--bad"):
        cell.evaluate(
            f"node => {{ node.style.setProperty('--a', '0.65'); node.style.setProperty('--hue', 'var({hue})'); }}"
        )
        assert cell.evaluate(RATIO) >= 4.5, hue
    for selector in (".verdict.right", ".verdict.wrong", ".lead", "nav a", "td small", "#numbers-table td"):
        assert shown.locator(selector).first.evaluate(RATIO) >= 4.5, selector
    assert one.problems == []
    one.context.close()


def test_heads_of_tables_are_heads(watched: Watched, odd: Path) -> None:
    shown = watched.open(odd)
    assert shown.evaluate("document.querySelectorAll('thead td').length") == 0


def test_what_compares_within_a_language_has_no_mean_and_no_gap(watched: Watched, tmp_path: Path) -> None:
    bits = {"en": np.full(50, 1.2344), "de": np.full(50, 0.9)}
    runs = [write_run(tmp_path / "acc", outcomes(50, ("en", "de")), name="m"),
            write_run(tmp_path / "bpb", bits, metric="bpb", name="m")]  # fmt: skip
    shown = watched.open(write_report(runs, tmp_path / "site", Options(draws=200)))
    heads = shown.locator("#benchmark-table thead th")
    firsts = shown.locator("#benchmark-table tbody tr:first-child td")
    assert heads.all_inner_texts() == ["Model", "Setting", "Mean", "Gap", "en", "de", "Prompts", "Note"]
    shown.locator('form[data-for="benchmark"] select[name="metric"]').select_option("bpb")
    assert heads.all_inner_texts() == ["Model", "Setting", "en", "de", "Prompts", "Note"]
    assert firsts.all_inner_texts()[:4] == ["m", "0 shots", "1.234", "0.900"]


def test_the_prompts_behind_a_benchmark_are_named_and_long_links_fit_a_phone(browser: Browser, tmp_path: Path) -> None:
    """Only XNLI was measured with its default family: elsewhere another stands for it, which must be told."""
    run, scores = tmp_path / "run", outcomes(60, ("en", "sw"))
    measured = {"xnli": "xglm", "xcopa": "native", "global_mmlu_lite": "cf"}
    for benchmark, family in measured.items():
        write_run(run, scores, benchmark=benchmark, family=family, name="m")
    page = write_report([run], tmp_path / "site", Options(draws=200))
    one = Watched(browser, viewport={"width": 390, "height": 844})
    shown = one.open(page)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    for table in ("table.board", "#heat-table table"):
        named = set(shown.locator(f"{table} thead .sub").all_inner_texts())
        assert named == {f"acc, {family}" for family in measured.values()}
    with (page.parent / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        assert {row["benchmark"]: row["family"] for row in csv.DictReader(file)} == {"overall": "", **measured}
    heads = (page.parent / "leaderboard.md").read_text(encoding="utf-8")
    assert all(f"(acc, {family})" in heads for family in measured.values())
    assert one.problems == []
    one.context.close()
