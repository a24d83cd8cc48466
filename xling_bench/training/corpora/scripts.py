"""Do the texts look like the language they are said to be in? By their letters: cheap, and wrong files show at once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from xling_bench.core import languages
from xling_bench.metrics.language import script_share

TEXTS = 500  # of a source and language that are looked at
LEAST = 0.5  # of the letters should be of the language's script


def foreign(language: str, texts: Iterable[str]) -> float | None:
    """The share of the language's script among the letters of the first texts, if it is below LEAST; else None."""
    script = languages.get(language).script
    found = (script_share(text, script) for text in islice(texts, TEXTS))
    shares = [share for share in found if share is not None]
    mean = sum(shares) / len(shares) if shares else 1.0
    return round(mean, 3) if mean < LEAST else None
