"""COMET scores that are known already: a line each, by content, on disk as soon as they are made."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from xling_bench.comet.program import Segment
from xling_bench.core.errors import DataError, OutputError
from xling_bench.core.files import encoded
from xling_bench.core.reading import parse_json


class Memory:
    """An append-only file of scores by one rule: a line with the rule, then one for each segment.

    A file of another rule is begun anew; a line that is not whole or was changed (a kill, a full disk) ends the file.
    Use it only while holding a lock. Raises OutputError when it cannot be read or written.
    """

    def __init__(self, path: Path, rule: str) -> None:
        self.path, self.rule = path, rule
        self.known: dict[str, float] = {}
        try:
            lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
            sound = self._take(lines)
            if path.exists():
                os.truncate(path, sound)
        except OSError as error:
            raise OutputError(f"cannot read {path}: {error.strerror or error}; remove it.") from error

    def _take(self, lines: list[bytes]) -> int:
        """Fill `known`; returns the length of what is sound, in bytes."""
        if not lines or _parsed(lines[0]) != {"rule": self.rule}:
            return 0
        sound = len(lines[0]) + 1
        for line in lines[1:]:
            entry = _parsed(line)
            name, score = entry.get("segment"), entry.get("score")
            if not isinstance(name, str) or not isinstance(score, float) or entry.get("sum") != _sum(name, score):
                break
            self.known[name] = score
            sound += len(line) + 1
        return sound

    def add(self, scores: Mapping[str, float]) -> None:
        """Keep the scores of one batch, by `digest_of` their segments."""
        lines = [json.dumps({"segment": name, "score": x, "sum": _sum(name, x)}) for name, x in scores.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                head = [] if file.tell() else [json.dumps({"rule": self.rule})]
                file.write(encoded("".join(f"{line}\n" for line in [*head, *lines])))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error
        self.known.update(scores)


def digest_of(segment: Segment) -> str:
    """What a segment is known by: its three texts."""
    return hashlib.sha256(json.dumps([segment["src"], segment["mt"], segment["ref"]]).encode()).hexdigest()[:32]


def _sum(name: str, score: float) -> str:
    return hashlib.sha256(f"{name} {score!r}".encode()).hexdigest()[:8]


def _parsed(line: bytes) -> Mapping[str, object]:
    try:
        entry = parse_json(line, "a kept score")
    except DataError:
        return {}
    return entry if isinstance(entry, dict) else {}
