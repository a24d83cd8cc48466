"""Statistics over languages and parallel items."""

from xling_bench.stats.descriptive import (
    Dispersion,
    absolute_gap,
    chance_corrected,
    dispersion,
    population_std,
    relative_gap,
    transfer_gap,
)

__all__ = [
    "Dispersion",
    "absolute_gap",
    "chance_corrected",
    "dispersion",
    "population_std",
    "relative_gap",
    "transfer_gap",
]
