"""Readers of the official layouts: tiny invented files, plain and gzipped, give exactly these rows or a named error."""

import contextlib
import gzip
import hashlib
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import DataError, MissingDataError, XlingError
from xling_bench.data.source import Loaded, Source, load


def tsv(*rows: str) -> str:
    """Lines of cells written with | for a tab."""
    return "".join(row.replace("|", "\t") + "\n" for row in rows)


def jsonl(*items: dict[str, Any]) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


def squad(context: str, *questions: tuple[str, str, list[str]]) -> str:
    qas = [{"id": i, "question": q, "answers": [{"text": a, "answer_start": 0} for a in aa]} for i, q, aa in questions]
    return json.dumps({"version": "1.1", "data": [{"paragraphs": [{"context": context, "qas": qas}]}]})


def rows(names: str, *values: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(["id", *names.split()], row, strict=True)) for row in values]


def digest(*texts: str) -> str:
    return "xwinograd-" + hashlib.sha256("\t".join(texts).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Layout:
    """Benchmark, unit and split; the files; what they hold; another unit that has the same ids."""

    place: str
    files: dict[str, str]
    origin: str
    rows: list[dict[str, Any]]
    dropped: dict[str, int] = field(default_factory=dict)
    twin: str = ""


NLI = "premise hypothesis label"
XNLI_10 = tsv(
    "language|gold_label|sentence1_parse|sentence1|sentence2|match",
    'de|neutral|(x)|"Ja", sagte er.|None|True',
    "de|entailment|(x)| Es  regnet. |NA|False",
    "fr|contradiction|(x)|Il pleut.|Il fait sec.|True",
    "fr|entailment|(x)|Il neige.|Il fait froid.|True",
)
XTREME = {
    "xnli/test-de.tsv": tsv('Er sagte "ja|Er sprach.', "NA|Zeile\u2028um\u0085bruch"),
    "xnli/test-fr.tsv": tsv("Il dit oui|Il parle.", "NA|Ligne"),
    "xnli/test-labels.tsv": tsv("entailment|fiction", "contradiction|travel"),
}
PAWS = "id|sentence1|sentence2|label"
COPA = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE copa-corpus SYSTEM "copa.dtd">
<copa-corpus version="1.0">
  <item id="400" asks-for="cause" most-plausible-alternative="1"><p>Left out.</p><a1>a</a1><a2>b</a2></item>
  <item id="401" asks-for="effect" most-plausible-alternative="2"><p>She &amp; he.</p><a1>A.</a1><a2>B.</a2></item>
  <item id="402" asks-for="cause" most-plausible-alternative="1"><p>It rang.</p><a1>C.</a1><a2>D.</a2></item>
</copa-corpus>
"""
COPA_FIELDS = "premise choice1 choice2 question label"
XCOPA_IT = [
    {"premise": "Pioveva.", "choice1": "Uscì.", "choice2": "Restò.", "question": "effect", "label": 1, "idx": 0},
    {"premise": "Rise.", "choice1": "Sì.", "choice2": "No.", "question": "cause", "label": 0, "idx": 1, "changed": 1},
]
STORY = (
    "InputStoryid|InputSentence1|InputSentence2|InputSentence3|InputSentence4|RandomFifthSentenceQuiz1"
    "|RandomFifthSentenceQuiz2|AnswerRightEnding"
)
SPRING = "spring2016.val.{}.tsv.split_20_80_{}.tsv"
WINOGRAD = tsv(
    # "the" and "sheriff" hold the pronoun's letters; the tokeniser wrote the quotation marks its own way.
    r'en|x|?|The sheriff told Theo "stop!" because he was “loud”.'
    r'|["The", "sheriff", "told", "Theo", "``", "stop", "!", "'
    + "''"
    + r'", "because", "he", "was", "``", "loud", "'
    + "''"
    + r'", "."]'
    r'|["he", [9, 10], ["he"]]|[["The sheriff", [0, 2], [], false], ["Theo", [3, 4], [], true]]',
    r'en|x|?|He left.|["He", "left", "."]|["He", [0, 1], ["He"]]|[["A", [0, 1], [], false], ["B", [0, 1], [], false]]',
    *[r'en|x|?|It fell.|["It", "fell", "."]|["It", [0, 1], ["It"]]|[["A", [], [], true], ["B", [], [], false]]'] * 2,
    r'jp|x|en|犬は猫を見た。それは白い。|["犬", "は猫を見た。", "それ", "は白い。"]|["それ", [2, 3], ["それ"]]'
    r'|[["犬", [0, 1], [], true], ["猫", [1, 2], [], false]]',
)
WINOGRAD_FIELDS = "before after option1 option2 label"
LOUD = ('The sheriff told Theo "stop!" because ', " was “loud”.", "The sheriff", "Theo")
FELL = ("", " fell.", "A", "B")
DOG = ("犬は猫を見た。", "は白い。", "犬", "猫")
MLQA = {
    f"MLQA_V1/test/test-context-{c}-question-{q}.json": squad({"de": "Am See.", "zh": "在湖边。"}[c], ("7f", text, [a]))
    for c, q, text, a in [("de", "de", "Wo?", "See"), ("de", "zh", "哪里？", "See"), ("zh", "zh", "哪里？", "湖边")]
}
QA = "context question answers"
FACT = "relation subject before after answer candidates label"
MLAMA_11 = {
    f"mlama1.1/{unit}/{name}.jsonl": text
    for unit, template, where in [("de", "[X] liegt in [Y] .", "Rom"), ("en", "[X] is in [Y] .", "Rome")]
    for name, text in {
        "templates": jsonl(
            {"relation": "P131", "template": template},
            {"relation": "date_of_birth", "template": "[X] [Y]"},
            {"relation": "P999", "template": "[X] [Y]"},  # no file of triples
        ),
        "P131": jsonl(
            {"uuid": "u1", "obj_label": where, "sub_label": "Forum", "lineid": 0},
            {"uuid": "u2", "obj_label": "Ulm", "sub_label": "NA", "lineid": 1},
        ),
        "date_of_birth": jsonl({"uuid": "u3", "obj_label": "1900", "sub_label": "Eva"}),
    }.items()
}
BMLAMA = {
    "mlama/BMLAMA53/de.tsv": tsv(
        "Prompt|Ans|Candidate|Ans|Subject",  # five names for four columns, as BMLAMA17's Chinese file
        "Ada starb in <mask>.|Bonn, Land|Ulm, Bonn, Land, Rom, Ulm|Ada",
        "Ida starb in <mask>.|Wien|Ulm, Bonn|Ida",
        "Uwe starb in Ulm.|Ulm|Ulm, Bonn|Uwe",
        "<mask> ist Evas Heimat.|Ulm|Bonn, Ulm|Eva",
    ),
    "mlama/BMLAMA53/en.tsv": tsv(
        "Prompt|Ans|Candidate Ans|Subject",
        "Ada died in <mask>.|Bonn, Land|Ulm, Bonn, Land, Rom|Ada",
        "Ida died in <mask>.|Wien|Ulm, Bonn|Ida",
        "Uwe died in Ulm.|Ulm|Ulm, Bonn|Uwe",
        "<mask> is home to Eva.|Ulm|Bonn, Ulm|Eva",
    ),
}
ARTICLE = {"url": "u", "title": "Titel", "summary": "Kurz.", "text": "Lang.\u2028Länger."}

LAYOUTS = {
    "xnli 1.0": Layout("xnli de test", {"XNLI-1.0/xnli.test.tsv": XNLI_10}, "XNLI-1.0/xnli.test.tsv", rows(
        NLI, ("xnli-test-0000", '"Ja", sagte er.', "None", 1),
        ("xnli-test-0001", " Es  regnet. ", "NA", 0)), twin="fr"),
    "xnli xtreme test": Layout("xnli de test", XTREME, "xnli/test-de.tsv", rows(
        NLI, ("xnli-test-0000", 'Er sagte "ja', "Er sprach.", 0),
        ("xnli-test-0001", "NA", "Zeile\u2028um\u0085bruch", 2)), twin="fr"),
    "xnli xtreme dev": Layout(
        "xnli de dev", {"dev-de.tsv": tsv("A.|B.|neutral"), "dev-fr.tsv": tsv("C.|D.|neutral")}, "dev-de.tsv", rows(
        NLI, ("xnli-dev-0000", "A.", "B.", 1)), twin="fr"),
    "pawsx": Layout(
        "pawsx de test", {"x-final/de/test_2k.tsv": tsv(PAWS, "1|NA|None|1", "2|NS|B|0", "3|A|NS|1", '5|"A|b\u0085|0')},
        "x-final/de/test_2k.tsv",
        rows("sentence1 sentence2 label", ("pawsx-test-1", "NA", "None", 1), ("pawsx-test-5", '"A', "b\u0085", 0)),
        {"untranslated (NS)": 2}),
    "xcopa": Layout("xcopa it dev", {"data/it/val.it.jsonl": jsonl(*XCOPA_IT), "copa-dev.xml": COPA},
        "data/it/val.it.jsonl", rows(
        COPA_FIELDS, ("xcopa-dev-000", "Pioveva.", "Uscì.", "Restò.", "effect", 1),
        ("xcopa-dev-001", "Rise.", "Sì.", "No.", "cause", 0)), twin="en"),
    "copa dev": Layout("xcopa en dev", {"copa/copa-dev.xml": COPA}, "copa/copa-dev.xml", rows(
        COPA_FIELDS, ("xcopa-dev-000", "She & he.", "A.", "B.", "effect", 1),
        ("xcopa-dev-001", "It rang.", "C.", "D.", "cause", 0))),
    "copa test": Layout(
        "xcopa en test",
        {"COPA-resources/datasets/copa-test.xml": COPA.replace('"40', '"100').replace('"1001', '"501')},
        "COPA-resources/datasets/copa-test.xml", rows(
        COPA_FIELDS, ("xcopa-test-499", "Left out.", "a", "b", "cause", 0),
        ("xcopa-test-000", "She & he.", "A.", "B.", "effect", 1))),
    **{f"xstorycloze {part}": Layout(
        f"xstorycloze sw {split}",
        {SPRING.format("sw", part): tsv(STORY, "a-1|NA| Mbili |\"Tatu|Nne|M1|M2|2"),
         SPRING.format("en", part): tsv(STORY, "a-1|One|Two|Three|Four|E1|E2|2")},
        SPRING.format("sw", part), rows(
        "sentence1 sentence2 sentence3 sentence4 ending1 ending2 label",
        ("xstorycloze-a-1", "NA", " Mbili ", '"Tatu', "Nne", "M1", "M2", 1)), twin="en")
       for part, split in [("eval", "test"), ("train", "train")]},
    "xwinograd": Layout("xwinograd en test", {"xwinograd/dataset.tsv": WINOGRAD}, "xwinograd/dataset.tsv", rows(
        WINOGRAD_FIELDS, (digest(*LOUD), *LOUD, 1), (digest(*FELL), *FELL, 0), (f"{digest(*FELL)}-2", *FELL, 0)),
        {"not two candidates, one right": 1}),
    "xwinograd ja": Layout("xwinograd ja test", {"dataset.tsv": WINOGRAD}, "dataset.tsv", rows(
        WINOGRAD_FIELDS, (digest(*DOG), *DOG, 0))),
    "flores 200": Layout("flores en-zh test", {f"flores200_dataset/devtest/{code}.devtest": text for code, text in
         [("eng_Latn", "One.\n NA \n"), ("zho_Hans", "一。\n二\u2028\n"), ("tha_Thai", "ก\nข\n")]},
        "flores200_dataset/devtest/eng_Latn.devtest", rows(
        "source target", ("flores-test-0000", "One.", "一。"), ("flores-test-0001", " NA ", "二\u2028")), twin="en-th"),
    "flores 101": Layout(
        "flores zh-en dev", {f"flores101_dataset/dev/{c}.dev": s for c, s in [("eng", "One."), ("zho_simpl", "一。")]},
        "flores101_dataset/dev/zho_simpl.dev", rows("source target", ("flores-dev-0000", "一。", "One."))),
    "flores dev subset": Layout(
        "flores en-de dev",
        {"flores/dev_subset_sib200/eng_Latn.tsv": tsv("3|Three.", "0|Zero."),
         "flores/dev_subset_sib200/deu_Latn.tsv": tsv("0|Null.", "3|Drei.")},
        "flores/dev_subset_sib200/eng_Latn.tsv",
        rows("source target", ("flores-dev-0003", "Three.", "Drei."), ("flores-dev-0000", "Zero.", "Null."))),
    "mlqa": Layout("mlqa de test", MLQA, "MLQA_V1/test/test-context-de-question-de.json", rows(
        QA, ("mlqa-7f", "Am See.", "Wo?", ["See"])), twin="zh"),
    "mlqa pair": Layout("mlqa de-zh test", MLQA, "MLQA_V1/test/test-context-de-question-zh.json", rows(
        QA, ("mlqa-7f", "Am See.", "哪里？", ["See"])), twin="de"),
    "xquad": Layout(
        "xquad de test",
        {"xquad/xquad.de.json": squad("Am See.", ("q1", "Wo?", ["See", "Am See"]), ("q2", "Wann?", ["NA"])),
         "xquad/xquad.en.json": squad("By a lake.", ("q1", "Where?", ["lake"]), ("q2", "When?", ["NA"]))},
        "xquad/xquad.de.json", rows(
        QA, ("xquad-q1", "Am See.", "Wo?", ["See", "Am See"]), ("xquad-q2", "Am See.", "Wann?", ["NA"])), twin="en"),
    "indicqa": Layout(
        "indicqa hi test",
        {"IndicQA/data/indicqa.hi.json": squad("झील।", ("1", "कहाँ?", ["झील"]), ("2", "कब?", [""]), ("2", "कौन?", []))},
        "IndicQA/data/indicqa.hi.json", rows(
        QA, ("indicqa-1", "झील।", "कहाँ?", ["झील"]), ("indicqa-2", "झील।", "कब?", []),
        ("indicqa-2-2", "झील।", "कौन?", []))),
    "mlama 1.1": Layout("mlama de test", MLAMA_11, "mlama1.1/de", rows(
        FACT, ("mlama-P131-u1", "P131", "Forum", "Forum liegt in ", " .", "Rom", ["Rom", "Ulm"], 0),
        ("mlama-P131-u2", "P131", "NA", "NA liegt in ", " .", "Ulm", ["Rom", "Ulm"], 1)), twin="en"),
    "mlama 1.1 objects": Layout(
        "mlama de test",
        MLAMA_11 | {"TREx_multilingual_objects/de.json": '{"P131": {"objects": ["Ulm", "Ulm", "Wien"]}}'},
        "mlama1.1/de", rows(
        FACT, ("mlama-P131-u2", "P131", "NA", "NA liegt in ", " .", "Ulm", ["Ulm", "Wien"], 0)),
        {"object not among the relation's objects": 1}),
    "bmlama53": Layout("mlama de test", BMLAMA, "mlama/BMLAMA53/de.tsv", rows(
        FACT,
        ("bmlama53-00001", "[X] died in [Y].", "Ada", "Ada starb in ", ".", "Bonn, Land",
         ["Ulm", "Bonn, Land", "Rom", "Ulm"], 1),
        ("bmlama53-00004", "[Y] is home to [X].", "Eva", "", " ist Evas Heimat.", "Ulm", ["Bonn", "Ulm"], 1)),
        {"answer not among the candidates": 1, "no single <mask>": 1}, twin="en"),
    "xlsum": Layout(
        "xlsum zh dev",
        {"XL-Sum/chinese_simplified_val.jsonl": jsonl(*[ARTICLE | {"id": i} for i in ("a", "b", "a")])},
        "XL-Sum/chinese_simplified_val.jsonl", rows(
        "title text summary", *[(f"xlsum-{i}", "Titel", "Lang.\u2028Länger.", "Kurz.") for i in "ab"]),
        {"repeated id": 1}),
}  # fmt: skip


def put(root: Path, files: dict[str, str], packed: bool = False) -> None:
    for name, text in files.items():
        path = root / f"{name}.gz" if packed else root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())


def read(root: Path, key: str, unit: str, split: str) -> Loaded:
    return load(get_benchmark(key), unit, split, Source("files", root))


@pytest.mark.parametrize("name", LAYOUTS)
def test_rows_are_exact_and_gz_makes_no_difference(tmp_path: Path, name: str) -> None:
    layout = LAYOUTS[name]
    hashes = set()
    for packed in (False, True):
        put(tmp_path / str(packed), layout.files, packed)
        loaded = read(tmp_path / str(packed), *layout.place.split())
        assert loaded.rows == layout.rows
        assert loaded.dropped == layout.dropped
        assert loaded.source == "files"
        assert loaded.origin == layout.origin + (".gz" if packed and layout.origin in layout.files else "")
        hashes.add(loaded.hash)
    assert len(hashes) == 1


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if layout.twin])
def test_languages_of_parallel_benchmarks_share_ids(tmp_path: Path, name: str) -> None:
    layout = LAYOUTS[name]
    put(tmp_path, layout.files)
    key, unit, split = layout.place.split()
    assert get_benchmark(key).parallel
    one, other = read(tmp_path, key, unit, split), read(tmp_path, key, layout.twin, split)
    assert [row["id"] for row in one.rows] == [row["id"] for row in other.rows]
    assert one.hash != other.hash


@pytest.mark.parametrize(
    ("unit", "code"), [("ar", "ara"), ("et", "est"), ("fa", "fas"), ("lv", "lav"), ("mn", "mon"), ("ps", "pus")]
)
def test_flores_101_codes(tmp_path: Path, unit: str, code: str) -> None:
    folder = "flores/flores101_dataset/devtest"
    put(tmp_path, {f"{folder}/eng.devtest": "One.\n", f"{folder}/{code}.devtest": "X.\n"})
    assert read(tmp_path, "flores", f"en-{unit}", "test").rows[0]["target"] == "X."


EVAL = SPRING.format("en", "eval")
DEV_XML = "copa-dev.xml"
BOMB = COPA.replace('"copa.dtd"', '"copa.dtd" [<!ENTITY a "aaaa">]').replace("It rang.", "&a;")
TWO = {f"flores200_dataset/devtest/{code}.devtest": "A.\n" * n for code, n in [("eng_Latn", 3), ("deu_Latn", 2)]}
SUBSET = {"flores/dev_subset_sib200/eng_Latn.tsv": "0\tA.\n", "flores/dev_subset_sib200/deu_Latn.tsv": "0\tA.\n0\tB.\n"}
WINO = "xwinograd/dataset.tsv"
VAL = "data/it/val.it.jsonl"
XLSUM = "english_test.jsonl"


@pytest.mark.parametrize(
    ("place", "files", "said"),
    [
        ("xnli de dev", {"dev-de.tsv": tsv("A|B|neutral", "A|B|ja")}, ["dev-de.tsv, line 2: unknown label 'ja'"]),
        ("xnli de dev", {"dev-de.tsv": tsv("A|B|neutral", "A|B")}, ["dev-de.tsv, line 2: expected 3 columns"]),
        ("xnli de test", XTREME | {"xnli/test-labels.tsv": tsv("neutral", "na|x")}, ["labels.tsv, line 2", "'na'"]),
        ("xnli de test", XTREME | {"xnli/test-labels.tsv": "neutral\n"},
         ["xnli/test-de.tsv: 2 rows, but test-labels.tsv has 1"]),
        ("xnli de test", XTREME | {"xnli/test-labels.tsv": "neutral\n" * 3}, ["test-de.tsv: 2 rows, but", "has 3"]),
        ("xnli de test", {"XNLI-1.0/xnli.test.tsv": XNLI_10.replace("gold_label", "label")},
         ["XNLI-1.0/xnli.test.tsv: expected the columns language, gold_label, sentence1, sentence2; the header has"]),
        ("pawsx de test", {"x-final/de/test_2k.tsv": tsv(PAWS, "1|A|B|1", "1|C|D|1")},
         ["(x-final/de/test_2k.tsv)", "'pawsx-test-1' stands twice"]),
        ("pawsx de dev", {"x-final/de/dev_2k.tsv": tsv(PAWS, "1|A|B|2")}, ["dev_2k.tsv, line 2", "'2'"]),
        ("xcopa it dev", {VAL: jsonl(XCOPA_IT[0] | {"question": "why"})}, ["val.it.jsonl, line 1", "'why'"]),
        ("xcopa it dev", {VAL: jsonl(XCOPA_IT[0] | {"idx": "0"})}, ["val.it.jsonl, line 1: idx"]),
        ("xcopa it dev", {VAL: jsonl(XCOPA_IT[0] | {"label": 2})}, ["val.it.jsonl", "'xcopa-dev-000': label 2"]),
        ("xcopa en dev", {DEV_XML: COPA[:-40]}, ["copa-dev.xml: not valid XML", "line 6"]),
        ("xcopa en dev", {DEV_XML: BOMB}, ["copa-dev.xml: not valid XML", "EntitiesForbidden"]),
        ("xcopa en dev", {DEV_XML: COPA.replace('="2"', '="3"')}, ["copa-dev.xml: item 401", "'3'"]),
        ("xcopa en dev", {DEV_XML: COPA.replace('"effect"', '"event"')}, ["item 401", "'event'"]),
        ("xcopa en dev", {DEV_XML: COPA.replace("<a2>D.</a2>", "")}, ["item 402 has no <a2>"]),
        ("xcopa en dev", {DEV_XML: COPA.replace(' id="402"', "")}, ["item None: the id"]),
        ("xstorycloze en test", {EVAL: tsv(STORY, "a|1|2|3|4|5|6|3")}, ["line 2", "'3'"]),
        ("xwinograd en test", {WINO: WINOGRAD + "en\tx\n"}, ["dataset.tsv, line 6: expected 7", "got 2"]),
        ("xwinograd en test", {WINO: WINOGRAD.replace('"Theo"', '"Leo"')}, ["dataset.tsv, line 1: token 'Leo'"]),
        ("xwinograd en test", {WINO: WINOGRAD.replace("[9, 10]", "[8, 9]")}, ["line 1: the pronoun should be 'he'"]),
        ("xwinograd en test", {WINO: WINOGRAD.replace("[9, 10]", "[9, 99]")}, ["line 1"]),
        ("xwinograd en test", {WINO: WINOGRAD.replace('["he", [9, 10], ["he"]]', "{}")}, ["dataset.tsv, line 1"]),
        ("xwinograd ja test", {WINO: WINOGRAD.replace("それは", "これは")}, ["line 5: token 'それ'"]),
        ("flores en-de test", TWO, ["eng_Latn.devtest: en has 3 sentences, de 2"]),
        ("flores en-de dev", SUBSET, ["deu_Latn.tsv, line 2", "'0'"]),
        ("mlqa de-zh test", {name: text[:-9] for name, text in MLQA.items()},
         ["test-context-de-question-zh.json, line 1: not valid JSON"]),
        ("xquad de test", {"xquad.de.json": '{"data": [{"paragraphs": [{"qas": [{}]}]}]}'}, ["not SQuAD-shaped"]),
        ("xquad de test", {"xquad.de.json": "[]"}, ["not SQuAD-shaped"]),
        ("mlama de test", BMLAMA | {"mlama/BMLAMA53/en.tsv": "P\nx\ty\n"}, ["BMLAMA53/en.tsv, line 2: expected 4"]),
        ("mlama de test", BMLAMA | {"mlama/BMLAMA53/de.tsv": "P\nx\ty\n"}, ["BMLAMA53/de.tsv, line 2: expected 4"]),
        ("mlama de test", MLAMA_11 | {"mlama/TREx_multilingual_objects/de.json": '["P131"]'},
         ["TREx_multilingual_objects/de.json: expected relation"]),
        ("xlsum en test", {XLSUM: '{"id": 1, "title": "t", "text": "x"}\n'}, ["line 1", "summary missing"]),
        ("xlsum en test", {XLSUM: json.dumps(ARTICLE | {"id": 1, "title": "\ud83d"})}, ["xlsum-1", "title"]),
    ],
)  # fmt: skip
def test_damage_is_a_data_error_naming_the_place(tmp_path: Path, place: str, files, said) -> None:
    put(tmp_path, files)
    with pytest.raises(DataError) as error:
        read(tmp_path, *place.split())
    assert not isinstance(error.value, MissingDataError)
    for part in [*said, *(Path(name).name for name in files if len(files) == 1)]:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("place", "files", "said"),
    [
        ("xnli zh test", {"XNLI-1.0/xnli.test.tsv": XNLI_10}, ["XNLI-1.0/xnli.test.tsv", "'zh'"]),
        ("xnli de test", {"xnli/test-de.tsv": "A\tB\n"}, ["xnli/test-labels.tsv"]),
        ("xwinograd ru test", {WINO: WINOGRAD}, ["xwinograd/dataset.tsv", "'ru'"]),
        ("mlama de test", {"mlama1.1/de/templates.jsonl": '{"relation": "P1", "template": "[Y]"}'}, ["mlama1.1/de"]),
    ],
)  # fmt: skip
def test_missing_data_names_what_was_looked_for(tmp_path: Path, place: str, files, said) -> None:
    put(tmp_path, files)
    with pytest.raises(MissingDataError) as error:
        read(tmp_path, *place.split())
    for part in [*said, str(tmp_path)]:
        assert part in str(error.value)


@settings(max_examples=25)
@pytest.mark.parametrize("name", LAYOUTS)
@given(data=st.data())
def test_any_damage_gives_rows_or_an_error_of_ours(name: str, data: st.DataObject) -> None:
    """Cut short, a byte changed, or a line lost: never a traceback."""
    layout = LAYOUTS[name]
    victim = data.draw(st.sampled_from(sorted(layout.files)))
    raw = layout.files[victim].encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    how = data.draw(st.sampled_from(["cut", "change", "drop line", "digit"]))
    if how == "drop line":
        lines = raw.splitlines(keepends=True)
        del lines[at % len(lines)]
        raw = b"".join(lines)
    else:
        new = {"cut": b"", "digit": b"7", "change": data.draw(st.binary(max_size=2))}[how]
        raw = raw[:at] + new + (b"" if how == "cut" else raw[at + 1 :])
    with tempfile.TemporaryDirectory() as folder:
        put(Path(folder), layout.files)
        (Path(folder) / victim).write_bytes(raw)
        with contextlib.suppress(XlingError):
            assert read(Path(folder), *layout.place.split()).rows
