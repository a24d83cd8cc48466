"""MultiBLiMP: which of two sentences is grammatical. Collected per language, not translated."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, jsonl_beside, texts_of
from xling_bench.benchmarks.rows import numbered
from xling_bench.benchmarks.textfiles import locate, read_csv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record, text_in
from xling_bench.core.unit import Unit

RIGHT = 1  # the grammatical sentence stands last: where a model tells no difference, the first candidate is taken


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The hub's `<iso639-3>/data.tsv`, cells with a quotation mark in quotes.

    The id is a hash of both sentences, for none is published.
    """
    name = f"{benchmark.codes.get(unit, unit)}/data.tsv"
    path = locate(root, [f"{folder}{name}" for folder in ("multiblimp/", "final_pairs/", "")])
    rows = (cells for _, cells in read_csv(path, ("sen", "wrong_sen"), delimiter="\t"))
    return _rows(rows), str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`jumelet/multiblimp`: one split, called train."""
    return _rows(records(unit)), {}


def _rows(records: Iterable[Record]) -> list[Record]:
    return numbered(_row(text_in(record, "sen"), text_in(record, "wrong_sen")) for record in records)


def _row(right: str, wrong: str) -> Record:
    identifier = "multiblimp-" + hashlib.sha256(f"{right}\t{wrong}".encode()).hexdigest()[:12]
    return {"id": identifier, "wrong": wrong, "right": right, "label": RIGHT}


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("right", "wrong"), sample=jsonl_beside(__file__)
)
