"""How often the intervals of a fitted law hold the truth, beside those that a plain residual bootstrap would give."""

import numpy as np
import pytest

from xling_bench.scale.fit import fit, solve
from xling_bench.scale.law import Law

pytestmark = pytest.mark.slow
REPEATS = 200
# (points, law, standard deviation of a point, its distribution)
CASES = [(3, Law(70, 0.10), 0.5, "normal"), (4, Law(70, 0.10), 0.5, "normal"), (5, Law(70, 0.10), 0.2, "normal"),
         (5, Law(70, 0.10), 1.0, "normal"), (8, Law(70, 0.10), 0.5, "normal"), (6, Law(200, 0.25), 1.0, "normal"),
         (5, Law(70, 0.10), 0.5, "t5"), (12, Law(70, 0.10), 0.5, "t5")]  # fmt: skip


def plain(sizes: np.ndarray, scores: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of beta when residuals are drawn again."""
    found = fit(sizes, scores).law()
    curve = found.score(sizes)
    u = np.log(sizes) - np.log(sizes).mean()
    drawn = solve(u, 100 - curve + rng.choice(scores - curve, (1_000, len(sizes))))
    low, high = np.percentile(drawn[:, 1], [2.5, 97.5])
    return float(low), float(high)


@pytest.mark.parametrize(("points", "law", "error", "shape"), CASES)
def test_coverage(points: int, law: Law, error: float, shape: str) -> None:
    rng = np.random.default_rng(points)
    sizes = np.geomspace(2_000, 500_000, points)
    held = dict.fromkeys(("alpha", "beta", "score at 100k", "score at 1M", "beta, plain bootstrap"), 0)
    for _ in range(REPEATS):
        drawn = rng.standard_normal(points) if shape == "normal" else rng.standard_t(5, points) / np.sqrt(5 / 3)
        scores = law.score(sizes) + error * drawn
        found = fit(sizes, scores)
        truth = {"alpha": (law.alpha, found.alpha_interval()), "beta": (law.beta, found.beta_interval()),
                 "beta, plain bootstrap": (law.beta, plain(sizes, scores, rng))}  # fmt: skip
        for name, size in (("score at 100k", 1e5), ("score at 1M", 1e6)):
            truth[name] = float(law.score(np.array([size]))[0]), found.score_interval(size)
        for name, (value, ends) in truth.items():
            held[name] += ends is not None and ends[0] <= value <= ends[1]
    shares = {name: 100 * count / REPEATS for name, count in held.items()}
    print(f"{points:2d} points, error {error} {shape}: " + ", ".join(f"{k} {v:.1f}" for k, v in shares.items()))
    assert all(share > 88 for name, share in shares.items() if "plain" not in name)  # 4.5 standard errors below 95
    if points <= 6:
        assert shares["beta, plain bootstrap"] < 91
