"""A hash of the code that lies between a data file and a score: results made by other code must not be mixed.

A version number stays the same while somebody edits a metric. What only reports, checks, links or fetches is not in it,
so that a word in a message expires no result.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# Rooms that decide a score, and of the others the files that do.
DECIDING = ("benchmarks", "catalog", "metrics", "models", "scoring", "core/languages.py", "core/languages.toml",
            "core/reading.py", "core/row.py", "core/unit.py", "data/hub.py", "data/item_clusters.py", "data/sample.py",
            "data/source.py", "evaluation/generate.py", "evaluation/kept_ranks.py", "evaluation/rescore.py",
            "evaluation/task.py", "harness/adapter.py", "harness/demos.py", "harness/ranked.py", "harness/reported.py",
            "harness/twins.py")  # fmt: skip
# Files of those rooms that decide none: they compare, write and explain.
NEUTRAL = ("catalog/compiled.py", "catalog/declarations.py", "metrics/packages.py", "models/history.py")
KINDS = (".py", ".toml")


def deciding_files() -> list[Path]:
    """The files that are hashed, in the order of their names."""
    neutral = {PACKAGE / name for name in NEUTRAL}
    files = set()
    for name in DECIDING:
        place = PACKAGE / name
        files |= {path for path in place.rglob("*") if path.suffix in KINDS} if place.is_dir() else {place}
    return sorted(files - neutral)


@cache
def code_hash() -> str:
    """Eight hex digits over `deciding_files`."""
    return sha256(b"\0".join(path.read_bytes() for path in deciding_files())).hexdigest()[:8]
