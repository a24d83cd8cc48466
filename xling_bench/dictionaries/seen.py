"""Entries that can be seen: a control character in one would be learnt with its word, and never found."""

from __future__ import annotations

import re

from xling_bench.core.errors import DataError

# C0 but TAB, C1, and Unicode's line and paragraph separators. Joiners belong to words of Hindi and Persian.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def check_seen(line: str, where: str) -> None:
    """Raise DataError for a line with control characters."""
    if found := _CONTROLS.search(line):
        raise DataError(f"{where}: expected words, got the control character U+{ord(found[0]):04X}. Is the file "
                        "damaged, or in another encoding? Mend the line, or take it out.")  # fmt: skip
