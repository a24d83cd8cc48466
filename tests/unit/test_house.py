"""scripts/house.py on a small package: what it counts, and what it must not count."""

import ast
from pathlib import Path

import house
import pytest

FILES = {
    "__init__.py": "",
    "low.py": """
from typing import Any
Row = dict[str, Any]
Text = dict[str, str]
def find(row: Row) -> Text: ...
""",
    "first/__init__.py": "from tree.low import Row\n",
    "first/text.py": """
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
import typing as t
import tree.low
from tree import low
from tree.first import Row as Line
if TYPE_CHECKING:
    from tree.second import text
else:
    from tree.second import other
Rows = list[Line] | None
class Item:
    some: int
    def one(self, rows: Rows) -> None: ...
    async def two(self, *, row: low.Row) -> None: ...
def three(*rows: tree.low.Row) -> int:
    def told_apart(how: t.Mapping[str, t.Any] | None) -> None: ...
def none(a: dict[str, int], b: dict[int, Any], Row: str, c: low.Text, findings: str) -> Mapping[Any, str]: ...
""",
    "second/text.py": """
import typing as t
if t.TYPE_CHECKING:
    from tree.low import find, Text
Row = list[str]
def none(row: Row) -> None:
    from tree.first import text, Row as Other
""",
    "second/other.py": "",
}


@pytest.fixture
def package(tmp_path: Path) -> dict[str, house.Module]:
    for name, text in FILES.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return house.read(tmp_path / "tree")


def test_rooms_count_dicts_by_aliases_wherever_they_are_defined(package) -> None:
    lines = [line.split() for line in house.rooms(package)]
    counted = {room: [int(number) for number in numbers] for room, *numbers in lines[1:]}
    assert lines[0][:2] == ["4", "rooms"]
    assert counted["first"] == [2, 1 + FILES["first/text.py"].count("\n"), 5, 4]  # one, two, three, told_apart
    assert counted["low"][2:] == [1, 1]
    assert counted["second"][2:] == [1, 0]  # its Row is another
    whole = counted.pop("(all)")
    assert whole == [sum(numbers) for numbers in zip(*counted.values(), strict=True)]


def test_arrows_are_imports_that_run_and_make_cycles(package) -> None:
    assert [*house.arrows(package)] == [
        "\n3 arrows between rooms, 6 imports; 1 more for types only",
        "  first -> low 3, second 1",
        "  second -> first 2",  # one statement, of two modules
        "\ncycles between rooms: 1\n  first, second",
        "\ncycles between modules: 0",  # what is imported for types alone makes none
    ]


def test_a_cycle_of_modules(package) -> None:
    members = ("tree.first", "tree.first.text", "tree.low", "tree.second.text")
    package["tree.low"].imports.add(("tree.second.text", 1, True))
    assert [*house.arrows(package)][-1] == f"\ncycles between modules: 1\n  {', '.join(members)}"


def test_names_that_say_little_or_stand_for_two_modules(package) -> None:
    assert [*house.names(package)] == [
        "\nmodule names that occur more than once: 1, of 2 modules", "  text: first/text.py, second/text.py",
        "\ncalled find, some, told, how, kept: 4",
        "  modules: none", "  functions: find 1, told_apart 1", "  parameters: how 1", "  fields: some 1",
    ]  # fmt: skip


@pytest.mark.parametrize("folder", ["benchmarks", "scripts", "tests"])
def test_no_program_beside_the_package_goes_round_in_a_circle(folder: str) -> None:
    """What import-linter checks of the package: these are no packages, their files import each other by bare names."""
    files = {path.stem: path for path in (Path(__file__).parents[2] / folder).glob("*.py")}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in files.items()}
    reach = {name: imported(tree) & files.keys() for name, tree in trees.items()}
    assert house.cycles(reach) == []


def test_the_package_knows_nothing_of_what_stands_beside_it() -> None:
    root = Path(__file__).parents[2]
    beside = {path.stem for folder in ("benchmarks", "scripts", "tests") for path in (root / folder).glob("*.py")}
    for path in (root / "xling_bench").rglob("*.py"):
        assert not imported(ast.parse(path.read_text(encoding="utf-8"))) & beside, path


def imported(tree: ast.Module) -> set[str]:
    """The first parts of what a file imports, anywhere in it."""
    found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found |= {each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names}
    return {name.partition(".")[0] for name in found}
