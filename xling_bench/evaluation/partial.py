"""Texts of a unit in flight, on disk as soon as they are made."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xling_bench.core.errors import DataError, OutputError
from xling_bench.core.files import encoded
from xling_bench.core.reading import parse_json
from xling_bench.evaluation.writing import to_line
from xling_bench.results.seal import digest


@dataclass
class PartialTexts:
    """An append-only file of generated texts: a line with the `header`, then a line per text.

    The header is everything the texts depend on: a file with another one is dropped. A line that is not whole or was
    changed (a kill, a full or failing disk) ends the file; what follows is made again. Use it only while holding the
    unit's lock.
    `texts` are by the request's name; `reused` is how many texts of an earlier start were used.
    """

    path: Path
    header: Mapping[str, object]
    say: Callable[[str], None]
    texts: dict[str, str] = field(default_factory=dict)
    reused: int = 0

    def load(self) -> None:
        """Take over what an earlier start left. Raises OutputError when the file cannot be read."""
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1] if self.path.exists() else []
            sound = self._take(lines) if lines and _parsed(lines[0]) == self.header else 0
            if lines and not sound:
                self.say("  texts kept of another model, engine, data, code, --batch-size or device are not used")
            if self.path.exists():
                os.truncate(self.path, sound)
        except OSError as error:
            raise OutputError(f"cannot read {self.path}: {error.strerror or error}; remove it.") from error

    def _take(self, lines: list[bytes]) -> int:
        """Fill `texts` from sound lines; returns their length in bytes."""
        sound = len(lines[0]) + 1
        for line in lines[1:]:
            entry = _parsed(line)
            if entry is None:
                break
            request, text = entry.get("request"), entry.get("text")
            if not isinstance(request, str) or not isinstance(text, str) or entry.get("sum") != _sum(request, text):
                break
            self.texts[request] = text
            sound += len(line) + 1
        return sound

    def add(self, texts: dict[str, str]) -> None:
        """Keep the texts of one batch. Raises OutputError when the disk refuses."""
        lines = [to_line({"request": name, "text": text, "sum": _sum(name, text)}) for name, text in texts.items()]
        try:
            with self.path.open("ab") as file:
                head = [] if file.tell() else [to_line(self.header)]
                file.write(encoded("".join(head + lines)))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error
        self.texts.update(texts)


def partial_path(folder: Path) -> Path:
    """Where the texts of the unit with this result folder are kept meanwhile: a hidden file beside it."""
    return folder.with_name(f".{folder.name}.partial.jsonl")


def discard(folder: Path) -> None:
    """Remove what is kept for the unit with this result folder: the result is in place."""
    with contextlib.suppress(OSError):
        partial_path(folder).unlink()


def _sum(request: str, text: str) -> str:
    return digest(encoded(f"{request}\0{text}"))


def _parsed(line: bytes) -> Mapping[str, object] | None:
    try:
        entry = parse_json(line, "a kept text")
    except DataError:
        return None
    return entry if isinstance(entry, dict) else None
