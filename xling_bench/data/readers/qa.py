"""Extractive question answering in SQuAD-shaped JSON: XQuAD, MLQA, IndicQA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.data.files import find, read_json
from xling_bench.data.rows import Row
from xling_bench.errors import DataError

Read = tuple[list[Row], str, dict[str, int]]


def xquad(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """XQuAD `xquad.<lang>.json`. Question ids are shared by all languages."""
    path = find(root, [f"{folder}xquad.{unit}.json" for folder in ("xquad/", "")])
    return list(_squad(path, "xquad")), str(path.relative_to(root)), {}


def mlqa(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """MLQA `MLQA_V1/test/test-context-<c>-question-<q>.json`; `unit` is `de` or context-question `de-zh`."""
    context, question = unit.split("-", maxsplit=1)[0], unit.rsplit("-", maxsplit=1)[-1]
    name = f"{split}/{split}-context-{context}-question-{question}.json"
    path = find(root, [f"{folder}{name}" for folder in ("mlqa/MLQA_V1/", "MLQA_V1/", "mlqa/")])
    return list(_squad(path, "mlqa")), str(path.relative_to(root)), {}


def indicqa(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """IndicQA `indicqa.<lang>.json`. A question whose answers are all empty is unanswerable: `answers` is []."""
    path = find(root, [f"{folder}indicqa.{unit}.json" for folder in ("indicqa/", "IndicQA/data/", "data/", "")])
    return list(_squad(path, "indicqa")), str(path.relative_to(root)), {}


def _squad(path: Path, prefix: str) -> Iterator[Row]:
    document = read_json(path)
    seen: dict[str, int] = {}
    try:
        for paragraph in (p for article in document["data"] for p in article["paragraphs"]):
            for question in paragraph["qas"]:
                yield squad_row(prefix, paragraph["context"], question, seen)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not SQuAD-shaped JSON (data > paragraphs > context, qas): {error!r}") from error


def squad_row(prefix: str, context: str, question: dict[str, Any], seen: dict[str, int]) -> Row:
    """One canonical row; a repeated id gets its running number.

    Empty answers are left out: IndicQA marks unanswerable questions with them, and MLQA's test has one such gold,
    which only an empty prediction meets either way.
    """
    identifier = f"{prefix}-{question['id']}"
    seen[identifier] = seen.get(identifier, 0) + 1
    if seen[identifier] > 1:
        identifier = f"{identifier}-{seen[identifier]}"
    answers = [answer["text"] for answer in question["answers"] if answer["text"]]
    return {"id": identifier, "context": context, "question": question["question"], "answers": answers}
