"""The catalog: what a benchmark is, what a prompt family says, and the tasks compiled from them."""

from xling_bench.catalog.benchmark import Benchmark, benchmarks, get_benchmark
from xling_bench.catalog.names import TaskSpec, get_task, select, task_specs
from xling_bench.catalog.prompt import Family, Form, families, get_family, resolve_form

__all__ = [
    "Benchmark",
    "Family",
    "Form",
    "TaskSpec",
    "benchmarks",
    "families",
    "get_benchmark",
    "get_family",
    "get_task",
    "resolve_form",
    "select",
    "task_specs",
]
