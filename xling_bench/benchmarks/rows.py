"""Canonical rows: what a reader returns, how they are checked, and their hash."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import TypeGuard

from xling_bench.catalog.benchmark import Benchmark, FieldType
from xling_bench.core.errors import DataError
from xling_bench.core.row import Record, Row, Value, index_in, texts_in
from xling_bench.core.text import DAMAGE, is_blank

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _fits(value: object, kind: FieldType) -> TypeGuard[Value]:
    if kind == "texts":
        return isinstance(value, list) and all(_fits(text, "text") for text in value)
    if kind == "text":
        return isinstance(value, str) and not DAMAGE.search(value)
    return isinstance(value, bool) if kind == "flag" else isinstance(value, int) and not isinstance(value, bool)


def check_rows(benchmark: Benchmark, rows: Iterable[Record], where: str, *, answered: bool = True) -> list[Row]:
    """Return the rows with fields in declared order, or raise DataError naming item and field.

    Every row has `id` and exactly the benchmark's fields of the declared types, texts have no control characters that
    come from damage, ids are unique, no option is blank, there are as many as the benchmark's chance says
    (`Benchmark.widths`), a label is the index of one, and there are right answers where they should be (`answered`).
    """
    seen: set[object] = set()
    checked: list[Row] = []
    fields = {"id", *benchmark.fields}
    for row in rows:
        if row.keys() != fields:
            item = f"{where}: item {row.get('id')!r}"
            raise DataError(f"{item}: expected fields id, {', '.join(benchmark.fields)}; got {', '.join(sorted(row))}")
        if row["id"] in seen:
            raise DataError(f"{where}: item {row['id']!r} stands twice; ids must be unique")
        if not isinstance(identifier := row["id"], str):
            raise DataError(f"{where}: item {identifier!r}: id should be text")
        seen.add(identifier)
        found: Row = {"id": identifier}
        for name, kind in benchmark.fields.items():
            value = row[name]
            if not _fits(value, kind):
                raise DataError(f"{where}: item {row['id']!r}: {name} should be {kind}, got {value!r:.80}")
            found[name] = value
        _check_options(benchmark, found, where)
        if "label" in benchmark.fields and not 0 <= index_in(found, "label") < _width(benchmark, found):
            item, width = f"{where}: item {row['id']!r}", _width(benchmark, found)
            raise DataError(f"{item}: label {row['label']} is not the index of one of {width} candidates")
        checked.append(found)
    if not checked:
        raise DataError(f"{where}: no rows")
    if answered:
        _check_golds(benchmark, checked, where)
    return checked


def _check_options(benchmark: Benchmark, row: Row, where: str) -> None:
    """A blank option has nothing to score, and an item with more or fewer than declared another chance."""
    options = [text for name in benchmark.choices for text in texts_in(row, name)]
    for number, option in enumerate(options, start=1):
        if is_blank(option):
            raise DataError(f"{where}: item {row['id']!r}: option {number} is empty; expected a text to choose")
    if (widths := benchmark.widths) is not None and len(options) not in widths:
        expected = f"{widths[0]} to {widths[-1]}" if len(widths) > 1 else widths[0]
        raise DataError(f"{where}: item {row['id']!r}: expected {expected} options, got {len(options)}")


def _check_golds(benchmark: Benchmark, rows: list[Row], where: str) -> None:
    """A test set published without its answers, or one that lost them, gives zeros that look like scores."""
    if not benchmark.gold or benchmark.without_gold == "any":
        return
    bare = [row["id"] for row in rows if not any(map(str.strip, texts_in(row, benchmark.gold)))]
    if len(bare) > benchmark.without_gold:
        raise DataError(
            f"{where}: {len(bare)} of {len(rows)} items have no right answer ({benchmark.gold} of item {bare[0]!r} is "
            f"empty); {benchmark.title} has {benchmark.without_gold or 'none'} such. Get the files with their answers."
        )


def numbered(rows: Iterable[Record]) -> list[Record]:
    """The rows, ids that stand several times with their running number: `xquad-a`, `xquad-a-2`."""
    seen: Counter[object] = Counter()
    found: list[Record] = []
    for row in rows:
        identifier = row["id"]
        seen[identifier] += 1
        found.append({**row, "id": f"{identifier}-{seen[identifier]}"} if seen[identifier] > 1 else row)
    return found


def first_of_each(rows: Iterable[Record]) -> tuple[list[Record], dict[str, int]]:
    """The first row of each id, and how many were left out for having an id that was there."""
    found: dict[object, Record] = {}
    repeated = 0
    for row in rows:
        repeated += row["id"] in found
        found.setdefault(row["id"], row)
    return list(found.values()), {"repeated id": repeated} if repeated else {}


def _width(benchmark: Benchmark, row: Row) -> int:
    if benchmark.labels:
        return len(benchmark.labels)
    return sum(len(texts_in(row, name)) for name in benchmark.choices)


def rows_hash(rows: Iterable[Record]) -> str:
    """Sixteen hex digits of SHA-256 over the rows as canonical JSON lines.

    It depends on ids, fields and labels in order, not on where they were read from: hub, plain and .gz files of the
    same data agree.
    """
    digest = hashlib.sha256()
    for row in rows:
        digest.update(_ENCODER.encode(row).encode())
        digest.update(b"\n")
    return digest.hexdigest()[:16]
