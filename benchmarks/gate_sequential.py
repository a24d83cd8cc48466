"""How often a gate that may stop early errs, and how soon it stops: simulated runs, looked at after every batch.

Usage: python benchmarks/gate_sequential.py [--gates N] [--tolerance POINTS]
One benchmark of 15 languages, 1,670 clusters of 1 to 5 items (XNLI's number; 3 on average), which the languages share.
A cluster has an ease, an item has one, all languages share both, and an item has one of its own in each; each
answer adds noise, so that the two models differ on about a fifth of the answers, as checkpoints of one training do.
Scenarios are of the same items and noise. `false`: regressed where nothing is lost; `missed`: passed, by then or at
the end, where the gate on everything, at the whole alpha, says regressed. Sign flips go by their normal limit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from xling_bench.regress.sequential import Drawn, left_for_everything, regressed
from xling_bench.stats import cluster_sums, holm

LANGUAGES, CLUSTERS, LOOKS, ALPHA, ACCURACY = 15, 1670, 20, 0.05, 0.55
EASES, OWN, NOISE = (0.5, 0.9), 0.7, 0.7  # deviations: of clusters and items, of an item in a language, of an answer
SPREAD = float(np.sqrt(0.5**2 + 0.9**2 + OWN**2 + NOISE**2))
SCENARIOS: dict[str, tuple[float, int]] = {  # points lost, in how many languages
    "no loss": (0.0, 15), "5 points": (5.0, 15), "2 points": (2.0, 15), "1 point": (1.0, 15), "0.3 points": (0.3, 15),
    "5 points in one language": (5.0, 1), "2 points in one language": (2.0, 1), "3 points gained": (-3.0, 15),
}  # fmt: skip
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """What the gate said, after what share of the items, and what a gate on everything would have said at alpha."""

    said: str
    share: float
    whole: str
    early: bool


def simulate(rng: np.random.Generator, scenarios: Sequence[str]) -> dict[str, tuple[Matrix, Matrix]]:
    """{scenario: (losses, sizes) of the clusters in the order drawn, (clusters, languages and mean)}."""
    counts = rng.integers(1, 6, CLUSTERS)
    codes = np.repeat(np.arange(CLUSTERS), counts)
    draw = lambda *shape: rng.standard_normal(shape, dtype=np.float32)  # noqa: E731
    ease = EASES[0] * draw(CLUSTERS, 1)[codes] + EASES[1] * draw(codes.size, 1)
    ease = ease + OWN * draw(codes.size, LANGUAGES)
    baseline = ease + NOISE * draw(*ease.shape) > threshold(0.0)
    answers = ease + NOISE * draw(*ease.shape)
    sizes = (counts * CLUSTERS / codes.size)[:, None]
    found = {}
    for name in scenarios:
        points, languages = SCENARIOS[name]
        cuts = np.where(np.arange(LANGUAGES) < languages, threshold(points), threshold(0.0)).astype(np.float32)
        lost = baseline.astype(np.float64) - (answers > cuts)
        losses = cluster_sums(lost, codes) * CLUSTERS / codes.size
        losses = np.column_stack([losses, losses.mean(axis=1)])
        found[name] = losses, np.broadcast_to(sizes, losses.shape)
    return found


def threshold(points: float) -> float:
    """What an answer's strength must exceed for an accuracy `points` below the baseline's."""
    return -SPREAD * NormalDist().inv_cdf(ACCURACY - points / 100)


def whole(losses: Matrix, tolerance: float, alpha: float) -> str:
    """The gate that sees everything: two-sided sign flips, Holm over cells, half of alpha for cells, half for means."""
    totals, errors = losses.sum(axis=0), np.sqrt((losses**2).sum(axis=0))
    p = [2 * NormalDist().cdf(-abs(z)) for z in totals / errors]
    adjusted = np.array([*holm(p[:-1]), p[-1]])
    return "regressed" if ((adjusted < alpha) & (totals / len(losses) > tolerance + 1e-12)).any() else "passed"


def gate(losses: Matrix, sizes: Matrix, tolerance: float, looks: int = LOOKS) -> Outcome:
    """One sequential gate, looked at after each of `looks` batches of as many clusters."""
    total, rows = losses.shape
    full = whole(losses, tolerance, ALPHA)
    drawn = Drawn(losses, sizes, sizes.max() * np.ones(rows), total, tolerance * np.ones(rows))
    p, cleared = drawn.evidence(), drawn.cleared(ALPHA)
    for look in range(1, looks):
        seen = round(total * look / looks)
        cells, means = regressed(p[seen - 1, :-1].tolist(), p[seen - 1, -1:].tolist())
        share = float(sizes[:seen, 0].sum() / sizes[:, 0].sum())
        if min(*cells, *means) < ALPHA:
            return Outcome("regressed", share, full, early=True)
        if cleared[seen - 1].all():
            return Outcome("passed", share, full, early=True)
    return Outcome(whole(losses, tolerance, left_for_everything(ALPHA)), 1.0, full, early=False)


def measure(gates: int, tolerance: float, scenarios: Sequence[str] = tuple(SCENARIOS)) -> dict[str, list[Outcome]]:
    """{scenario: outcomes}; gate number i is of seed i."""
    found: dict[str, list[Outcome]] = {name: [] for name in scenarios}
    for number in range(gates):
        for name, (losses, sizes) in simulate(np.random.default_rng(number), scenarios).items():
            found[name].append(gate(losses, sizes, tolerance))
    return found


def shares(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """What the table prints, in percent."""
    n = len(outcomes)
    counted = {
        "regressed": sum(o.said == "regressed" for o in outcomes),
        "whole_gate_regressed": sum(o.whole == "regressed" for o in outcomes),
        "missed": sum(o.said == "passed" and o.whole == "regressed" for o in outcomes),
        "missed_early": sum(o.early and o.said == "passed" and o.whole == "regressed" for o in outcomes),
        "early": sum(o.early for o in outcomes),
    }
    return {name: 100 * count / n for name, count in counted.items()} | {
        "median_items": 100 * median(o.share for o in outcomes)
    }


def main() -> None:
    """Print one line per scenario."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gates", type=int, default=10_000)
    parser.add_argument("--tolerance", type=float, default=0.0)
    asked = parser.parse_args()
    started = time.process_time()
    for name, outcomes in measure(asked.gates, asked.tolerance / 100).items():
        told = " ".join(f"{key}={value:.2f}%" for key, value in shares(outcomes).items())
        print(f"{name:26} {told}", flush=True)
    print(f"gates={asked.gates} tolerance={asked.tolerance:g} seconds={time.process_time() - started:.0f}")


if __name__ == "__main__":
    main()
