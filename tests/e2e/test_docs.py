"""Every command of README.md, docs/ and the four folders' pages, run as it stands there, on the sample and tiny models.

The working folder has what pages speak of: `./my-checkpoint` and `./my-base` are tiny models, `runs/base`, `runs/tuned`
and `runs/new` invented results, `/path/to/...` the sample or a few invented texts. Guides: see test_guides.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pages
import pytest
import training_recipe
import warm
from guides import REPOSITORY, blocks
from runs import outcomes, write_run

import xling_bench
from xling_bench.cli.main import main

pytestmark = pytest.mark.e2e
# What the pages say can be imported from xling_bench, and cannot yet: where it is. Nothing may stand here that can.
COMING = {
    "compare_models": "xling_bench.results.compare",
    "rank_models": "xling_bench.results.ranks",
    "write_report": "xling_bench.report.build",
    "run_gate": "xling_bench.regress.gate",
    "train": "xling_bench.training.run",
}
BENCHMARK_FILES, TRAINING_TEXTS = "/path/to/benchmark/files", "/path/to/training/texts"
PAGES = [page for page in pages.PAGES if not page.is_relative_to(pages.GUIDES) and pages.shell(page)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, models: dict[str, Path]) -> Path:
    """A user's folder."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "my-checkpoint").symlink_to(models["llama"])
    (folder / "my-base").symlink_to(models["xglm"])
    for number, name in enumerate(("base", "tuned", "new")):
        scores = outcomes(60, accuracy=0.6 + 0.01 * number)
        write_run(folder / "runs" / name, scores, model=f"./{name}", source="files")
    shutil.copytree(REPOSITORY / "reports", folder / "reports")
    training_recipe.write(folder, models["xglm"])
    return folder


@pytest.fixture
def user(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which a page's commands are run."""
    folder = shutil.copytree(prepared, tmp_path / "user", symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XLING_DATA", "sample")
    return folder


@pytest.mark.parametrize("page", PAGES, ids=pages.name)
def test_commands_do_what_they_say(page: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in blocks(pages.text_of(page)):
        if block.path:
            Path(block.path).write_text(block.text, encoding="utf-8")
    for text in pages.shell(page):
        for words in pages.commands(text):
            if words[0] == "export":
                export(words[1], user, monkeypatch)
            else:
                done, said = run(words, monkeypatch)
                assert done == 0, f"{' '.join(words)}\n{said}"


def export(setting: str, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what is meant by a page's path."""
    name, value = setting.split("=")
    assert name == "XLING_DATA_DIR"
    assert value in (BENCHMARK_FILES, TRAINING_TEXTS)
    if value == TRAINING_TEXTS:
        monkeypatch.setenv(name, str(user / "data"))


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """The exit code of a command and what it said."""
    program, *arguments = words
    if program == "lm_eval":
        return plain(arguments, monkeypatch)
    assert program == "xling-bench", words
    environment = dict(os.environ)
    if arguments[0] == "train":
        del environment["XLING_DATA"]  # texts of one's own, where the sample is none to compare with
    done = warm.command(*arguments, environment=environment)
    return done.returncode, done.stdout + done.stderr


def plain(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """lm_eval's own command line, here."""
    from lm_eval.__main__ import cli_evaluate

    with contextlib.redirect_stdout(io.StringIO()) as path:
        assert main(["path"]) == 0
    words = [word.replace("$(xling-bench path)", path.getvalue().strip()) for word in arguments]
    monkeypatch.setattr(sys, "argv", ["lm_eval", *words])
    with contextlib.redirect_stdout(io.StringIO()) as said, warnings.catch_warnings(action="ignore"):
        cli_evaluate()
    return 0, said.getvalue()


@pytest.mark.parametrize("page", ["docs/python.md", "docs/plain-lm-eval.md"])
def test_python_does_what_it_says(page: str, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not set(COMING) & set(xling_bench.__all__), "take it out of COMING"
    for name, module in COMING.items():
        monkeypatch.setattr(xling_bench, name, getattr(import_module(module), name), raising=False)
    names: dict[str, object] = {}
    code = [block.text for block in blocks(pages.text_of(REPOSITORY / page)) if block.language == "python"]
    assert code
    for text in code:
        with contextlib.redirect_stdout(io.StringIO()) as said, warnings.catch_warnings(action="ignore"):
            exec(compile(text, page, "exec"), names)  # noqa: S102 - a page of ours
        assert said.getvalue() or "print" not in text
