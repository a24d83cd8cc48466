"""Readers of the official file layouts, one function per benchmark.

Each takes (benchmark, root, unit, split) and returns (rows, origin, dropped): canonical rows, the file they came
from relative to the root, and counts of rows left out by reason.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.data.readers import choice, knowledge, pairs, qa, text
from xling_bench.data.rows import Row
from xling_bench.errors import DataError

Read = tuple[list[Row], str, dict[str, int]]
Reader = Callable[[Benchmark, Path, str, str], Read]

READERS: dict[str, Reader] = {
    "xnli": pairs.xnli,
    "pawsx": pairs.pawsx,
    "xcopa": choice.xcopa,
    "xstorycloze": choice.xstorycloze,
    "xwinograd": choice.xwinograd,
    "xquad": qa.xquad,
    "mlqa": qa.mlqa,
    "indicqa": qa.indicqa,
    "mlama": knowledge.mlama,
    "flores": text.flores,
    "xlsum": text.xlsum,
}


def read(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """Read one split of one unit from the official files below `root`."""
    try:
        return READERS[benchmark.key](benchmark, root, unit, split)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # Readers name file and line where they can; this is for shapes of damage nobody thought of.
        raise DataError(
            f"{benchmark.key} {unit} {split}: the files are not in the official layout ({error!r})"
        ) from error
