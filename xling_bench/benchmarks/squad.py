"""Extractive question answering in SQuAD's shape, which XQuAD, MLQA and IndicQA share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xling_bench.benchmarks.implementation import Dropped, Records
from xling_bench.benchmarks.rows import numbered
from xling_bench.benchmarks.textfiles import read_json
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.row import Record, record_in, texts_in
from xling_bench.core.unit import Unit


def read_squad(benchmark: Benchmark, path: Path) -> Sequence[Record]:
    """The rows of an official file. Raises DataError where its JSON has another shape."""
    document = read_json(path)
    try:
        return numbered(_rows(benchmark, document))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not SQuAD-shaped JSON (data > paragraphs > context, qas): {error!r}") from error


def squad_from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """The hub's flat records: context, question and answers in each."""
    return numbered(
        _row(benchmark, record["context"], record, texts_in(record_in(record, "answers"), "text"))
        for record in records(unit.target)
    ), {}


def _rows(benchmark: Benchmark, document: Any) -> Iterator[Record]:
    for paragraph in (p for article in document["data"] for p in article["paragraphs"]):
        for question in paragraph["qas"]:
            answers = [answer["text"] for answer in question["answers"]]
            yield _row(benchmark, paragraph["context"], question, answers)


def _row(benchmark: Benchmark, context: object, question: Record, answers: list[str]) -> Record:
    """One canonical row.

    Empty answers are left out: IndicQA marks unanswerable questions with them, and MLQA's test has one such gold,
    which only an empty prediction meets either way.
    """
    given = [text for text in answers if text]
    identifier = f"{benchmark.key}-{question['id']}"
    return {"id": identifier, "context": context, "question": question["question"], "answers": given}
