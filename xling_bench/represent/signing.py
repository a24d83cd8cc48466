"""What decides a state or a number, and the hashes that say so."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
# What decides states, what a logit lens reads, and what decides a number.
STATES_CODE = ("models", "represent/reader.py", "represent/token_weights.py", "represent/store.py")
LENS_CODE = (*STATES_CODE, "represent/lens.py", "represent/vocabulary.py")
MAPS_CODE = ("represent/tsne.py", "represent/atlas.py")
MEASURES_CODE = (*STATES_CODE, "represent", "stats/bootstrap.py", "stats/cluster_sums.py", "core/unit.py")
# Whose states: the model's, one's that has learnt nothing, nobody's; nor has a head that says one class.
OWN, RANDOM, STRINGS, MAJORITY = "own", "random", "strings", "majority"


@cache
def libraries() -> dict[str, str]:
    """The versions of what computes states and spells texts."""
    return {name: metadata.version(name) for name in ("torch", "transformers", "tokenizers")}


def digest(facts: dict[str, Any]) -> str:
    """Sixteen hex digits over plain facts."""
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


@cache
def code_hash(places: tuple[str, ...]) -> str:
    """Eight hex digits over the package's files at `places`, each a file or a folder."""
    files = {path for place in places for path in _files(PACKAGE / place)}
    return sha256(b"\0".join(path.read_bytes() for path in sorted(files))).hexdigest()[:8]


def _files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]
