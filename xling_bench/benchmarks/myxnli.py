"""myXNLI: XNLI in Burmese, beside its English."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks import nli
from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, texts_of
from xling_bench.benchmarks.textfiles import locate
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The repository's `output/my/my.genre.<split>.tsv`, which holds both languages. The id is XNLI's."""
    path = locate(root, [f"{folder}my.genre.{split}.tsv" for folder in ("xnli/extra/", "myxnli/", "output/my/", "")])
    columns = (f"sentence1_{unit}", f"sentence2_{unit}", "label")
    rows = nli.named_labels(path, benchmark, columns, lambda i: nli.xnli_id(split, i))
    return rows, str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`akhtet/myanmar-xnli` has the files' columns, labels by name."""
    return [
        nli.row(
            nli.xnli_id(split, i),
            record[f"sentence1_{unit}"],
            record[f"sentence2_{unit}"],
            benchmark.labels.index(str(record["label"])),
        )
        for i, record in enumerate(records(unit))
    ], {}


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("premise", "hypothesis"), sample=nli.sample("myxnli", "en", "my")
)
