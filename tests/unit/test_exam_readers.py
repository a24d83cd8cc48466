"""Readers of the benchmarks of exam questions: invented items in the official layouts give exactly these rows, or an
error that names file and line; the hub's records give the same (test_hub_converters)."""

import contextlib
import gzip
import tempfile
from pathlib import Path

import pytest
from exams import AFRI, BELEBELE, EXAMS, INCLUDE, MMLU, PARALLEL, PIQA, PROX, Exam, jsonl, spreadsheet
from hypothesis import given, settings
from hypothesis import strategies as st

from xling_bench.benchmarks.afrimmlu import LONGEST, ORDERS
from xling_bench.catalog import get_benchmark
from xling_bench.core import languages
from xling_bench.core.errors import DataError, XlingError
from xling_bench.core.unit import Unit
from xling_bench.data.source import Loaded, Source, load


def put(root: Path, name: str, content: bytes) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content)


def read(root: Path, exam: Exam) -> Loaded:
    return load(get_benchmark(exam.key), exam.unit, exam.split, Source("files", root))


@pytest.mark.parametrize("exam", EXAMS, ids=lambda exam: exam.key)
def test_rows_are_exact_and_gz_makes_no_difference(tmp_path: Path, exam: Exam) -> None:
    put(tmp_path / "plain", exam.file, exam.text.encode())
    put(tmp_path / "gz", f"{exam.file}.gz", gzip.compress(exam.text.encode()))
    plain, packed = read(tmp_path / "plain", exam), read(tmp_path / "gz", exam)
    assert [{k: v for k, v in row.items() if k != "id"} for row in plain.rows] == exam.rows
    assert plain.rows[0]["id"] == exam.id
    assert (plain.dropped, plain.origin) == (exam.dropped, exam.file)
    assert (packed.rows, packed.hash, packed.origin) == (plain.rows, plain.hash, f"{exam.file}.gz")


def changed(records: list[dict], line: int = 0, **values: object) -> list[dict]:
    return [{**record, **values} if number == line else record for number, record in enumerate(records)]


def without(records: list[dict], name: str) -> list[dict]:
    return [{k: v for k, v in record.items() if k != name} for record in records]


DAMAGED = [
    ("belebele", jsonl(changed(BELEBELE, 1, correct_answer_num="0")), "line 2: correct_answer_num should be a number"),
    ("belebele", jsonl(changed(BELEBELE, question_number=None)), "line 1: question_number should be a number"),
    ("belebele", jsonl(changed(BELEBELE, link=7)), "line 1: link should be text"),
    ("belebele", jsonl(without(BELEBELE, "mc_answer3")), "line 1: expected the keys link, .*mc_answer3 missing"),
    ("belebele", jsonl([BELEBELE[0], BELEBELE[0]]), "stands twice"),
    ("belebele", jsonl(changed(BELEBELE, mc_answer4=4)), "options should be texts"),
    ("global_mmlu", jsonl(changed(MMLU, 1, answer="E")), "line 2: the answer should be a letter from A to D, got 'E'"),
    ("global_mmlu", jsonl(changed(MMLU, answer="AB")), "line 1: the answer should be a letter"),
    ("global_mmlu", jsonl(changed(MMLU, option_b=None)), "line 1: option_b should be text, got None"),
    ("global_mmlu_lite", jsonl(changed(MMLU, cultural_sensitivity_label="cs")), "line 1: cultural_sensitivity_label"),
    ("mmlu_prox", jsonl(changed(PROX, answer="D")), "line 1: the answer should be a letter from A to C, got 'D'"),
    ("mmlu_prox", jsonl(changed(PROX, answer_index=1)), "line 1: answer is 'C', but answer_index 1"),
    ("mmlu_prox_lite", jsonl(changed(PROX, question_id="7")), "line 1: question_id should be a number"),
    ("include", jsonl(changed(INCLUDE, answer=4)), "line 1: the answer should be a number from 0 to 3, got 4"),
    ("include", jsonl(changed(INCLUDE, answer=True)), "line 1: the answer should be a number"),
    ("afrimmlu", spreadsheet(changed(AFRI, 1, choices="['a', 'b'")), "line 4: choices should be a list of texts"),
    ("afrimmlu", spreadsheet(changed(AFRI, choices="__import__('os').getcwd()")), "line 2: choices should be a list"),
    ("afrimmlu", spreadsheet(changed(AFRI, choices="['a', 1]")), "line 2: choices should be a list of texts"),
    ("afrimmlu", spreadsheet(changed(AFRI, choices="[" * 2000)), "line 2: choices should be a list of texts"),
    ("afrimmlu", spreadsheet(changed(AFRI, choices=f"['{'a' * LONGEST}', 'b']")), "line 2: .* there are 20,?0"),
    ("afrimmlu", spreadsheet(changed(AFRI, answer="E")), "line 2: the answer should be a letter from A to D"),
    ("afrimmlu", spreadsheet(without(AFRI, "subject")), "expected the columns question, choices, answer, subject"),
    ("afrimmlu", spreadsheet(changed(AFRI, choices="['a' 'b', 'c', 'd', 'e']")), "line 2: .* a comma is missing"),
    ("afrimmlu", spreadsheet(changed(AFRI, choices="['', 'b', 'c', 'd']", answer="B")), "'afrimmlu-.*: option 1 is"),
    ("afrimmlu", spreadsheet(changed(AFRI, choices="['a', 'b']", answer="B")), "expected 4 options, got 2"),
    ("afrimmlu", spreadsheet(changed(AFRI, choices=str(list("abcde")))), "expected 4 options, got 5"),
    ("belebele", jsonl(changed(BELEBELE, 1, mc_answer2="")), "item '.*': option 2 is empty; expected a text to choose"),
    ("belebele", jsonl(changed(BELEBELE, 1, mc_answer3="  ")), "option 3 is empty"),
    ("belebele", jsonl(changed(BELEBELE, 1, mc_answer3="\u200b")), "option 3 is empty"),
    ("mmlu_prox", jsonl(changed(PROX, 2, option_9="")), "option 10 is empty"),
    ("mmlu_prox", jsonl(changed(PROX, option_1=None, option_2=None, answer="A", answer_index=0)), "2 to 26 options"),
    ("global_piqa", spreadsheet(changed(PIQA, label=2)), "line 2: the answer should be a number from 0 to 1, got '2'"),
    ("global_piqa_parallel", spreadsheet([*PARALLEL, *PARALLEL]), "stands twice"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "text", "said"), DAMAGED)
