"""What a declared benchmark or metric needs besides its declaration, and which of it is not there: `tasks check`."""

from __future__ import annotations

from xling_bench.catalog import METRICS, Benchmark, benchmarks
from xling_bench.errors import XlingError


def missing_pieces() -> list[str]:
    """One line per piece that a declared benchmark or metric lacks, and where it belongs; empty when all are there."""
    found = [f"tasks/{key}: {lack}" for key, benchmark in benchmarks().items() for lack in _of_benchmark(benchmark)]
    return found + [f"metric {name}: {lack}" for name in METRICS for lack in _of_metric(name)]


def _of_benchmark(benchmark: Benchmark) -> list[str]:
    from xling_bench.benchmarks.implementation import lacking

    return lacking(benchmark.key) or _rules(benchmark)


def _rules(benchmark: Benchmark) -> list[str]:
    """Metrics of the benchmark's that nothing says how to compute."""
    from xling_bench.metrics.scores import rule

    unit = benchmark.units()[0]
    names = {name for kind in benchmark.metrics for name in benchmark.metrics_of(kind, unit, on_request=True)}
    lacking = []
    for name in sorted(names):
        try:
            rule(name, benchmark.key, benchmark.answer_language(unit))
        except XlingError:
            continue  # a package or file that is not here: said where it is needed
        except KeyError:
            lacking.append(f"lacks an official rule for {name} (metrics/scores.py)")
    return lacking


def _of_metric(name: str) -> list[str]:
    from xling_bench.metrics.corpus import CORPUS
    from xling_bench.metrics.ranking import COMPARED

    metric = METRICS[name]
    lacking = []
    if metric.ranks != (name in COMPARED):
        lacking.append(f"ranks = {metric.ranks} and what it compares (metrics/ranking.py, COMPARED) contradict")
    if (metric.over != "items") != (name in CORPUS):
        lacking.append(f"over = {metric.over!r} and what tasks aggregate by (metrics/corpus.py, CORPUS) contradict")
    return lacking
