"""Content of one's own lies over ours: a file of the same name stands in its place, all others come besides."""

from pathlib import Path

import pytest

from xling_bench import catalog
from xling_bench.catalog.benchmark import own_declaration
from xling_bench.catalog.compile import compile_all, compile_spec
from xling_bench.cli.main import main
from xling_bench.core import content
from xling_bench.core.errors import DeclarationError
from xling_bench.training import recipe

CACHED = (catalog.benchmarks, catalog.families, catalog.task_specs, catalog.names.suites, catalog.prompt.words)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder with a German wording and a recipe of one's own."""
    words = content.folder("templates") / "native" / "de.toml"
    (tmp_path / "templates" / "native").mkdir(parents=True)
    text = words.read_text(encoding="utf-8")
    assert "richtig?" in text
    (tmp_path / "templates" / "native" / "de.toml").write_text(text.replace("richtig?", "stimmt es?"), encoding="utf-8")
    (tmp_path / "training" / "methods").mkdir(parents=True)
    (tmp_path / "training" / "methods" / "mine.toml").write_text('title = "mine"\n', encoding="utf-8")
    before = dict.fromkeys(catalog.task_specs())
    monkeypatch.setenv(content.VARIABLE, str(tmp_path))
    for cached in CACHED:
        cached.cache_clear()
    yield tmp_path, before
    for cached in CACHED:
        cached.cache_clear()


def test_one_file_changes_what_it_says_and_nothing_else(mine, capsys) -> None:
    folder, before = mine
    assert dict.fromkeys(catalog.task_specs()) == before
    assert main(["tasks", "check"]) == 2, "compiled tasks of one's own are still to be written"
    assert main(["tasks", "compile"]) == 0
    assert main(["tasks", "check"]) == 0
    capsys.readouterr()
    assert main(["path"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "tasks")
    ours = content.folder("tasks")
    changed = {name for name, text in compile_all().items() if (ours / name).read_text(encoding="utf-8") != text}
    assert changed
    assert all(name.endswith("_de.yaml") and "native" in name for name in changed), changed
    assert {"afp", "mine"} <= recipe.named()["method"].keys()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(content.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(DeclarationError, match=r"XLING_CONTENT_DIR=.*nowhere: no such folder"):
        content.file("tasks/suites.toml")


def test_a_benchmark_declared_otherwise_than_ours_is_told_apart(tmp_path: Path, monkeypatch) -> None:
    """Its keys and signatures say so: results of both were put side by side."""
    text = (content.folder("tasks") / "xcopa" / "benchmark.toml").read_text(encoding="utf-8")
    choices = 'choices = ["choice1", "choice2"]'
    assert choices in text
    (tmp_path / "tasks" / "xcopa").mkdir(parents=True)
    monkeypatch.setenv(content.VARIABLE, str(tmp_path))
    seen = {}
    otherwise = text.replace(choices, 'choices = ["choice2", "choice1"]')
    for name, said in (("alike", text + "# mine\n"), ("otherwise", otherwise)):
        (tmp_path / "tasks" / "xcopa" / "benchmark.toml").write_text(said, encoding="utf-8")
        for cached in CACHED:
            cached.cache_clear()
        seen[name] = own_declaration("xcopa"), "declaration: " in compile_spec(catalog.get_task("xling_xcopa_it"))
    for cached in CACHED:
        cached.cache_clear()
    assert seen["alike"] == (None, False)
    assert seen["otherwise"][0] is not None
    assert seen["otherwise"][1]
