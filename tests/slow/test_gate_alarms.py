"""How often the gate fails a candidate that is no worse: simulated, with the default settings."""

import numpy as np
import pytest
from runs import XNLI, write_run

from xling_bench.regress.gate import run_gate
from xling_bench.regress.settings import GateConfig

pytestmark = pytest.mark.slow
GATES, ITEMS = 200, 500


def test_equal_models_seldom_fail(tmp_path) -> None:
    """Two models that answer alike but for noise of their own, 15 languages of the same items.

    At alpha 0.05 half of the 5 % of the languages and half of the 5 % of the mean are losses: 5 % together at most.
    Gates of 22 such groups: `benchmarks/gate.py`.
    """
    failed = 0
    for number in range(GATES):
        rng = np.random.default_rng(number)
        shared = rng.normal(size=(ITEMS, 1)) + 0.7 * rng.normal(size=(ITEMS, len(XNLI)))
        folders = []
        for name in "ab":
            right = (shared + 0.7 * rng.normal(size=shared.shape) > -0.4).astype(float)
            scores = dict(zip(XNLI, right.T, strict=True))
            folders.append(write_run(tmp_path / f"{number}{name}", scores))
        failed += run_gate(*folders, GateConfig(), draws=500).status == "failed"
    print(f"{failed} of {GATES} gates of equal models failed")
    assert failed / GATES < 0.05 + 3 * (0.05 * 0.95 / GATES) ** 0.5
