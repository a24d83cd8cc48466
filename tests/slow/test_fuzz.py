"""Damaged files of every kind that is read, through the real command line: one clear error, or the numbers as before.

A case is a file, a damage and a command, all drawn by a seed (`tests/fuzz.py`); each command has its own process.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import fuzz
import pytest
import warm

from xling_bench.core.text import HIDDEN

pytestmark = pytest.mark.e2e
LONGEST = 600  # seconds; a command takes one or two where nobody else computes
SAID = ("error", "DAMAGED", "missing")  # how `doctor` and `data check` say on their output what is wrong
LINKED = ("model", "content", "data")


def _command(text: str, folder: Path, environment: dict[str, str]) -> Any:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("XLING_")}
    own = {"XLING_DATA": "sample", **{key: value.format(folder) for key, value in environment.items()}}
    arguments = text.replace("{}", str(folder)).split()
    return warm.command(*arguments, environment={**clean, **own}, timeout=LONGEST)


@pytest.fixture(scope="module")
def pristine(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    return fuzz.workspace(folder, models["llama"], lambda *words: _command(" ".join(words), folder, {}))


def _rows(text: str) -> set[str]:
    """The rows of tables: what numbers a command prints."""
    return {line for line in text.splitlines() if line.startswith("|")}


def _fuzz(pristine: Path, cases: list[fuzz.Case]) -> None:
    usual: dict[str, set[str]] = {}
    wrong, unseen, refused = [], 0, 0
    work, damaged = pristine.with_name(f"{pristine.name}-work"), ""
    for case in cases:
        _restore(pristine, work, damaged)
        key = f"{case.command} {sorted(case.kind.environment)}"
        if key not in usual:
            clean = _command(case.command, work, case.kind.environment)
            assert "Traceback" not in clean.stderr, clean.stderr
            usual[key] = _rows(clean.stdout)
            _restore(pristine, work, damaged="")
        path, damaged = work / case.kind.path, case.kind.path
        fuzz.damage(path, case, path.read_bytes())
        done = _command(case.command, work, case.kind.environment)
        if "Traceback" in done.stderr or done.returncode not in (0, 1, 2, 3):
            wrong.append(f"{case}\n  exit code {done.returncode}\n{done.stderr[-1500:]}")
        elif HIDDEN.search(done.stdout) or HIDDEN.search(done.stderr.replace("\r", "")):
            wrong.append(f"{case}\n  what was in the file acts on the terminal")
        elif done.returncode == 2:
            refused += 1
            if not done.stderr.strip() and not any(word in done.stdout for word in SAID):
                wrong.append(f"{case}\n  exit code 2 without a word")
        elif _rows(done.stdout) - usual[key]:
            unseen += 1
            if case.kind.sealed or case.mutation not in fuzz.UNSEEN:
                wrong.append(f"{case}\n  other numbers:\n{done.stdout[-800:]}")
    print(f"{len(cases)} cases: {refused} refused, {unseen} with other numbers that only a checksum could tell")
    assert not wrong, f"{len(wrong)} of {len(cases)} cases:\n" + "\n".join(wrong)


def _restore(pristine: Path, work: Path, damaged: str) -> None:
    """The workspace as it was: commands write into it, too. Large parts that no command writes to are links, and new
    ones where the file that was damaged is one of them."""
    work.mkdir(exist_ok=True)
    for part in work.iterdir():
        if part.name in LINKED and not damaged.startswith(f"{part.name}/"):
            continue
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
        else:
            part.unlink()
    for part in pristine.iterdir():
        if (work / part.name).exists():
            continue
        if part.is_dir():
            shutil.copytree(part, work / part.name, copy_function=os.link if part.name in LINKED else shutil.copy2)
        else:
            shutil.copy2(part, work / part.name)


@pytest.mark.slow
def test_sixty_damaged_files(pristine: Path) -> None:
    _fuzz(pristine, [*fuzz.cases(60, fuzz.QUICK, seed=15), *fuzz.found()])


@pytest.mark.slow
def test_a_thousand_damaged_files(pristine: Path) -> None:
    _fuzz(pristine, list(fuzz.cases(1000, fuzz.KINDS, seed=1)))
