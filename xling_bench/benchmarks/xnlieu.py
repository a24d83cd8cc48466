"""XNLIeu: XNLI in Basque, beside XNLI's English."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks import nli, xnli
from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, texts_of
from xling_bench.benchmarks.textfiles import locate
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit

FOLDERS = ("xnli/extra/", "xnlieu/", "xnli-eu/", "")


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """Basque as the hub's `xnli.<split>.eu.tsv`, which XNLIvar's repository calls `xnli-eu-original.tsv` (test).

    The id is the row's number, which is XNLI's.
    """
    if unit == "en":
        return xnli.read(benchmark, root, unit, split)
    names = [f"xnli.{split}.eu.tsv", *(["xnli-eu-original.tsv"] if split == "test" else [])]
    path = locate(root, [folder + name for folder in FOLDERS for name in names])
    return nli.numbered_labels(path, benchmark, lambda i: nli.xnli_id(split, i)), str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`HiTZ/xnli-eu` has the files' columns, in their order. Raises MissingDataError for English."""
    nli.refuse_english(benchmark, unit)
    return nli.in_order(records(unit), lambda i: nli.xnli_id(split, i)), {}


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("premise", "hypothesis"), sample=nli.sample("xnlieu", "en", "eu")
)
