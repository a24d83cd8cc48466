"""The guides of docs/contributing/: followed to the letter in a copy of the package, they do what they promise."""

import json
import re
from pathlib import Path

import pytest
from guides import REPOSITORY, Checkout

pytestmark = pytest.mark.e2e
GUIDES = REPOSITORY / "docs" / "contributing"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_a_metric_is_one_file(checkout: Checkout, models: dict[str, Path]) -> None:
    before = compiled(checkout)
    said = checkout.follow(GUIDES / "metric.md", MODEL=str(models["xglm"]))
    assert compiled(checkout) == before
    ours, plain = (json.loads(path.read_text(encoding="utf-8")) for path in results(checkout.folder))
    numbers = [found["results"]["xling_flores_en_de"]["ter,none"] for found in (ours, plain)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-9)
    assert numbers[0] > 0
    assert plain["higher_is_better"]["xling_flores_en_de"]["ter"] is False
    assert "| ter " in said
    page = (checkout.folder / "page" / "index.html").read_text(encoding="utf-8")
    assert "corpus TER (sacreBLEU)" in page
    assert "rule:ter,case=lc,tok=tercom,version=" in page


def test_a_section_is_one_file(checkout: Checkout, models: dict[str, Path]) -> None:
    checkout.follow(GUIDES / "section.md", MODEL=str(models["xglm"]))
    page = (checkout.folder / "page" / "index.html").read_text(encoding="utf-8")
    entries = re.findall(r'<li><a href="#(\w+)">', page)
    assert entries[entries.index("groups") :][:3] == ["groups", "scripts", "benchmarks"]
    assert re.findall(r'<section id="(\w+)"', page) == entries
    body = page.split('<section id="scripts"')[1].split("</section>")[0]
    assert '<h2 id="h-scripts">Scores by script</h2>' in body
    rows = re.findall(r'<td>(\w+)</td><td class="n"[^>]*>(\d)</td><td class="n" data-order="([^"]+)"', body)
    board = json.loads((checkout.folder / "page" / "leaderboard.json").read_text(encoding="utf-8"))
    value = {number["language"]: number["value"] for number in board["numbers"] if number["metric"] == "acc"}
    assert [(script, languages) for script, languages, _ in rows] == [("Latn", "2"), ("Thai", "1")]
    assert [float(mean) for *_, mean in rows] == pytest.approx([(value["en"] + value["it"]) / 2, value["th"]])


def compiled(checkout: Checkout) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted((checkout.folder / "tasks").rglob("*.yaml"))}


def results(folder: Path) -> list[Path]:
    """The results of our run and of plain lm_eval."""
    return [next((folder / "run").glob("*/*/results.json")), next((folder / "plain").rglob("results_*.json"))]
