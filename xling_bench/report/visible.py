"""Text from models and data sets, made fit for a page: nothing invisible, nothing endless."""

from __future__ import annotations

import re
from hashlib import sha256

from xling_bench.errors import UsageError

# C0 and C1 controls but tab and line feed; bidi embeddings, overrides and isolates, which can show text in another
# order than it is stored (marks such as U+200F, which Arabic and Hebrew need, stay); lone surrogates, non-characters.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
LONGEST = 600
LONGEST_NAME = 80


def visible(text: object, most: int = LONGEST) -> str:
    """`text` with hidden characters written as `[U+202E]`, cut after `most` characters with the length it had.

    Raises UsageError when `most` is less than 1.
    """
    if most < 1:
        raise UsageError(f"at least one character must be shown, got {most}")
    whole = str(text)
    cut = HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", whole[:most])
    return cut if len(whole) <= most else f"{cut} … ({len(whole):,} characters)"


def line(text: object, most: int = LONGEST_NAME) -> str:
    """A name on one line: `visible`, white space folded; where it is longer than `most`, its beginning and end with a
    hash between them, so that two long names stay two."""
    folded = " ".join(str(text).split())
    if len(folded) > most:
        digest = sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:6]
        middle = f"…{digest}…" if most > 30 else "…"
        half = max(1, (most - len(middle)) // 2)
        folded = f"{folded[:half]}{middle}{folded[-half:]}"
    return visible(folded, most)
