"""How fast the cluster bootstrap is: 10,000 draws x 15 languages x 5,010 items (XNLI's test set).

Usage: python benchmarks/stats.py [--quick]
`naive` draws item indices and averages row by row, as a loop over draws would; both give means of all languages.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from xling_bench.stats import bootstrap_means, corrected_std


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(wall, CPU) seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def naive(scores: np.ndarray, draws: int) -> np.ndarray:
    """One draw after the other."""
    rng = np.random.default_rng(0)
    return np.array([scores[rng.integers(0, len(scores), len(scores))].mean(axis=0) for _ in range(draws)])


def main() -> None:
    """Print one line per measurement."""
    draws = 500 if "--quick" in sys.argv else 10_000
    scores = np.random.default_rng(0).integers(0, 2, (5010, 15)).astype(float)
    slow_wall, slow_cpu = timed(lambda: naive(scores, draws // 10))
    wall, cpu = timed(lambda: bootstrap_means(scores, draws, 0))
    ratios = f"ratio_cpu={10 * slow_cpu / cpu:.1f} ratio_wall={10 * slow_wall / wall:.1f}"
    print(f"bootstrap_means draws={draws} items=5010 languages=15 wall={wall:.2f}s cpu={cpu:.2f}s {ratios} bound=-")
    premises = np.arange(5010) // 3
    wall, cpu = timed(lambda: bootstrap_means(scores, draws, 0, premises))
    print(f"bootstrap_means draws={draws} clusters=1670 languages=15 wall={wall:.2f}s cpu={cpu:.2f}s")
    wall, cpu = timed(lambda: corrected_std(scores))
    print(f"corrected_std items=5010 languages=15 wall={wall:.3f}s cpu={cpu:.3f}s")


if __name__ == "__main__":
    main()
