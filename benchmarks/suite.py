"""A pytest plugin: CPU-seconds of every test, of the processes it started too, and the slowest 20.

    PYTHONPATH=benchmarks python -m pytest -p suite -m "not slow and not real" [-n 2]

A test's figure holds its fixtures: what several share counts for the first that asks.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

SLOWEST = 20
CPU: Counter[str] = Counter()
process = psutil.Process()
last = 0.0


def cpu() -> float:
    """CPU-seconds of this process and of those it started, ended or not."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    total = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    for child in process.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.Error:
            continue  # it has ended meanwhile
        total += times.user + times.system + times.children_user + times.children_system
    return total


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Iterator[None]:
    global last  # noqa: PLW0603 - one test runs at a time
    last = cpu()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    """Setup, call and teardown: each report carries its seconds to the process that prints."""
    global last  # noqa: PLW0603
    report = yield
    now = cpu()
    report.user_properties = [("cpu", now - last)]
    last = now
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    CPU[report.nodeid] += float(dict(report.user_properties).get("cpu", 0))  # a crashed worker reports none


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.section(f"{sum(CPU.values()):.0f} CPU-seconds in {len(CPU)} tests; the slowest {SLOWEST}")
    for name, seconds in CPU.most_common(SLOWEST):
        terminalreporter.write_line(f"{seconds:7.1f} {name}")
    modules: Counter[str] = Counter()
    for name, seconds in CPU.items():
        modules[name.partition("::")[0]] += seconds
    for name, seconds in modules.most_common(SLOWEST):
        terminalreporter.write_line(f"{seconds:7.1f} {name} as a whole")
