"""Global-MMLU-Lite: 200 culturally sensitive and 200 agnostic questions of MMLU, translated or corrected by people."""

from __future__ import annotations

from xling_bench.benchmarks.global_mmlu import COLUMNS, row
from xling_bench.benchmarks.implementation import Implementation, jsonl_beside, texts_of
from xling_bench.benchmarks.multiple_choice import convert_records, read_records

IMPLEMENTATION = Implementation(
    read=read_records(COLUMNS, row),
    from_hub=convert_records(row),
    texts=texts_of("question"),
    sample=jsonl_beside(__file__),
)
