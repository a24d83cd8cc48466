"""Which items of a benchmark belong together: those of one premise, one passage, one article."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Row, Value, text_in


def clusters_of(benchmark: Benchmark, rows: Sequence[Row], split: str) -> dict[str, str]:
    """{item: the first item of its cluster}, by what the benchmark declares its items share.

    By texts: items with equal texts in all fields of one of `clusters` are together, and so are those that are
    connected by others. By position: the split's rows in the declared numbers, `cluster_sizes`; only where all of them
    are there. An item that shares nothing is its own cluster.
    """
    first = list(range(len(rows)))  # of each row, an earlier one that it is together with
    sizes = benchmark.cluster_sizes.get(split, ())
    if len(rows) == sum(sizes):
        first = [end - size for size, end in zip(sizes, accumulate(sizes), strict=True) for _ in range(size)]
    names = [text_in(row, "id") for row in rows]
    seen: dict[frozenset[Value], int] = {}
    for number, row in enumerate(rows):
        for fields in benchmark.clusters:
            same = seen.setdefault(frozenset(row[name] for name in fields), number)
            mine, theirs = _root(first, number), _root(first, same)
            first[max(mine, theirs)] = min(mine, theirs)
    return {name: names[_root(first, number)] for number, name in enumerate(names)}


def _root(first: list[int], number: int) -> int:
    while first[number] != number:
        first[number] = first[first[number]]
        number = first[number]
    return number
