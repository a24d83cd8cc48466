"""INCLUDE: questions of local exams in 44 languages, each language's own."""

from __future__ import annotations

from xling_bench.benchmarks.implementation import Implementation, jsonl_beside, texts_of
from xling_bench.benchmarks.multiple_choice import convert_records, index_of_number, read_records
from xling_bench.core.row import Record, text_in

OPTIONS = ("option_a", "option_b", "option_c", "option_d")
COLUMNS = ("domain", "subject", "regional_feature", "question", *OPTIONS, "answer")


def _row(split: str, number: int, record: Record) -> Record:
    """A record of `CohereLabs/include-base-44`, whose `answer` is a number from 0. It has no name: its place is one."""
    return {
        "id": f"include-{split}-{number:04d}",
        "domain": record["domain"],
        "subject": record["subject"],
        "region": record["regional_feature"],
        "question": record["question"],
        "options": [text_in(record, name) for name in OPTIONS],
        "label": index_of_number(record["answer"], len(OPTIONS)),
    }


IMPLEMENTATION = Implementation(
    read=read_records(COLUMNS, _row),
    from_hub=convert_records(_row),
    texts=texts_of("question"),
    sample=jsonl_beside(__file__),
)
