"""A pair of words a line, as MUSE has them (Lample et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xling_bench.benchmarks.textfiles import read_lines
from xling_bench.core.errors import DataError

MARKS = (",", ";", ":", "=", "|")  # what else might part a pair: no word ends with one in every line


def pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The file's pairs, line by line; .gz is unpacked.

    One separator for the whole file, which its first line tells: a TAB where it has one, so that words may hold spaces,
    else a space, the only one of a line. Raises DataError for a line that is no pair by that, and for a file whose
    words all end with the same mark, which is its separator then.
    """
    lines = read_lines(path)
    separator = "\t" if "\t" in lines[0] else " "
    parted = "a TAB" if separator == "\t" else "one space"
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split(separator)]
        if len(cells) != 2 or not all(cells):
            raise DataError(f"{path}, line {number}: expected a word and its translation, parted by {parted} as in "
                            f"line 1 (a TAB in every line, or one space), got {line!r:.60}")  # fmt: skip
    for mark in MARKS:
        if all(line.split(separator)[0].rstrip().endswith(mark) for line in lines):
            raise DataError(f"{path}: every word ends with {mark!r}, which seems to part the pairs; expected a TAB or "
                            f"one space there, got {lines[0]!r:.60}")  # fmt: skip
    for line in lines:
        word, translation = line.split(separator)
        yield word.strip(), translation.strip()
