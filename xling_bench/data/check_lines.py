"""What `data check` prints: a line per benchmark and split where all is well, one per exception; or one per split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from xling_bench.catalog.benchmark import get_benchmark
from xling_bench.core.text import number_of
from xling_bench.data.check import NOT_PUBLISHED, DataRow
from xling_bench.data.known import AS_MANY, AS_PUBLISHED


def compact(report: Sequence[DataRow]) -> Iterator[str]:
    """Per benchmark and split a line for what is as it should be, its languages counted; then what is not, by name, and
    why; then a sum."""
    keys = dict.fromkeys(row.benchmark for row in report)
    width = max(map(len, keys))
    for key in keys:
        rows = [row for row in report if row.benchmark == key]
        for split in dict.fromkeys(row.split for row in rows):
            for line in _split([row for row in rows if row.split == split]):
                yield f"{key:{width}}  {split:5}  {line}"
        for state in ("missing", NOT_PUBLISHED):
            absent = [row for row in rows if row.missing and row.state == state]
            if absent:
                yield f"{key:{width}}  {state}: {_absent(absent, rows)} ({absent[0].missing})"
    yield from _sum(report)


def each(report: Sequence[DataRow]) -> Iterator[str]:
    """A line per unit and split that is there, with its hash; what is missing, and how all stand, in one line per
    benchmark; a sum."""
    for row in report:
        if row.error:
            yield f"{row.benchmark:12} {row.unit:8} {row.split:6} DAMAGED {row.error}"
        elif row.rows is not None:
            yield f"{row.benchmark:12} {row.unit:8} {row.split:6} {row.rows:6} rows  {row.hash}  {_note(row)}"
    for key in dict.fromkeys(row.benchmark for row in report):
        for state in ("missing", NOT_PUBLISHED):
            absent = [row for row in report if row.benchmark == key and row.missing and row.state == state]
            if absent:
                names = ", ".join(f"{row.unit} {row.split}" for row in absent)
                yield f"{key:12} {state}: {names} ({absent[0].missing})"
    for key in dict.fromkeys(row.benchmark for row in report):
        states = Counter(row.state for row in report if row.benchmark == key)
        yield f"{key:12} in all: {', '.join(f'{number} {state}' for state, number in states.items())}"
    yield from _sum(report)


def _split(rows: Sequence[DataRow]) -> Iterator[str]:
    """Lines of one benchmark's split: what agrees; what does not, by its number of rows (why, of the first); damage."""
    there = [row for row in rows if row.rows is not None]
    for state in dict.fromkeys(row.agreement for row in there if not row.deviation):
        like = [row for row in there if row.agreement == state and not row.deviation]
        yield f"{_counted(like, rows)}  {_sizes(like)}  {'; '.join([state, *_left_out(like)])}"
    odd = [row for row in there if row.deviation]
    for number in dict.fromkeys(row.rows for row in odd):
        like = [row for row in odd if row.rows == number]
        named, why = ", ".join(row.unit for row in like), like[0].deviation
        said = f"{named}: {why}" if len(like) == 1 else f"{len(like)} {like[0].agreement}: {named} ({why})"
        yield "; ".join([said, *_left_out(like)])
    yield from (f"{row.unit}: DAMAGED {row.error}" for row in rows if row.error)


def _counted(some: Sequence[DataRow], of: Sequence[DataRow]) -> str:
    kind = "pair" if get_benchmark(of[0].benchmark).pairs else "language"
    return number_of(len(some), kind) if len(some) == len(of) else f"{len(some)} of {number_of(len(of), kind)}"


def _sizes(rows: Sequence[DataRow]) -> str:
    sizes = sorted(row.rows or 0 for row in rows)
    if sizes[0] < sizes[-1]:
        return f"{sizes[0]} to {sizes[-1]} rows"
    return number_of(sizes[0], "row") + (" each" if len(rows) > 1 else "")


def _absent(absent: Sequence[DataRow], rows: Sequence[DataRow]) -> str:
    """`test, dev of am, is; dev of yo`, or `all`, of a whole benchmark or of a split."""
    if len(absent) == len(rows):
        return "all"
    units = dict.fromkeys(row.unit for row in absent)
    splits = {unit: tuple(row.split for row in absent if row.unit == unit) for unit in units}
    everywhere = len({row.unit for row in rows}) == len(splits)
    found = []
    for some in dict.fromkeys(splits.values()):
        names = [unit for unit in units if splits[unit] == some]
        named = "all" if everywhere and len(names) == len(splits) else ", ".join(names)
        found.append(f"{', '.join(some)} of {named}")
    return "; ".join(found)


def _left_out(rows: Iterable[DataRow]) -> list[str]:
    """`1 left out: untranslated (NS)`, of all rows together."""
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update(row.dropped)
    return [f"{number} left out: {reason}" for reason, number in reasons.items()]


def _note(row: DataRow) -> str:
    return "; ".join([row.deviation or row.agreement, *_left_out([row])])


def _sum(report: Sequence[DataRow]) -> Iterator[str]:
    there = [row for row in report if row.rows is not None]
    odd, damaged = sum(bool(row.deviation) for row in there), sum(bool(row.error) for row in report)
    yield f"{len(there)} of {len(report)} splits are there, {odd} of them not as published, {damaged} damaged."
    if any(row.agreement in (AS_PUBLISHED, AS_MANY) for row in there):
        yield f"{AS_PUBLISHED}: the official file's very rows; {AS_MANY}: their number agrees, no more is known."
