"""A pair of words a line, as MUSE has them (Lample et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xling_bench.benchmarks.textfiles import read_lines
from xling_bench.core.errors import DataError
from xling_bench.dictionaries.seen import check_seen

MARKS = (",", ";", ":", "=", "|")  # what else might part a pair: no word ends, or begins, with one in every line


def pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The file's pairs, line by line; .gz is unpacked.

    One separator for the whole file, which its first line tells: a TAB where it has one, so that words may hold spaces,
    else a space, the only one of a line. Raises DataError for a line that is no pair by that, one with control
    characters, and for a file whose words all end, or whose translations all begin, with the same mark, which is its
    separator then.
    """
    lines = read_lines(path)
    separator = "\t" if "\t" in lines[0] else " "
    parted = "a TAB" if separator == "\t" else "one space"
    for number, line in enumerate(lines, 1):
        check_seen(line, f"{path}, line {number}")
        if not line.strip():
            raise DataError(f"{path}, line {number}: expected a word and its translation, got a blank line; take it "
                            "out.")  # fmt: skip
        cells = [cell.strip() for cell in line.split(separator)]
        if len(cells) != 2 or not all(cells):
            raise DataError(f"{path}, line {number}: expected a word and its translation, parted by {parted} as in "
                            f"line 1 (a TAB in every line, or one space), got {line!r:.60}")  # fmt: skip
    found = [(word.strip(), translation.strip()) for word, translation in (line.split(separator) for line in lines)]
    for mark in MARKS:
        for said, marked in (
            ("word ends", all(word.endswith(mark) for word, _ in found)),
            ("translation begins", all(translation.startswith(mark) for _, translation in found)),
        ):
            if marked:
                raise DataError(f"{path}: every {said} with {mark!r}, which seems to part the pairs; expected a TAB or "
                                f"one space there, got {lines[0]!r:.60}")  # fmt: skip
    yield from found
