"""Invented items of the benchmarks of exam questions: as the hub has them, as their official files have them, and the
rows that both should give."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Exam:
    """One benchmark, unit and split: its file, the hub's records, and the rows without `id`, whose first is `id`."""

    key: str
    unit: str
    split: str
    file: str
    text: str
    records: list[Record]
    rows: list[Record]
    id: str
    dropped: dict[str, int] = field(default_factory=dict)


def jsonl(records: list[Record]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def spreadsheet(records: list[Record]) -> str:
    """Tab-separated, with the quotation marks that spreadsheets and pandas write."""
    written = io.StringIO()
    writer = csv.DictWriter(written, list(records[0]), delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return written.getvalue()


def letters(*options: str) -> Record:
    return {f"option_{letter}": option for letter, option in zip("abcd", options, strict=True)}


def numbered(*options: str | None) -> Record:
    return {f"option_{number}": option for number, option in enumerate((*options, *[None] * (10 - len(options))))}


def digest(*lines: str) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


LINK = "https://en.wikibooks.org/wiki/Samples/First"
BELEBELE = [
    {"link": LINK, "question_number": 1, "flores_passage": 'Er sagte "NA".', "question": "Was sagte er?",
     "mc_answer1": "Nichts", "mc_answer2": '"NA"', "mc_answer3": "None", "mc_answer4": "1", "correct_answer_num": "2",
     "dialect": "deu_Latn", "ds": "2023-05-03"},
    {"link": LINK, "question_number": 2, "flores_passage": 'Er sagte "NA".', "question": "Wer?",
     "mc_answer1": "Er", "mc_answer2": "Sie", "mc_answer3": "Es", "mc_answer4": "Wir", "correct_answer_num": "1",
     "dialect": "deu_Latn", "ds": "2023-05-03"},
]  # fmt: skip
MMLU = [
    {"sample_id": f"astronomy/test/{number}", "subject": "astronomy", "subject_category": "STEM", "question": "Was?",
     **letters("null", " Mond ", "Sonne\u2028Stern", "7"), "answer": answer, "required_knowledge": "[]",
     "cultural_sensitivity_label": mark, "is_annotated": mark != "-"}
    for number, answer, mark in ((3, "D", "CS"), (12, "A", "-"))
]  # fmt: skip
MMLU_ROWS = [
    {"subject": "astronomy", "category": "STEM", "culture": mark, "question": "Was?",
     "options": ["null", " Mond ", "Sonne\u2028Stern", "7"], "label": label}
    for mark, label in (("CS", 3), ("-", 0))
]  # fmt: skip
PROX = [
    {"question_id": 7, "question": "Wie viele?", **numbered("1", "2", "3"), "answer": "C", "answer_index": 2,
     "cot_content": "", "category": "math", "src": "-", "question_id_src": 70},
    {"question_id": 8, "question": "Welche?", **numbered(*"abcdefgh"), "option_9": "j", "answer": "B",
     "answer_index": 1, "cot_content": "", "category": "law", "src": "-", "question_id_src": 80},
    {"question_id": 3300, "question": "Wie?", **numbered(*"abcdefghij"), "answer": "J", "answer_index": 9,
     "cot_content": "", "category": "law", "src": "-", "question_id_src": 90},
]  # fmt: skip
PROX_ROWS = [
    {"category": "math", "question": "Wie viele?", "options": ["1", "2", "3"], "label": 2},
    {"category": "law", "question": "Wie?", "options": list("abcdefghij"), "label": 9},
]
INCLUDE = [
    {"language": "North Macedonian", "country": "-", "domain": "STEM", "subject": "Math",
     "regional_feature": "agnostic", "level": "-", "question": "Колку?", **letters("1", "2", "3", "4"), "answer": 3}
]  # fmt: skip
AFRI = [
    {"question": 'Sawa na "5"?', "choices": "['4', \"'5'\", '6\\n', 'NA']", "answer": "B", "subject": "global_facts"},
    {"question": "Ngapi?\nSema.", "choices": '["0", "1", "2", "3"]', "answer": "A", "subject": "math"},
    {"question": "Nini?", "choices": "['a', 'b', 'c', 'd']", "answer": "D", "subject": "global_facts"},
]
PIQA = [
    {"prompt": 'To open a "jar",', "solution0": "turn the lid.", "solution1": "hit\tit.", "label": 0, "language": "x",
     "example_id": "7", "supplement": ""},
]  # fmt: skip
PARALLEL = [
    {"prompt": "Para abrir,", **{f"solution{n}": text for n, text in enumerate("wxyz")}, "label": 2, "language": "x",
     "eng_prompt": "To open,", **{f"eng_solution{n}": text for n, text in enumerate("abcd")}, "categories": "",
     "example_id": "7", "supplement": ""},
]  # fmt: skip
ENGLISH = ("To open,", *"abcd")  # the prompt, then the solutions in order
GAP = {"no option before the last one": 1}

EXAMS = [
    Exam("belebele", "de", "test", "Belebele/deu_Latn.jsonl", jsonl(BELEBELE), BELEBELE, [
        {"passage": 'Er sagte "NA".', "question": "Was sagte er?", "options": ["Nichts", '"NA"', "None", "1"],
         "label": 1},
        {"passage": 'Er sagte "NA".', "question": "Wer?", "options": ["Er", "Sie", "Es", "Wir"], "label": 0},
    ], f"belebele-{digest(LINK)[:10]}-1"),
    Exam("global_mmlu", "tl", "test", "global_mmlu/fil/test.jsonl", jsonl(MMLU), MMLU, MMLU_ROWS,
         "mmlu-astronomy-test-3"),
    Exam("global_mmlu_lite", "cy", "dev", "global_mmlu_lite/cy/dev.jsonl", jsonl(MMLU), MMLU, MMLU_ROWS,
         "mmlu-astronomy-test-3"),
    Exam("mmlu_prox", "zu", "dev", "mmlu_prox/zu/validation.jsonl", jsonl(PROX), PROX, PROX_ROWS, "mmlu_prox-dev-00007",
         GAP),
    Exam("mmlu_prox_lite", "zh", "test", "mmlu_prox_lite/zh/test.jsonl", jsonl(PROX), PROX, PROX_ROWS,
         "mmlu_prox-test-00007", GAP),
    Exam("include", "mk", "test", "include/North Macedonian/test.jsonl", jsonl(INCLUDE), INCLUDE, [
        {"domain": "STEM", "subject": "Math", "region": "agnostic", "question": "Колку?", "options": list("1234"),
         "label": 3},
    ], "include-test-0000"),
    Exam("afrimmlu", "sw", "dev", "irokobench/afrimmlu/swa/val.tsv", spreadsheet(AFRI), AFRI, [
        {"subject": "global_facts", "question": 'Sawa na "5"?', "options": ["4", "'5'", "6\n", "NA"], "label": 1},
        {"subject": "math", "question": "Ngapi?\nSema.", "options": ["0", "1", "2", "3"], "label": 0},
        {"subject": "global_facts", "question": "Nini?", "options": ["a", "b", "c", "d"], "label": 3},
    ], "afrimmlu-dev-global_facts-000"),
    Exam("global_piqa", "pt_br", "test", "global_piqa/data/nonparallel_por_latn_braz.tsv", spreadsheet(PIQA), PIQA, [
        {"prompt": 'To open a "jar",', "options": ["turn the lid.", "hit\tit."], "label": 0},
    ], "global_piqa-test-000"),
    Exam("global_piqa_parallel", "es_mx", "test", "data/parallel_spa_latn_mexi.tsv", spreadsheet(PARALLEL), PARALLEL, [
        {"prompt": "Para abrir,", "options": list("wxyz"), "label": 2},
    ], f"global_piqa_parallel-{digest(*ENGLISH)[:12]}"),
]  # fmt: skip
