"""Metrics: item -> sufficient statistics -> score. Pure functions of strings; no model, no files."""

from xling_bench.metrics.qa import contains, exact, f1, normalize_mlqa, normalize_squad
from xling_bench.metrics.text import chrf, chrf_signature, chrf_statistics

__all__ = [
    "chrf",
    "chrf_signature",
    "chrf_statistics",
    "contains",
    "exact",
    "f1",
    "normalize_mlqa",
    "normalize_squad",
]