def test_damage_is_a_data_error_naming_the_line(tmp_path: Path, key: str, text: str, said: str) -> None:
    exam = next(exam for exam in EXAMS if exam.key == key)
    put(tmp_path, exam.file, text.encode())
    with pytest.raises(DataError, match=said) as error:
        read(tmp_path, exam)
    assert Path(exam.file).name in str(error.value)


@settings(max_examples=15)
@pytest.mark.parametrize("exam", EXAMS[0::3], ids=lambda exam: exam.key)
@given(data=st.data())
def test_any_damage_gives_rows_or_an_error_of_ours(exam: Exam, data: st.DataObject) -> None:
    raw = exam.text.encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    raw = raw[:at] + data.draw(st.binary(max_size=2)) + (b"" if data.draw(st.booleans()) else raw[at + 1 :])
    with tempfile.TemporaryDirectory() as folder:
        put(Path(folder), exam.file, raw)
        with contextlib.suppress(XlingError):
            assert read(Path(folder), exam).rows


def test_every_file_is_called_by_the_hubs_configuration() -> None:
    """One configuration for each language, spelled as the hub spells it: codes of FLORES, or those declared."""
    from xling_bench.benchmarks.multiple_choice import config_of

    for key in {exam.key for exam in EXAMS}:
        benchmark = get_benchmark(key)
        configs = [config_of(benchmark, unit) for unit in benchmark.units()]
        assert len({*map(str.lower, configs)}) == len(configs), key
        assert all(configs), key
    assert config_of(get_benchmark("belebele"), Unit("hi_latn")) == "hin_Latn"
    assert config_of(get_benchmark("global_piqa"), Unit("sr_torlak")) == "srp_cyrl_torl"


def test_forms_of_a_language_in_a_place_are_languages_of_their_own() -> None:
    forms = [language for language in languages.registry().values() if language.region]
    assert languages.get("por_latn_braz").code == "por_Latn_BR"
    assert len({language.code for language in languages.registry().values()}) == len(languages.registry())
    for form in forms:
        assert [base for base in languages.registry().values()
                if base.iso639_3 == form.iso639_3 and not base.region], form.key  # fmt: skip


def test_another_order_is_not_put_right_twice(tmp_path: Path) -> None:
    """What is known of English's file is of that file: another one's items keep their places."""
    assert ORDERS["en"].alone["international_law"]
    items = [{**AFRI[0], "subject": "international_law", "question": f"{n}?"} for n in range(40)]
    put(tmp_path, "irokobench/afrimmlu/eng/test.tsv", spreadsheet(items).encode())
    rows = load(get_benchmark("afrimmlu"), "en", "test", Source("files", tmp_path)).rows
    assert [row["id"] for row in rows] == [f"afrimmlu-test-international_law-{n:03d}" for n in range(40)]
