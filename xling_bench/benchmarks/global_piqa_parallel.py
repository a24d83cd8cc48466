"""Global PIQA, the parallel part: which of four solutions works, translated by a machine and corrected by people."""

from __future__ import annotations

import hashlib
from pathlib import Path

from xling_bench.benchmarks.implementation import Implementation, Read, jsonl_beside, texts_of
from xling_bench.benchmarks.multiple_choice import config_of, convert_records, index_of_number, rows_of
from xling_bench.benchmarks.textfiles import locate, read_csv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record, text_in
from xling_bench.core.unit import Unit

SOLUTIONS = tuple(f"solution{number}" for number in range(4))
ENGLISH = ("eng_prompt", *(f"eng_{name}" for name in SOLUTIONS))
COLUMNS = ("prompt", *SOLUTIONS, "label", *ENGLISH)


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The hub's own files, `data/parallel_<language>_<script>[_<place>].tsv`, quoted as spreadsheets do."""
    name = f"parallel_{config_of(benchmark, unit)}.tsv"
    path = locate(root, [f"{folder}{name}" for folder in ("global_piqa/", "global_piqa/data/", "data/", "")])
    return rows_of(root, path, read_csv(path, COLUMNS, "\t"), _row, split)


def _row(split: str, number: int, record: Record) -> Record:
    """A record of `mrlbenchmarks/global-piqa-parallel`. Each carries the English that it is a translation of, by which
    the translations of an item know each other whatever their order."""
    asked, *solutions = (text_in(record, name) for name in ENGLISH)
    english = hashlib.sha256("\n".join([asked, *sorted(solutions)]).encode()).hexdigest()[:12]
    return {
        "id": f"global_piqa_parallel-{english}",
        "prompt": record["prompt"],
        "options": [text_in(record, name) for name in SOLUTIONS],
        "label": index_of_number(record["label"], len(SOLUTIONS)),
    }


IMPLEMENTATION = Implementation(
    read=read, from_hub=convert_records(_row), texts=texts_of("prompt"), sample=jsonl_beside(__file__)
)
