"""KorNLI's XNLI in Korean, beside XNLI's English."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks import nli, xnli
from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, texts_of
from xling_bench.benchmarks.textfiles import locate
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """Korean as the repository's `KorNLI/xnli.<split>.ko.tsv`. The id is the row's number, which is XNLI's."""
    if unit == "en":
        return xnli.read(benchmark, root, unit, split)
    path = locate(root, [f"{folder}xnli.{split}.ko.tsv" for folder in ("xnli/extra/", "KorNLI/", "kornli/", "")])
    columns = ("sentence1", "sentence2", "gold_label")
    rows = nli.named_labels(path, benchmark, columns, lambda i: nli.xnli_id(split, i))
    return rows, str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`kakaobrain/kor_nli`, configuration `xnli`, labels as numbers. Raises MissingDataError for English."""
    nli.refuse_english(benchmark, unit)
    return nli.in_order(records(unit), lambda i: nli.xnli_id(split, i)), {}


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("premise", "hypothesis"), sample=nli.sample("kornli", "en", "ko")
)
