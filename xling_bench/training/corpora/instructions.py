"""Alpaca and Bactrian-X files: instructions that several languages share, aligned by row or by id."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xling_bench.benchmarks.textfiles import locate, parse_jsonl, read_text
from xling_bench.core.errors import DataError
from xling_bench.core.reading import parse_json
from xling_bench.core.row import Record
from xling_bench.core.text import DAMAGE
from xling_bench.training.corpora.data_report import Dropped
from xling_bench.training.corpora.sources import Alpaca, Bactrian
from xling_bench.training.corpora.texts import Task

Tasks = dict[str, dict[str, Task]]  # language -> row id -> task
FIELDS = ("instruction", "input", "output")
# Rows that translate each other have an input in both languages or in neither. Of Alpaca's 2957 rows in English and
# Chinese that are aligned none differs in that, one row out of step 1092 do (37 %).
MOST_ONE_SIDED_INPUTS = 0.1
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, "\\ud800" in JSON: it cannot be encoded


def read_tasks(
    source: Alpaca | Bactrian, root: Path, wanted: tuple[str, ...]
) -> tuple[Tasks, dict[str, list[str]], dict[str, Dropped]]:
    """Tasks by language and id, their files, and rows left out by language and reason.

    A row without an instruction or output, or with control characters that come from damage, is left out; one without
    the key `input` has none. Raises DataError for files that are not aligned, rows of another shape, and ids that stand
    twice.
    """
    by_id = isinstance(source, Bactrian) or source.align == "id"
    tasks: Tasks = {}
    files: dict[str, list[str]] = {}
    dropped: dict[str, Dropped] = {}
    ids: dict[str, list[Any]] = {}
    for language, names in source.files.items():
        if language not in wanted:
            continue
        paths = [locate(root, [name]) for name in names]
        rows = [row for path in paths for row in rows_of(path)]
        ids[language] = [row.get("id") if isinstance(row, dict) else None for _, row in rows]
        files[language] = shown(paths, root)
        tasks[language], left_out = _tasks(rows, by_id=by_id)
        if not tasks[language]:
            raise DataError(f"{paths[0]}: none of its {len(rows)} rows has an instruction and an output")
        dropped |= {language: left_out} if left_out else {}
    if not by_id:
        _check_rows(source.title, ids, tasks)
    return tasks, files, dropped


def shown(paths: Sequence[Path], root: Path) -> list[str]:
    """Paths as a report has them: from `root` on, so that reports of different machines agree."""
    return [str(path.relative_to(root) if path.is_relative_to(root) else path) for path in paths]


def rows_of(path: Path) -> list[tuple[str, object]]:
    """(where, row) of a JSON list or of JSON lines: which of the two the first character tells."""
    text = read_text(path)
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    if not text.lstrip().startswith("["):
        return [(f"{path}, line {number}", row) for number, row in parse_jsonl(text, str(path), ())]
    rows = parse_json(text, str(path))
    if not rows:
        raise DataError(f"{path}: the list is empty")
    return [(f"{path}, row {number}", row) for number, row in enumerate(rows, start=1)]


def _tasks(rows: list[tuple[str, object]], *, by_id: bool) -> tuple[dict[str, Task], Dropped]:
    tasks: dict[str, Task] = {}
    dropped: Dropped = {}
    seen: set[str] = set()
    for number, (where, row) in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise DataError(f"{where}: expected an object with {', '.join(FIELDS)}, got {row!r:.60}")
        key = _identifier(row, where) if by_id else str(number)
        if key in seen:
            raise DataError(f"{where}: the id {key!r} stands twice, so rows cannot be aligned by id")
        seen.add(key)
        task = _task(row, where)
        reason = ""
        if not task.instruction.strip() or not task.output.strip():
            reason = "empty instruction or output"
        elif any(map(DAMAGE.search, (task.instruction, task.input, task.output))):
            reason = "control characters from damage"  # one row of Alpaca's 52,002
        if reason:
            dropped[reason] = dropped.get(reason, 0) + 1
        else:
            tasks[key] = task
    return tasks, dropped


def _identifier(row: Record, where: str) -> str:
    key = row.get("id")
    if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
        raise DataError(f"{where}: expected an `id` (a text or a number), got {key!r:.40}")
    return str(key)


def _task(row: Record, where: str) -> Task:
    """The row's texts as they are. `input` may be missing or null (Bactrian-X, one row of Alpaca's translation)."""
    texts = []
    for name in FIELDS:
        text = row.get(name)
        if name == "input" and text is None:
            text = ""
        if not isinstance(text, str) or _SURROGATE.search(text):
            raise DataError(f"{where}: expected a text as {name!r}, got {text!r:.40}")
        texts.append(text)
    return Task(*texts)


def _check_rows(title: str, ids: dict[str, list[Any]], tasks: Tasks) -> None:
    """Raise DataError where files said to be aligned by row cannot be: by count, ids if any, or who has an input."""
    mend = 'Give the rows an `id` and set align = "id", or use files that are aligned.'
    if len({len(found) for found in ids.values()}) > 1:
        said = ", ".join(f"{language} has {len(found)}" for language, found in ids.items())
        raise DataError(
            f"{title}: the files should be aligned by row, but {said} (translations leave rows out). {mend}"
        )
    first, *others = tasks
    for other in others:
        pairs = enumerate(zip(ids[first], ids[other], strict=True), start=1)
        differing = [number for number, (a, b) in pairs if a is not None and b is not None and a != b]
        shared = tasks[first].keys() & tasks[other].keys()
        odd = sum(bool(tasks[first][key].input.strip()) != bool(tasks[other][key].input.strip()) for key in shared)
        if differing:
            problem = f"the `id`s of {len(differing)} rows differ in {first} and {other}, first in row {differing[0]}"
        elif odd > MOST_ONE_SIDED_INPUTS * len(shared):
            problem = f"{odd} of {len(shared)} rows have an input in {first} or in {other}, but not in both"
        else:
            continue
        raise DataError(f"{title}: {problem}: the files have as many rows, but are not aligned. {mend}")
