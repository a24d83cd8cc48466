"""What pages say is there: links, tables that come from declarations, variables, options, reasons not to run."""

from __future__ import annotations

import argparse
import ast
import re
import tomllib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import docs_tables
import pages
import pytest
from guides import REPOSITORY, blocks

from xling_bench.cli.main import parser

LANGUAGES = {"sh", "console", "csv", "python", "toml", "json", "mermaid"}


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert not pages.broken(page)


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One `two`-three\n[a](page.md#one-two-three) [b](other.md) [c](#four) [d](https://example.org)\n")
    assert pages.broken(page) == ["other.md", "#four"]


def test_every_page_of_docs_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    queue = [REPOSITORY / "README.md"]
    while queue:
        page = queue.pop()
        seen.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in pages.links(page)}
        queue += [path for path in targets if path.suffix == ".md" and path not in seen]
    assert {page for page in pages.PAGES if page.is_relative_to(REPOSITORY / "docs")} <= seen


def test_the_readme_stays_a_page() -> None:
    assert (REPOSITORY / "README.md").stat().st_size <= 7_000


@pytest.mark.parametrize("place", docs_tables.PLACES)
def test_tables_are_those_of_the_declarations(place: str) -> None:
    """Byte for byte; `make docs` writes them."""
    text = (REPOSITORY / place).read_text(encoding="utf-8")
    assert docs_tables.TABLE.search(text)
    assert docs_tables.written(text) == text


def test_every_variable_of_the_environment_is_in_the_table() -> None:
    text = pages.text_of(REPOSITORY / "docs" / "data.md").partition("## Environment variables")[2]
    first = "\n".join(line.split("|")[1] for line in text.splitlines() if "|" in line)
    listed = re.findall(r"`([A-Z][A-Z0-9_]+)`", first)
    known = {name for path in (REPOSITORY / "xling_bench").rglob("*.py") for name in variables(path)}
    beside = [path for folder in ("tests", "scripts", "benchmarks") for path in (REPOSITORY / folder).rglob("*.py")]
    known |= {name for path in beside for name in variables(path) if name.startswith("XLING_")}
    assert sorted(listed) == sorted(known)


def variables(path: Path) -> Iterable[str]:
    """Names that a module looks up, sets or asks for in `os.environ`; of our package none may be computed."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    for node in ast.walk(tree):
        found: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if ast.unparse(node.func.value) == "os.environ" or ast.unparse(node.func) == "os.getenv":
                found = node.args[:1]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            found = [node.slice]
        elif isinstance(node, ast.Compare) and any(ast.unparse(each) == "os.environ" for each in node.comparators):
            found = [node.left]
        for each in (constants.get(ast.unparse(each), each) for each in found):
            if isinstance(each, ast.Constant):
                yield str(each.value)
            else:
                assert not path.is_relative_to(REPOSITORY / "xling_bench"), f"{path}: {ast.unparse(each)}"


def test_the_picture_of_the_rooms_is_that_of_the_import_contracts() -> None:
    text = pages.text_of(REPOSITORY / "docs" / "architecture.md")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    layers = [layer.replace("xling_bench.", "") for layer in project["tool"]["importlinter"]["contracts"][0]["layers"]]
    arrows = [f"{above} --> {below}".replace("|", "&") for above, below in pairwise(layers)]
    drawn = next(block.text for block in blocks(text) if block.text.startswith("flowchart TD"))
    assert [line.strip() for line in drawn.splitlines()[1:]] == arrows
    table = text.partition("| room | what it is for |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == sorted(" | ".join(layers).split(" | "))


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_what_is_not_run_says_why_and_has_options_that_exist(page: Path) -> None:
    for reason, text in pages.not_run(page):
        assert len(reason.split()) > 1, f"a `console` block without <!-- not run: REASON --> above it:\n{text}"
        for words in pages.commands(text):
            parse(words)


def parse(words: list[str]) -> None:
    """Fail unless the command and its options exist."""
    if "-m" in words:  # torchrun -m xling_bench ...
        words = words[words.index("-m") + 1 :]
    if words[0] in ("xling-bench", "xling_bench"):
        parser().parse_args(words[1:])
    elif words[0] == "lm_eval":
        from lm_eval._cli.harness import HarnessCLI

        HarnessCLI()._parser.parse_args(words[1:])
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:| {words[1]}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    else:
        assert words[:2] == ["pip", "install"], words
        extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert set(re.findall(r"\w+", words[2].lstrip("."))) <= set(extras), words


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_options_named_in_sentences_exist(page: Path) -> None:
    for words in pages.inline(page):
        command = parser()
        for word in words[1:]:
            choices = subcommands(command)
            if word in choices:
                command = choices[word]
            elif choices:
                assert word.isupper() or word in ("...", "--help", "--version"), words
        known = command._option_string_actions
        assert {word for word in words if word.startswith("--")} <= set(known), words


def subcommands(command: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = [action.choices for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0]) if found else {}


@pytest.mark.parametrize("page", [page for page in pages.PAGES if page.name not in ("BENCHMARKS.md", "CHANGELOG.md")],
                         ids=pages.name)  # fmt: skip
def test_no_command_hides_in_a_block_that_no_test_reads(page: Path) -> None:
    assert {block.language for block in blocks(pages.text_of(page))} <= LANGUAGES
    for text in pages.bare(page):
        assert not re.search(r"^(xling-bench|lm_eval|python|make|pip) ", text, re.MULTILINE), text
