"""COMET: what a model that was trained on human judgements says of a translation, seeing its source and reference.

Rei et al. 2020, "COMET: A Neural Framework for MT Evaluation"; wmt22-comet-da is Rei et al. 2022. Its program needs
other versions of the libraries that run the evaluated model, and weights of its own: it is asked for by `xling-bench
score RUN --comet MODEL`, of translations that were kept (`xling_bench.comet`).
"""

from __future__ import annotations

from xling_bench.core.errors import MissingMetricError
from xling_bench.metrics.metric import Expected, Metric

STAMP = "random-weights"  # in the rule of a checkpoint that says so of itself: tests have such
RANDOM = "random COMET"  # what stands beside its scores


def is_random(rule: str) -> bool:
    """Whether a rule, or a signature that ends in it, is that of a checkpoint whose weights were never trained."""
    return STAMP in rule.rpartition("rule:")[2].split(",")


def _rule(_expected: Expected) -> str:
    raise MissingMetricError(
        "COMET is another program's: make the run without it, then `xling-bench score RUN --comet MODEL` adds it to "
        "the kept translations."
    )


METRICS = (
    Metric("comet", "COMET (Rei et al. 2020) of the checkpoint that the rule names: about 0 to 100, no share", _rule,
           given=True, share=False, times_100=True, label="COMET", tasks=("machine translation",)),
)  # fmt: skip
