"""Write the tables of docs/ and tasks/README.md that come from declarations: `make docs`. A test compares them.

A table stands between `<!-- TABLE: NAME -->` and `<!-- end -->`; what is between them is replaced.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from xling_bench.catalog import Benchmark, benchmarks
from xling_bench.metrics.metric import Metric
from xling_bench.metrics.registry import METRICS

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("docs/metrics.md", "tasks/README.md")
TABLE = re.compile(r"(?<=<!-- TABLE: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def metrics_table() -> str:
    """Every metric: what it is, how it is read, who reports it."""
    head = ("metric", "what it is", "printed", "mean over", "better", "exists for", "reported by", "on request")
    return table(head, (_metric(metric) for metric in METRICS.values()))


def _metric(metric: Metric) -> list[str]:
    reported, asked = [], []
    for key, benchmark in benchmarks().items():
        usual, possible = _names(benchmark, on_request=False), _names(benchmark, on_request=True)
        if metric.name in usual:
            headline = any(names[0] == metric.name for names in benchmark.metrics.values())
            reported.append(f"**{key}**" if headline else key)
        elif metric.name in possible:
            asked.append(key)
    exists = "answers of a kind" if metric.conditional else "some items" if metric.partial else "all items"
    better = "neither" if metric.descriptive else "lower" if metric.lower_is_better else "higher"
    printed = "0 to 100 %" if metric.share else "times 100" if metric.times_100 else "as it is"
    return [f"`{metric.name}`", metric.meaning, printed,
            "no mean: corpus" if metric.over == "corpus" else metric.over,
            better, exists, " ".join(reported), " ".join(asked)]  # fmt: skip


def _names(benchmark: Benchmark, *, on_request: bool) -> set[str]:
    kinds, units = benchmark.metrics, benchmark.units()
    return {name for x in kinds for unit in units for name in benchmark.metrics_of(x, unit, on_request=on_request)}


def benchmarks_table() -> str:
    """Every benchmark: languages, tasks of the default suite, prompt, metrics."""
    head = ("benchmark", "key", "languages", "tasks", "default prompt", "metrics, headline first")
    return table(head, (_benchmark(benchmark) for benchmark in benchmarks().values()))


def _benchmark(benchmark: Benchmark) -> list[str]:
    by_kind = [" ".join(names) for names in benchmark.metrics.values()]
    return [benchmark.title, f"`{benchmark.key}`", str(len(benchmark.languages)), str(len(benchmark.units())),
            f"`{benchmark.family}`", "; or, ranked, ".join(by_kind)]  # fmt: skip


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


TABLES: dict[str, Callable[[], str]] = {"metrics": metrics_table, "benchmarks": benchmarks_table}


def written(text: str) -> str:
    """The text with its tables as the declarations have them."""
    return TABLE.sub(lambda match: f"{match[1]}{match[2]}{TABLES[match[1]]()}", text)


def main() -> int:
    """Write what is not as it should be, and name it."""
    for place in PLACES:
        path = ROOT / place
        text = path.read_text(encoding="utf-8")
        if written(text) != text:
            path.write_text(written(text), encoding="utf-8")
            print(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
