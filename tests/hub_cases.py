"""One invented item of every benchmark, as the hub has it and as its official files have it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import Any

from exams import EXAMS

Record = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One invented item as the hub has it, in `records` by language, and as the official `files` have it."""

    key: str
    unit: str
    split: str
    files: dict[str, str]
    records: dict[str, list[Record]]
    id: str
    dropped: dict[str, int] = field(default_factory=dict)


def table(*lines: tuple[object, ...]) -> str:
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def csv_text(*rows: tuple[object, ...]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def squad(context: str, *questions: tuple[str, str, list[str]]) -> str:
    asked = [{"id": i, "question": q, "answers": [{"text": t, "answer_start": 0} for t in a]} for i, q, a in questions]
    return json.dumps({"version": "1.1", "data": [{"title": "T", "paragraphs": [{"context": context, "qas": asked}]}]})


def squad_record(context: str, question: tuple[str, str, list[str]]) -> Record:
    identifier, text, answers = question
    found = {"text": answers, "answer_start": [0] * len(answers)}
    return {"id": identifier, "context": context, "question": text, "answers": found}


PAWSX = [
    (3, 'Er sagte "NA".', "„NA“, sagte er.", 1),
    (7, "NS", "Nur eine Hälfte.", 0),
    (9, "Ost nach West.", "West nach Ost.", 0),
]
XCOPA = {"premise": "L'uomo aprì.", "choice1": 'Uscì "acqua".', "choice2": "None", "question": "effect", "label": 1}
STORY = ["Рита ела.", "Ел и кот.", '"Да", сказала она.', "Стемнело.", "Они спали.", "Они пели."]
ENTAILED = [('Ya ce "a\'a", ya tafi.', "Ya\ntafi.", 2), ("NA", "None", 0)]
LABELS = ("entailment", "neutral", "contradiction")
NLI = [('Er sagte "NA".', "null", 1), (" Leer", "Voll", 0), ("Drei", "Vier", 2)]
NLI_NAMED = [(a, b, LABELS[label]) for a, b, label in NLI]
NLI_RECORDS = [{"premise": a, "hypothesis": b, "label": label} for a, b, label in NLI]
COPAL = [('Ia berkata, "NA".', "Ya", "Tidak,\ntidak", "effect", 1), ("Null", "A", "B", "cause", 0)]
PAIRS = [
    ('Pes "Rek" štěká.', 'Pes "Rek" štěkají.', "SV-#"), ("NA je.", "NA jsou.", "SV-#"), ("NA je.", "NA jsi.", "SV-P")
]  # fmt: skip
SEGMENTS = [
    {"lp": "en-pt_BR", "domain": "news", "document_id": "d1", "segment_id": number, "is_bad_source": number == 0,
     "source": f'It is "{number}".', "target": "É\u2028assim.", "original_target": None} for number in range(3)
]  # fmt: skip
WINOGRAD = ('The cup hit the "plate" and it broke.', "it", ["The cup", 'the "plate"'])
WINOGRAD_TEXT = 'The cup hit the "plate" and \t broke.\tThe cup\tthe "plate"'
SQUAD_CONTEXT = 'Die "Saale" fließt nach Norden. Sie ist 413 km lang.'
SQUAD_QUESTIONS = [("q1", "Wohin?", ["nach Norden", "Norden"]), ("q2", "Wie lang?", ["413 km"])]
INDIC = [("12", "कब?", [""]), ("13", "कहाँ?", ["घर में"])]
NEWS = {
    "id": "world-1",
    "url": "https://example.org",
    "title": "Título",
    "text": "Uma frase. «Duas».",
    "summary": "Só.",
}
TRIPLE = {"uuid": "u-1", "obj_label": "Norden", "sub_label": "Saale", "obj_uri": "Q1", "sub_uri": "Q2", "lineid": 1}
OTHER = TRIPLE | {"uuid": "u-2", "obj_label": "Meer", "sub_label": "Elbe"}
MLAMA = {"template": "[X] fließt zu [Y].", "language": "de", "predicate_id": "P1"}


EXEMPLARS = {
    "EXEMPLAR_NUMBER_ANSWERS": [1200],
    "MGSM_EXEMPLARS": {
        "en": {"1": {"q": "Question: How much: all?", "a": "Step-by-Step Answer: 600 * 2. The answer is 1,200."}},
        "fr": {"1": {"q": "Question : Combien ?", "a": "Réponse étape par étape : 600 * 2 = 1200."}},
    },
}


def worked(language: str) -> Record:
    example = EXEMPLARS["MGSM_EXEMPLARS"][language]["1"]
    return {"question": example["q"], "answer": example["a"], "answer_number": 1200, "equation_solution": "600 * 2."}


def winograd_files() -> dict[str, str]:
    sentence, pronoun, options = WINOGRAD
    tokens = ["The", "cup", "hit", "the", "``", "plate", "''", "and", "it", "broke", "."]
    candidates = [[options[0], [0, 2], ["The", "cup"], False], [options[1], [3, 7], ["the"], True]]
    dump = [json.dumps(part) for part in (tokens, [pronoun, [8, 9], [pronoun]], candidates)]
    return {"xwinograd/dataset.tsv": table(("en", "original", "?", sentence, *dump))}


CASES = [
    Case(
        "pawsx", "de", "test",
        {"x-final/de/test_2k.tsv": table(("id", "sentence1", "sentence2", "label"), *PAWSX)},
        {"de": [
            {"id": i, "sentence1": a.replace("NS", ""), "sentence2": b, "label": label} for i, a, b, label in PAWSX
        ]},
        "pawsx-test-3",
    ),
    Case(
        "afrixnli", "ha", "dev",
        {"irokobench/africanli/hau/dev.csv": csv_text(
            ("premise", "hypothesis", "label"), *((a, b, LABELS[label]) for a, b, label in ENTAILED)
        )},
        {"ha": [{"premise": a, "hypothesis": b, "label": label} for a, b, label in ENTAILED]},
        "afrixnli-dev-000",
    ),
    Case(
        "xnlieu", "eu", "dev",
        {"xnlieu/xnli.dev.eu.tsv": table(("premise", "hypothesis", "label"), *NLI)}, {"eu": NLI_RECORDS},
        "xnli-dev-0000",
    ),
    Case(
        "xnlieu_native", "eu", "test",
        {"xnlieu/xnli.test.eu.native.tsv": table(("premise", "hypothesis", "label"), *NLI)}, {"eu": NLI_RECORDS},
        "xnlieu_native-000",
    ),
    Case(
        "kornli", "ko", "test",
        {"KorNLI/xnli.test.ko.tsv": table(("sentence1", "sentence2", "gold_label"), *NLI_NAMED)}, {"ko": NLI_RECORDS},
        "xnli-test-0000",
    ),
    Case(
        "myxnli", "my", "test",
        {"myxnli/my.genre.test.tsv": table(
            ("genre", "label", "sentence1_en", "sentence2_en", "sentence1_my", "sentence2_my"),
            *(("letters", label, "One.", "Two.", a, b) for a, b, label in NLI_NAMED),
        )},
        {"my": [{"genre": "letters", "label": label, "sentence1_en": "One.", "sentence2_en": "Two.", "sentence1_my": a,
                 "sentence2_my": b} for a, b, label in NLI_NAMED]},
        "xnli-test-0000",
    ),
    Case(
        "americasnli", "qu", "test",
        {"americasnli/test.tsv": table(
            ("language", "premise", "hypothesis", "label"), ("aym", "Uno", "Dos", "neutral"),
            *(("quy", *row) for row in NLI_NAMED),
        )},
        {"qu": NLI_RECORDS},
        "americasnli-test-000",
    ),
    Case(
        "multiblimp", "cs", "test",
        {"multiblimp/ces/data.tsv": csv_text(("sen", "wrong_sen", "phenomenon"), *PAIRS).replace(",", "\t")},
        {"cs": [{"sen": a, "wrong_sen": b, "phenomenon": c} for a, b, c in PAIRS]},
        "multiblimp-" + hashlib.sha256("\t".join(PAIRS[0][:2]).encode()).hexdigest()[:12],
    ),
    *(Case(
        key, "id", "test",
        {f"copal_id/{file}": csv_text(("premise", "choice1", "choice2", "question", "label"), *COPAL)},
        {"id": [dict(zip(("premise", "choice1", "choice2", "question", "label"), row, strict=True)) for row in COPAL]},
        f"{key}-000",
    ) for key, file in (("copal_id", "test_copal.csv"), ("copal_id_colloquial", "test_copal_colloquial.csv"))),
    Case(
        "wmt24pp", "en-pt_br", "test",
        {"wmt24pp/en-pt_BR.jsonl": "".join(json.dumps(line) + "\n" for line in SEGMENTS)}, {"pt_br": SEGMENTS},
        "wmt24pp-test-0001", {"bad source (is_bad_source)": 1},
    ),
    Case(
        "xcopa", "it", "dev",
        {"xcopa/data/it/val.it.jsonl": json.dumps(XCOPA | {"idx": 4, "changed": False}) + "\n"},
        {"it": [XCOPA | {"idx": 4, "changed": False}]},
        "xcopa-dev-004",
    ),
    Case(
        "xstorycloze", "ru", "test",
        {"xstorycloze/spring2016.val.ru.tsv.split_20_80_eval.tsv": table(
            ("InputStoryid", *(f"InputSentence{i}" for i in (1, 2, 3, 4)), "RandomFifthSentenceQuiz1",
             "RandomFifthSentenceQuiz2", "AnswerRightEnding"),
            ("0ab-1", *STORY, 2),
        )},
        {"ru": [{
            "story_id": "0ab-1", **{f"input_sentence_{i}": STORY[i - 1] for i in (1, 2, 3, 4)},
            "sentence_quiz1": STORY[4], "sentence_quiz2": STORY[5], "answer_right_ending": 2,
        }]},
        "xstorycloze-0ab-1",
    ),
    Case(
        "xwinograd", "en", "test", winograd_files(),
        {"en": [{
            "sentence": WINOGRAD[0].replace(" it ", " _ "), "option1": WINOGRAD[2][0], "option2": WINOGRAD[2][1],
            "answer": "2",
        }]},
        "xwinograd-" + hashlib.sha256(WINOGRAD_TEXT.encode()).hexdigest()[:12],
    ),
    Case(
        "xquad", "de", "test",
        {"xquad/xquad.de.json": squad(SQUAD_CONTEXT, *SQUAD_QUESTIONS)},
        {"de": [squad_record(SQUAD_CONTEXT, question) for question in SQUAD_QUESTIONS]},
        "xquad-q1",
    ),
    Case(
        "mlqa", "de-es", "test",
        {"MLQA_V1/test/test-context-de-question-es.json": squad(SQUAD_CONTEXT, ("h1", "¿Adónde?", ["Norden"]))},
        {"es": [squad_record(SQUAD_CONTEXT, ("h1", "¿Adónde?", ["Norden"]))]},
        "mlqa-h1",
    ),
    Case(
        "indicqa", "hi", "test",
        {"indicqa/indicqa.hi.json": squad("वह घर में है।", *INDIC, INDIC[1])},
        {"hi": [squad_record("वह घर में है।", question) for question in [*INDIC, INDIC[1]]]},
        "indicqa-12",
    ),
    Case(
        "sib200", "pt", "dev",
        {"sib200/annotated/por_Latn/dev.tsv": table(
            ("index_id", "category", "text"), (7, "travel", '"Um ""barco"" parte."'), (1204, "science/technology", "NA")
        )},
        {"pt": [{"index_id": 7, "category": "travel", "text": 'Um "barco" parte.'},
                {"index_id": 1204, "category": "science/technology", "text": "NA"}]},
        "sib200-0007",
    ),
    Case(
        "xlsum", "pt", "test",
        {"xlsum/portuguese_test.jsonl": f"{json.dumps(NEWS)}\n{json.dumps(NEWS)}\n"},
        {"pt": [NEWS, NEWS]},
        "xlsum-world-1", {"repeated id": 1},
    ),
    Case(
        "flores", "en-zh", "test",
        {"flores200_dataset/devtest/eng_Latn.devtest": 'It is "late".\nNA\n',
         "flores200_dataset/devtest/zho_Hans.devtest": "很晚了。\n无\n"},
        {"en": [{"id": i, "text": text} for i, text in enumerate(['It is "late".', "NA"])],
         "zh": [{"id": i, "text": text} for i, text in enumerate(["很晚了。", "无"])]},
        "flores-test-0000",
    ),
    Case(
        "mgsm", "fr", "train", {"mgsm/exemplars.json": json.dumps(EXEMPLARS)},
        {language: [worked(language)] for language in ("fr", "en")}, "mgsm-train-001",
    ),
    Case(
        "mgsm", "sw", "test", {"mgsm/mgsm_sw.tsv": table(('Ngapi: "yote"?', "2,125"))},
        {"sw": [{"question": 'Ngapi: "yote"?', "answer": None, "answer_number": 2125, "equation_solution": None}]},
        "mgsm-test-001",
    ),
    Case(
        "afrimgsm", "sw", "test",
        {"irokobench/afrimgsm/swa/test.tsv": table(("question", "answer"), ('"Ngapi ""yote""?\n "', '"2,125"'))},
        {"sw": [{"question": 'Ngapi "yote"?\n ', "answer": None, "answer_number": "2,125"}]}, "afrimgsm-test-001",
    ),
    Case(
        "mlama", "de", "test",
        {"mlama1.1/de/templates.jsonl": json.dumps({"relation": "P1", "template": MLAMA["template"]}) + "\n",
         "mlama1.1/de/P1.jsonl": json.dumps(TRIPLE) + "\n" + json.dumps(OTHER) + "\n"},
        {"de": [TRIPLE | MLAMA, TRIPLE | MLAMA | {"language": "en"}, OTHER | MLAMA,
                TRIPLE | MLAMA | {"predicate_id": "date_of_birth"}]},
        "mlama-P1-u-1",
    ),
    *(
        Case(exam.key, exam.unit, exam.split, {exam.file: exam.text}, {exam.unit: exam.records}, exam.id, exam.dropped)
        for exam in EXAMS
    ),
]  # fmt: skip
