"""What a declared benchmark needs besides its declaration, and which of it is not there: `tasks check`."""

from __future__ import annotations

from xling_bench.catalog import Benchmark, benchmarks
from xling_bench.core.errors import DeclarationError, XlingError


def missing_pieces() -> list[str]:
    """One line per piece that a declared benchmark lacks, and where it belongs; empty when all are there."""
    return [f"tasks/{key}: {lack}" for key, benchmark in benchmarks().items() for lack in _of_benchmark(benchmark)]


def _of_benchmark(benchmark: Benchmark) -> list[str]:
    from xling_bench.benchmarks.implementation import lacking

    return lacking(benchmark.key) or _rules(benchmark)


def _rules(benchmark: Benchmark) -> list[str]:
    """Metrics of the benchmark's that nothing says how to compute."""
    from xling_bench.benchmarks import expected
    from xling_bench.metrics.registry import get_metric

    unit = benchmark.units()[0]
    names = {name for kind in benchmark.metrics for name in benchmark.metrics_of(kind, unit, on_request=True)}
    lacking = []
    for name in sorted(names):
        try:
            get_metric(name).signature(expected(benchmark.key, benchmark.answer_language(unit)))
        except DeclarationError as error:
            lacking.append(f"lacks an official rule for {name}: {error}")
        except XlingError:
            continue  # a package or file that is not here: said where it is needed
    return lacking
