"""The guides of docs/contributing/: followed to the letter in a copy of the package, they do what they promise."""

import json
import re
from pathlib import Path
from typing import Any

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


def test_a_language_is_one_line(checkout: Checkout, models: dict[str, Path]) -> None:
    before, declared = compiled(checkout), declarations(checkout)
    said = checkout.follow(GUIDES / "language.md", MODEL=str(models["llama"]))
    after = compiled(checkout)
    german = {name for name in after if name.endswith("xcopa_de.yaml")}
    assert after.keys() - before.keys() == german
    assert german
    changed = [name for name in declared if declarations(checkout)[name] != declared[name]]
    assert changed == ["tasks/xcopa/benchmark.toml"]
    (result,) = scored(checkout.folder / "run")
    assert result["xling"]["unit"] == "de"
    assert result["xling"]["facts"]["items"] == 2
    assert "not as published" in said


def test_a_prompt_family_is_two_files(checkout: Checkout, models: dict[str, Path]) -> None:
    before = compiled(checkout)
    said = checkout.follow(GUIDES / "prompt.md", MODEL=str(models["llama"]))
    after = compiled(checkout)
    assert [Path(name).name for name in after if name not in before] == ["xling-ask_xnli_de.yaml"]
    assert all(after[name] == before[name] for name in before)
    assert "Stimmt es dann, was hier steht?" in said
    ours, usual = sorted(scored(checkout.folder / "run"), key=lambda result: result["xling"]["facts"]["task"])
    assert (ours["xling"]["family"], usual["xling"]["family"]) == ("ask", "xglm")
    assert "xling-ask_xnli_de" in (checkout.folder / "page" / "index.html").read_text(encoding="utf-8")


def test_a_benchmark_is_a_declaration_a_file_and_a_form(checkout: Checkout, models: dict[str, Path]) -> None:
    before, declared = compiled(checkout), declarations(checkout)
    checkout.follow(GUIDES / "benchmark.md", MODEL=str(models["llama"]))
    after = compiled(checkout)
    assert {Path(name).parent.name for name in after.keys() - before.keys()} == {"weather"}
    assert [Path(name).name for name in before if after[name] != before[name]] == ["xlingbench.yaml"]
    changed = [name for name in declared if declarations(checkout)[name] != declared[name]]
    assert changed == ["templates/xglm/family.toml"]
    results = scored(checkout.folder / "run")
    facts = [result["xling"]["facts"] for result in results]
    measured = {(result["xling"]["unit"], each["shots"]) for result, each in zip(results, facts, strict=True)}
    assert measured == {(language, shots) for language in ("de", "en") for shots in (0, 1)}
    assert {(each["source"], each["items"]) for each in facts} == {("files", 2)}
    assert all(0 <= result["results"][result["xling"]["facts"]["task"]]["acc,none"] <= 1 for result in results)


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


def declarations(checkout: Checkout) -> dict[str, bytes]:
    """What people write: the declarations that were there."""
    found = [path for name in ("tasks", "templates") for path in (checkout.folder / name).rglob("*.toml")]
    return {path.relative_to(checkout.folder).as_posix(): path.read_bytes() for path in sorted(found)}


def scored(run: Path) -> list[dict[str, Any]]:
    """The results of a run."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(run.glob("*/*/results.json"))]


def compiled(checkout: Checkout) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted((checkout.folder / "tasks").rglob("*.yaml"))}


def results(folder: Path) -> list[Path]:
    """The results of our run and of plain lm_eval."""
    return [next((folder / "run").glob("*/*/results.json")), next((folder / "plain").rglob("results_*.json"))]
