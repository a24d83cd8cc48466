"""Lines to learn from that are text."""

from __future__ import annotations

from pathlib import Path

from xling_bench.core.errors import DataError
from xling_bench.core.text import DAMAGE


def undamaged(path: Path, lines: list[str]) -> list[str]:
    """The lines. Raises DataError for one with a control character that comes from damage, such as NUL."""
    for number, line in enumerate(lines, 1):
        if found := DAMAGE.search(line):
            raise DataError(
                f"{path}, line {number}: expected text, got the control character U+{ord(found[0]):04X}. Is the file "
                "damaged, or in another encoding than UTF-8? Mend the line, or take it out on all sides."
            )
    return lines
