"""MMLU-ProX-Lite: 588 questions of MMLU-ProX, for those who cannot run 11,759."""

from __future__ import annotations

from xling_bench.benchmarks.implementation import Implementation, jsonl_beside, texts_of
from xling_bench.benchmarks.mmlu_prox import COLUMNS, row
from xling_bench.benchmarks.multiple_choice import convert_records, read_records

IMPLEMENTATION = Implementation(
    read=read_records(COLUMNS, row),
    from_hub=convert_records(row),
    texts=texts_of("question"),
    sample=jsonl_beside(__file__),
)
