"""XNLIeu native: entailment written in Basque."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks import nli
from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, texts_of
from xling_bench.benchmarks.textfiles import locate
from xling_bench.benchmarks.xnlieu import FOLDERS
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The hub's `xnli.test.eu.native.tsv`, which XNLIvar's repository calls `xnli-eu-native.tsv`."""
    names = (f"xnli.{split}.{unit}.native.tsv", f"xnli-{unit}-native.tsv")
    path = locate(root, [folder + name for folder in FOLDERS for name in names])
    return nli.numbered_labels(path, benchmark, _id), str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`HiTZ/xnli-eu`, configuration `eu_native`."""
    return nli.in_order(records(unit), _id), {}


def _id(index: int) -> str:
    return f"xnlieu_native-{index:03d}"


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("premise", "hypothesis"),
    sample=nli.sample("xnlieu_native", "eu", demos=0),
)  # fmt: skip
