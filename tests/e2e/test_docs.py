"""Every command of README.md, docs/ and the four folders' pages, run as it stands there, on the sample and tiny models.

The working folder has what pages speak of: `./my-checkpoint` and `./my-base` are tiny models, `runs/base`, `runs/tuned`
and `runs/new` invented results, `/path/to/...` the sample or a few invented texts. Guides: see test_guides.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pages
import pytest
import training_recipe
import warm
from guides import REPOSITORY, blocks
from runs import outcomes, write_run

from xling_bench.core.content import tasks_folder

pytestmark = pytest.mark.e2e
BENCHMARK_FILES, TRAINING_TEXTS = "/path/to/benchmark/files", "/path/to/training/texts"
PAGES = [page for page in pages.PAGES if not page.is_relative_to(pages.GUIDES)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, models: dict[str, Path]) -> Path:
    """A user's folder."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "my-checkpoint").symlink_to(models["llama"])
    (folder / "my-base").symlink_to(models["xglm"])
    for number, name in enumerate(("base", "tuned", "new")):
        scores = outcomes(60, accuracy=0.6 + 0.01 * number)
        write_run(folder / "runs" / name, scores, model=f"./{name}", source="files")
    (folder / "reports").symlink_to(REPOSITORY / "reports")
    training_recipe.write(folder, models["xglm"]).rename(folder / "my.toml")
    return folder


@pytest.fixture
def user(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which a page's commands are run."""
    folder = shutil.copytree(prepared, tmp_path / "user", symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XLING_DATA", "sample")
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if pages.shell(page)], ids=pages.name)
def test_commands_do_what_they_say(page: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in blocks(pages.text_of(page)):
        if block.path:
            Path(block.path).write_text(block.text, encoding="utf-8")
    for text in pages.shell(page):
        for words in pages.commands(text):
            if words[0] == "export":
                export(words[1], user, monkeypatch)
            else:
                done = run(words)
                assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"


def export(setting: str, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what is meant by a page's path."""
    name, value = setting.split("=")
    assert name == "XLING_DATA_DIR"
    assert value in (BENCHMARK_FILES, TRAINING_TEXTS)
    if value == TRAINING_TEXTS:
        monkeypatch.setenv(name, str(user / "data"))


def run(words: list[str]) -> CompletedProcess[str]:
    """A page's command, as a forked process."""
    program, *arguments = words
    environment = dict(os.environ)
    if arguments[0] == "train":
        del environment["XLING_DATA"]  # texts of one's own: the sample is none to compare them with
    if program == "lm_eval":
        arguments = [word.replace("$(xling-bench path)", str(tasks_folder())) for word in arguments]
        return warm.run("lm_eval", *arguments, environment=environment)
    assert program == "xling-bench", words
    return warm.command(*arguments, environment=environment)


@pytest.mark.parametrize("page", [page for page in PAGES if pages.python(page)], ids=pages.name)
def test_python_does_what_it_says(page: Path, user: Path) -> None:
    """The page's blocks, one after the other, as one program; each prints something."""
    code = "".join(f"{text}\nprint('end of block')\n" for text in pages.python(page))
    done = warm.run("-c", code, environment=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert all(said.strip() for said in done.stdout.split("end of block\n")[:-1])
