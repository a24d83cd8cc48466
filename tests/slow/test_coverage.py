"""Do the intervals keep what they promise? Simulated parallel benchmarks with known truth, fixed seeds.

An item is right in a language when a latent ability (half shared by all languages, as items are translations of each
other, half the language's own) is below the language's threshold.
"""

from statistics import NormalDist

import numpy as np
import pytest
from simulated import coverage

from xling_bench.stats import bootstrap_means, corrected_std, holm, mcnemar_exact, sign_flip, spearman
from xling_bench.stats.correlation import FEWEST

pytestmark = pytest.mark.slow
REPLICATES = 2000
LANGUAGES = 15
DRAWS = 1000


def true_means(spread: float) -> np.ndarray:
    raw = np.random.default_rng(7).standard_normal(LANGUAGES)
    return 0.45 + (raw - raw.mean()) / raw.std() * spread


def draw(rng: np.random.Generator, means: np.ndarray, items: int, shared: np.ndarray | None = None) -> np.ndarray:
    """(items, languages) of 0/1; `shared` fixes the common part, so that two models answer the same items."""
    common = rng.standard_normal((items, 1)) if shared is None else shared
    own = rng.standard_normal((items, means.size))
    thresholds = np.array([NormalDist().inv_cdf(m) for m in means])
    return ((common + own) / np.sqrt(2) < thresholds).astype(float)


def covered(draws: np.ndarray, truth: float) -> bool:
    low, high = np.percentile(draws, [2.5, 97.5])
    return bool(low <= truth <= high)


@pytest.mark.parametrize("items", [500, 1000])
def test_mean_gap_and_paired_difference_cover(items: int) -> None:
    rng = np.random.default_rng(items)
    first, second = true_means(0.0335), true_means(0.0335) + 0.02
    hits = {"mean": 0, "gap": 0, "difference": 0, "gap difference": 0}
    for replicate in range(REPLICATES):
        common = rng.standard_normal((items, 1))
        a, b = draw(rng, first, items, common), draw(rng, second, items, common)
        means = bootstrap_means(np.hstack([a, b]), DRAWS, replicate)
        m, n = means[:, :LANGUAGES], means[:, LANGUAGES:]
        gap = m[:, 0] - m[:, 1:].mean(axis=1)
        hits["mean"] += covered(m.mean(axis=1), first.mean())
        hits["gap"] += covered(gap, first[0] - first[1:].mean())
        hits["difference"] += covered((n - m).mean(axis=1), 0.02)
        hits["gap difference"] += covered(n[:, 0] - n[:, 1:].mean(axis=1) - gap, 0.0)
    shares = {name: count / REPLICATES for name, count in hits.items()}
    print(items, shares)
    assert all(0.93 <= share <= 0.97 for share in shares.values()), shares


@pytest.mark.parametrize(("items", "spread"), [(500, 0.0335), (500, 0.015), (500, 0.05), (1000, 0.0335)])
def test_corrected_std_covers(items: int, spread: float) -> None:
    rng = np.random.default_rng(int(items + 1e4 * spread))
    means = true_means(spread)
    found = [corrected_std(draw(rng, means, items), seed=r) for r in range(REPLICATES)]
    share = np.mean([x.low <= spread <= x.high for x in found])
    bias = np.mean([x.value for x in found]) - spread
    print(items, spread, share, bias)
    assert 0.93 <= share <= 0.97
    assert abs(bias) < 0.1 * spread


