"""Global PIQA, the part that is not parallel: which of two solutions works, by people of each language and place."""

from __future__ import annotations

from pathlib import Path

from xling_bench.benchmarks.implementation import Implementation, Read, jsonl_beside, texts_of
from xling_bench.benchmarks.multiple_choice import config_of, convert_records, index_of_number, rows_of
from xling_bench.benchmarks.textfiles import locate, read_csv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record, text_in
from xling_bench.core.unit import Unit

SOLUTIONS = ("solution0", "solution1")
COLUMNS = ("prompt", *SOLUTIONS, "label")


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The hub's own files, `data/nonparallel_<language>_<script>[_<place>].tsv`, quoted as spreadsheets do."""
    name = f"nonparallel_{config_of(benchmark, unit)}.tsv"
    path = locate(root, [f"{folder}{name}" for folder in ("global_piqa/", "global_piqa/data/", "data/", "")])
    return rows_of(root, path, read_csv(path, COLUMNS, "\t"), _row, split)


def _row(split: str, number: int, record: Record) -> Record:
    """A record of `mrlbenchmarks/global-piqa-nonparallel`; `supplement` and translations into English are left."""
    return {
        "id": f"global_piqa-{split}-{number:03d}",
        "prompt": record["prompt"],
        "options": [text_in(record, name) for name in SOLUTIONS],
        "label": index_of_number(record["label"], len(SOLUTIONS)),
    }


IMPLEMENTATION = Implementation(
    read=read, from_hub=convert_records(_row), texts=texts_of("prompt"), sample=jsonl_beside(__file__)
)
