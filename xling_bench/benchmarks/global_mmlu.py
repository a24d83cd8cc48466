"""Global-MMLU: MMLU's questions in 42 languages; some are marked as asking for knowledge of a culture."""

from __future__ import annotations

from xling_bench.benchmarks.implementation import Implementation, jsonl_beside, texts_of
from xling_bench.benchmarks.multiple_choice import convert_records, lettered, read_records
from xling_bench.core.row import Record, text_in

OPTIONS = ("option_a", "option_b", "option_c", "option_d")
MARKS = ("CS", "CA", "-")  # culturally sensitive, culturally agnostic, not annotated
COLUMNS = ("sample_id", "subject", "subject_category", "question", *OPTIONS, "answer", "cultural_sensitivity_label")


def row(split: str, number: int, record: Record) -> Record:
    """A record of `CohereLabs/Global-MMLU` or its Lite, whose `sample_id` is MMLU's own place: `astronomy/test/58`."""
    mark = record["cultural_sensitivity_label"]
    if mark not in MARKS:
        raise ValueError(f"cultural_sensitivity_label should be one of {', '.join(MARKS)}, got {mark!r}")
    return {
        "id": f"mmlu-{text_in(record, 'sample_id').replace('/', '-')}",
        "subject": record["subject"],
        "category": record["subject_category"],
        "culture": mark,
        "question": record["question"],
        **lettered(record, OPTIONS),
    }


IMPLEMENTATION = Implementation(
    read=read_records(COLUMNS, row),
    from_hub=convert_records(row),
    texts=texts_of("question"),
    sample=jsonl_beside(__file__),
)
