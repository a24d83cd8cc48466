"""MMLU-ProX: MMLU-Pro's questions with up to ten options, in 29 languages."""

from __future__ import annotations

from xling_bench.benchmarks.implementation import Implementation, jsonl_beside, texts_of
from xling_bench.benchmarks.multiple_choice import convert_records, lettered, read_records
from xling_bench.core.row import Record, index_in

OPTIONS = tuple(f"option_{number}" for number in range(10))
COLUMNS = ("question_id", "category", "question", *OPTIONS, "answer")


def row(split: str, number: int, record: Record) -> Record | str:
    """A record of `li-lab/MMLU-ProX` or its Lite, whose `question_id` is that of its translations; its last options may
    be null. One that lacks an option before its last has no letters (`zh` 3299): it is left out.

    Raises ValueError for an answer that `answer_index` contradicts.
    """
    there = [name for name in OPTIONS if record[name] is not None]
    if tuple(there) != OPTIONS[: len(there)]:
        return "no option before the last one"
    asked = lettered(record, there)
    if record.get("answer_index", asked["label"]) != asked["label"]:
        raise ValueError(f"answer is {record['answer']!r}, but answer_index {record['answer_index']!r}")
    return {
        "id": f"mmlu_prox-{split}-{index_in(record, 'question_id'):05d}",
        "category": record["category"],
        "question": record["question"],
        **asked,
    }


IMPLEMENTATION = Implementation(
    read=read_records(COLUMNS, row),
    from_hub=convert_records(row),
    texts=texts_of("question"),
    sample=jsonl_beside(__file__),
)
