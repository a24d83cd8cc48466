"""Small CSV files with a header that people write: points, laws, caps, sizes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xling_bench.core import languages
from xling_bench.core.errors import DataError, UsageError, did_you_mean
from xling_bench.core.reading import is_there, read_text

MOST = 10**12  # pairs: what nobody has, and counts exactly


@dataclass(frozen=True)
class Line:
    """One row: its cells by column, and where it stands (`caps.csv, line 3`)."""

    where: str
    cells: dict[str, str]

    def language(self) -> str:
        """The registry key of `language`, written by any code. Raises DataError for none."""
        try:
            return languages.get(self.cells["language"]).key
        except UsageError as error:
            raise DataError(f"{self.where}: {error}") from error

    def number(self, column: str) -> float:
        """A finite number. Raises DataError for anything else."""
        text = self.cells[column]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataError(f"{self.where}: {column} is {text!r}; expected a number")
        return value

    def count(self, column: str, least: int) -> int:
        """A whole number, `least` or more. Raises DataError for anything else."""
        value = self.number(column)
        if value != int(value) or not least <= value <= MOST:
            raise DataError(f"{self.where}: {column} is {self.cells[column]!r}; expected a whole number, {least} or "
                            f"more, {MOST:,} at most")  # fmt: skip
        return int(value)


def read_lines(path: Path, needed: Sequence[str], allowed: Sequence[str] = ()) -> Iterator[Line]:
    """The rows of a CSV file whose first line names its columns, in any order; empty lines are passed over.

    Raises DataError for no such file, a column that is missing or unknown, or a row of another length.
    """
    if not is_there(path):
        raise DataError(f"{path}: no such file; expected a CSV file with the columns {','.join(needed)}")
    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline=""), strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: not valid CSV: {error}") from error
    head = [name.strip() for name in rows[0]] if rows else []
    known = [*needed, *allowed]
    expected = f"expected {','.join(needed)}" + "".join(f"[,{name}]" for name in allowed)
    if lacking := [name for name in needed if name not in head]:
        raise DataError(f"{path}: the column {lacking[0]!r} is missing; {expected} in the first line")
    if strange := [name for name in head if name not in known]:
        raise DataError(f"{path}: unknown column {strange[0]!r}.{did_you_mean(strange[0], known)} {expected}")
    if len(set(head)) < len(head):
        raise DataError(f"{path}: a column stands twice; {expected}")
    for number, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row):
            where = f"{path}, line {number}"
            if len(row) != len(head):
                raise DataError(f"{where}: {len(row)} cells, but the first line names {len(head)} columns")
            yield Line(where, dict(zip(head, map(str.strip, row), strict=True)))
