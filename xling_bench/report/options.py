"""What the user of a report asks for."""

from __future__ import annotations

from dataclasses import dataclass

from xling_bench.results.matrix import DRAWS


@dataclass(frozen=True, slots=True)
class Options:
    """What a report shows: at most `items` per benchmark in the drill-down; `before` and `after`, the models to hold
    against each other (default: the first and the last given); `reference`, a paper's numbers to add."""

    title: str = "Cross-lingual report"
    reference: str = ""
    items: int = 40
    before: str = ""
    after: str = ""
    seeds: tuple[int, ...] = ()
    draws: int = DRAWS
