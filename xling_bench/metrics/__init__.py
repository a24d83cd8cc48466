"""Metrics: item -> sufficient statistics -> score. Pure functions of strings; no model, no files."""

from xling_bench.metrics.qa import abstains, contains, exact, f1, normalize_mlqa, normalize_squad
from xling_bench.metrics.text import chrf, chrf_signature, chrf_statistics

__all__ = [
    "abstains",
    "chrf",
    "chrf_signature",
    "chrf_statistics",
    "contains",
    "exact",
    "f1",
    "normalize_mlqa",
    "normalize_squad",
    "rule",
]

QA_RULES = {"xquad": "squad-v1.1", "indicqa": "squad-v2", "mlama": "squad-v1.1"}


def rule(benchmark: str, kind: str, language: str) -> str:
    """The name of the rule a task is scored by, for signatures."""
    if kind == "choose":
        return "sum-logprob"
    if benchmark == "mlqa":
        return f"mlqa-{language}"
    return QA_RULES.get(benchmark) or chrf_signature()
