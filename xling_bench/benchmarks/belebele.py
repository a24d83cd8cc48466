"""Belebele: which of four answers to a question about a passage of FLORES is right."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, jsonl_beside, texts_of
from xling_bench.benchmarks.multiple_choice import config_of, converted
from xling_bench.benchmarks.textfiles import locate, read_jsonl
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record, text_in
from xling_bench.core.unit import Unit

ANSWERS = tuple(f"mc_answer{number}" for number in (1, 2, 3, 4))
COLUMNS = ("link", "question_number", "flores_passage", "question", *ANSWERS, "correct_answer_num")


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """`Belebele.zip`'s `Belebele/<lang_Script>.jsonl`, or the hub's `data/<lang_Script>.jsonl`: the test split."""
    name = f"{config_of(benchmark, unit)}.jsonl"
    path = locate(root, [f"{folder}{name}" for folder in ("Belebele/", "belebele/", "belebele/data/", "data/", "")])
    return converted(path, read_jsonl(path, COLUMNS), _row), str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`facebook/belebele` has the official files' columns."""
    return [_row(record) for record in records(unit)], {}


def _row(record: Record) -> Record:
    """A passage's page and a question's number there name an item in every language; pages are long, so a hash."""
    page = hashlib.sha256(text_in(record, "link").encode()).hexdigest()[:10]
    number, right = (str(record[name]) for name in ("question_number", "correct_answer_num"))
    if not number.isdecimal():
        raise ValueError(f"question_number should be a number, got {number!r}")
    if right not in ("1", "2", "3", "4"):
        raise ValueError(f"correct_answer_num should be a number from 1 to 4, got {right!r}")
    return {
        "id": f"belebele-{page}-{number}",
        "passage": record["flores_passage"],
        "question": record["question"],
        "options": [record[name] for name in ANSWERS],
        "label": int(right) - 1,
    }


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("question", context="passage"), sample=jsonl_beside(__file__)
)
