"""How often the gate fails candidates that are no worse, and worse ones: simulated suites of benchmarks.

Usage: python benchmarks/gate.py [--quick]
11 benchmarks x 15 languages x 0 and 5 shots, 500 items each. An item has an ease that all languages share and one of
its own in each; each answer adds noise. Sign flips of a mean's 500 parts go by their normal limit. Prints the share
of gates that fail a candidate that lost nothing, or 1, 3 or 5 points in one language of one benchmark, in all languages
of one benchmark, in one language of all benchmarks, or everywhere, at both numbers of shots. Rules: `alpha_over` as it
is by default and as it was, and what was tried besides: other shares of alpha for cells, one Holm over cells and means.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xling_bench.regress.family import over_gate
from xling_bench.regress.settings import GateConfig
from xling_bench.results.tables.compare import MEAN
from xling_bench.stats import holm, mcnemar_exact

BENCHMARKS, LANGUAGES, SHOTS, ITEMS = 11, 15, (0, 5), 500
SHARES = (0.2, 0.8)  # of alpha for cells, where it is not a half
RULES = ("gate", "benchmark", *(f"{share:.0%}_for_cells" for share in SHARES), "one_holm")
SPREAD = (1 + 0.7**2 + 0.7**2) ** 0.5
ACCURACY = 0.6
LOSSES = (1, 3, 5)
Matrix = NDArray[np.float64]
Row = dict[str, Any]


def threshold(points: float) -> float:
    """What an answer's strength must exceed for an accuracy `points` below the baseline's."""
    return -SPREAD * NormalDist().inv_cdf(ACCURACY - points / 100)


@cache
def mcnemar(only_a: int, only_b: int) -> float:
    """The exact test of so many items that one side alone is right about."""
    return mcnemar_exact([1.0] * only_a + [0.0] * only_b, [0.0] * only_a + [1.0] * only_b)


def group(benchmark: int, shots: int, a: Matrix, b: Matrix) -> list[Row]:
    """Rows as of `compare_models`, of one benchmark and number of shots: (items, languages) of right and wrong."""
    head = {"benchmark": f"b{benchmark}", "family": "", "shots": shots, "demos": "", "metric": "acc"}
    delta = b - a
    lost, won = (delta < 0).sum(axis=0), (delta > 0).sum(axis=0)
    rows = [
        {**head, "language": f"l{i}", "p": mcnemar(int(lost[i]), int(won[i])), "difference": float(won[i] - lost[i])}
        for i in range(LANGUAGES)
    ]
    parts = delta.mean(axis=1)
    p = math.erfc(abs(float(parts.sum())) / math.sqrt(2 * float((parts**2).sum())))
    return [*rows, {**head, "language": MEAN, "p": p, "difference": float(parts.sum())}]


def failed(groups: Sequence[Sequence[Row]]) -> list[bool]:
    """Whether each rule's gate fails."""
    rows = [row for group in groups for row in group]
    lost = np.array([row["difference"] < 0 for row in rows])
    cells = np.array([row["language"] != MEAN for row in rows])
    alpha = GateConfig().alpha
    whole = np.array([judged.p for judged in over_gate(rows, GateConfig())])
    apart = np.array([judged.p for judged in over_gate(rows, GateConfig(alpha_over="benchmark"))])
    pooled = np.array(holm([row["p"] for row in rows]))
    found = [whole < alpha, apart < alpha]
    found += [whole < 2 * alpha * np.where(cells, share, 1 - share) for share in SHARES] + [pooled < 2 * alpha]
    return [bool((significant & lost).any()) for significant in found]


def one_gate(rng: np.random.Generator) -> dict[str, list[bool]]:
    """{scenario: whether each rule's gate fails}, all scenarios of the same items and noise."""
    everywhere: dict[int, list[list[Row]]] = {loss: [] for loss in (0, *LOSSES)}
    column: dict[int, list[list[Row]]] = {loss: [] for loss in LOSSES}
    for benchmark in range(BENCHMARKS):
        ease = rng.standard_normal((ITEMS, 1)) + 0.7 * rng.standard_normal((ITEMS, LANGUAGES))
        for shots in SHOTS:
            a, b = (ease + 0.7 * rng.standard_normal(ease.shape) for _ in range(2))
            right = (a > threshold(0)).astype(float)
            for loss, groups in everywhere.items():
                groups.append(group(benchmark, shots, right, (b > threshold(loss)).astype(float)))
            for loss, groups in column.items():
                cuts = np.where(np.arange(LANGUAGES) == 0, threshold(loss), threshold(0))
                groups.append(group(benchmark, shots, right, (b > cuts).astype(float)))
    equal = everywhere[0]
    found = {"no loss": failed(equal)}
    first = len(SHOTS)  # the groups of one benchmark
    for loss in LOSSES:
        found[f"{loss} points, one language of one benchmark"] = failed(column[loss][:first] + equal[first:])
        found[f"{loss} points, one benchmark"] = failed(everywhere[loss][:first] + equal[first:])
        found[f"{loss} points, one language everywhere"] = failed(column[loss])
        found[f"{loss} points, everywhere"] = failed(everywhere[loss])
    return found


def main() -> None:
    """Print one line per scenario."""
    gates = 20 if "--quick" in sys.argv else 1000
    counts: dict[str, NDArray[np.int64]] = {}
    for number in range(gates):
        for name, results in one_gate(np.random.default_rng(number)).items():
            counts[name] = counts.get(name, np.zeros(len(RULES), dtype=np.int64)) + np.array(results)
    cells = BENCHMARKS * LANGUAGES * len(SHOTS)
    print(f"gates={gates} cells={cells} items={ITEMS} alpha={GateConfig().alpha:g}; share of gates that fail, by rule")
    for name, found in counts.items():
        print(f"{name:45}", *(f"{rule}={100 * n / gates:.1f}%" for rule, n in zip(RULES, found, strict=True)))


if __name__ == "__main__":
    main()
