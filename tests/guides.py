"""Guides of docs/ executed: their files are written into a copy of the package, their commands run there.

A fenced block with `title=PATH` after its language is a file, a block of `sh` is commands, one after the other. What a
guide promises to be enough is all that is done.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import warm

REPOSITORY = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language, the file it is (empty: none), its text."""

    language: str
    path: str
    text: str


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a Markdown text that name a language, in order."""
    return [Block(language, path, body) for language, path, body in FENCE.findall(text)]


class Checkout:
    """A copy of the package and its content, in which a contributor works. Its commands are forked (`warm`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("xling_bench", "tasks", "templates", "training", "reports"):
            shutil.copytree(REPOSITORY / name, folder / name)  # what is compiled, too
        server = warm.Server.running(ours=False)
        assert warm.settings(dict(os.environ)) == server.settings
        programs = folder / "bin"
        programs.mkdir()
        for name, module in (("xling-bench", "xling_bench"), ("lm_eval", "lm_eval")):
            (programs / name).write_text(f'#!/bin/sh\nexec {server.shell(module)} "$@"\n', encoding="utf-8")
            (programs / name).chmod(0o755)
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "PATH": f"{programs}:{os.environ['PATH']}"}
        imported = self.run(f"{server.shell('-c')} 'import xling_bench; print(xling_bench.__file__)'")
        assert imported == f"{folder / 'xling_bench' / '__init__.py'}\n"

    def write(self, guide: Path) -> list[str]:
        """Write the guide's files; returns their paths. A file that is there already is not a contributor's."""
        files = [block for block in blocks(guide.read_text(encoding="utf-8")) if block.path]
        for block in files:
            place = self.folder / block.path
            assert not place.exists(), block.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.text, encoding="utf-8")
        return [block.path for block in files]

    def run(self, commands: str, **environment: str) -> str:
        """Run shell commands in the checkout; all must succeed. Returns what they print."""
        done = subprocess.run(["sh", "-e", "-c", commands], cwd=self.folder, env={**self.environment, **environment},
                              capture_output=True, text=True, timeout=600)  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def follow(self, guide: Path, **environment: str) -> str:
        """`write` the guide's files and `run` its commands."""
        self.write(guide)
        found = [block.text for block in blocks(guide.read_text(encoding="utf-8")) if block.language == "sh"]
        return "".join(self.run(text, **environment) for text in found)