@pytest.mark.parametrize("kind", ["graded, a tenth of the items missing", "three seeds averaged"])
def test_other_scores_cover_too(kind: str) -> None:
    """F1-like scores (0, 1 and values between) with items missing per language, and outcomes averaged over seeds.

    Seeds share the item's difficulty; the interval is over items, the truth the mean over items and these seeds.
    """
    rng = np.random.default_rng(11)
    first, second = true_means(0.0335), true_means(0.0335) + 0.02
    parts = rng.uniform(size=10_000)
    worth = (parts / 2).mean()  # a wrong answer earns part of the score in three cases of ten
    hits = {"mean": 0, "gap": 0, "difference": 0}
    for replicate in range(REPLICATES):
        common = rng.standard_normal((500, 1))
        if kind.startswith("graded"):
            a, b = draw(rng, first, 500, common), draw(rng, second, 500, common)
            part = [(x == 0) & (rng.uniform(size=x.shape) < 0.3) for x in (a, b)]
            a, b = (np.where(p, rng.choice(parts, p.shape) / 2, x) for p, x in zip(part, (a, b), strict=True))
            missing = rng.uniform(size=a.shape) < 0.1
            a[missing], b[missing] = np.nan, np.nan
            truth = [m + 0.3 * worth * (1 - m) for m in (first, second)]
        else:
            a, b = (np.mean([draw(rng, m, 500, common) for _ in range(3)], axis=0) for m in (first, second))
            truth = [first, second]
        means = bootstrap_means(np.hstack([a, b]), DRAWS, replicate)
        m, n = means[:, :LANGUAGES], means[:, LANGUAGES:]
        hits["mean"] += covered(m.mean(axis=1), truth[0].mean())
        hits["gap"] += covered(m[:, 0] - m[:, 1:].mean(axis=1), truth[0][0] - truth[0][1:].mean())
        hits["difference"] += covered((n - m).mean(axis=1), (truth[1] - truth[0]).mean())
    shares = {name: count / REPLICATES for name, count in hits.items()}
    print(kind, shares)
    assert all(0.93 <= share <= 0.97 for share in shares.values()), shares


@pytest.mark.parametrize("items", [8, 20, 100])
def test_sign_flips_raise_no_false_alarms_even_on_few_items(items: int) -> None:
    """The difference of two equal models' means over fifteen parallel languages, at 5 %."""
    rng = np.random.default_rng(items)
    means = true_means(0.0335)
    alarms = 0
    for replicate in range(REPLICATES):
        common = rng.standard_normal((items, 1))
        parts = (draw(rng, means, items, common) - draw(rng, means, items, common)).mean(axis=1)
        alarms += sign_flip(parts, DRAWS, replicate) <= 0.05
    print(items, alarms / REPLICATES)
    assert alarms / REPLICATES <= 0.06


@pytest.mark.parametrize(("kind", "clusters"), [("premises", 167), ("passages", 100), ("passages", 240)])
def test_intervals_of_items_that_share_something_cover(kind: str, clusters: int) -> None:
    """Three labels a premise near chance; five questions a passage, correlation 0.3. Beside it, item by item."""
    shares = coverage(kind, clusters, REPLICATES, DRAWS)
    for name, (by_cluster, by_item) in shares.items():
        print(f"{clusters} {kind}, {name}: {100 * by_cluster:.1f} % by cluster, {100 * by_item:.1f} % by item")
    assert all(0.93 <= by_cluster <= 0.97 for by_cluster, _ in shares.values()), shares


def test_false_alarms_stay_below_five_percent_after_holm() -> None:
    """Two checkpoints of equal quality, fifteen languages: how often is any language called different?"""
    rng = np.random.default_rng(3)
    means = true_means(0.0335)
    alarms = 0
    for _ in range(REPLICATES):
        common = rng.standard_normal((500, 1))
        a, b = draw(rng, means, 500, common), draw(rng, means, 500, common)
        alarms += min(holm([mcnemar_exact(a[:, i], b[:, i]) for i in range(LANGUAGES)])) < 0.05
    print(alarms / REPLICATES)
    assert alarms / REPLICATES <= 0.05


@pytest.mark.parametrize("points", [FEWEST, 10, 14, 30])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_rank_correlation_covers(points: int, correlation: float) -> None:
    """Of a bivariate normal, whose Spearman's rho is 6 / pi asin(r / 2) (Pearson 1907)."""
    rng, truth, hits = np.random.default_rng(points), 6 / np.pi * np.arcsin(correlation / 2), 0
    for _ in range(REPLICATES):
        x, noise = rng.standard_normal((2, points))
        found = spearman(list(x), list(correlation * x + np.sqrt(1 - correlation**2) * noise))
        hits += found.low is not None and found.high is not None and found.low <= truth <= found.high
    print(points, correlation, hits / REPLICATES)
    assert 0.925 <= hits / REPLICATES <= 0.98
