"""Prompts are the same in every language: all of ours are, and a planted difference is found where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_benchmarks import forget

from xling_bench.catalog import task_specs
from xling_bench.catalog.audit import Difference, audit, skeleton_of
from xling_bench.catalog.declarations import check_form
from xling_bench.catalog.punctuation import marks
from xling_bench.cli.main import main
from xling_bench.core import content, languages


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XLING_CONTENT_DIR", str(tmp_path))
    forget()
    yield tmp_path / "templates"
    monkeypatch.undo()
    forget()


def plant(copy: Path, file: str, old: str, new: str) -> None:
    text = (content.folder("templates") / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (copy / file).parent.mkdir(parents=True, exist_ok=True)
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    forget()


def test_ours_are_the_same_everywhere() -> None:
    assert audit(task_specs().values()) == []


ASK = '"Richtig, falsch oder weder noch?"'
PLANTED = [
    ("xllama/de.toml", 'context = { text = "Kontext: "', 'context = { text = "Kontext "', "markers of prompt"),
    ("xllama/de.toml", 'context = { text = "Kontext: "', 'context = { text = "Kontext:\\n"', "markers of prompt"),
    ("xllama/tr.toml", 'text = "soru: "', 'text = "soru: {context} "', "blanks of prompt"),
    ("cot/th.toml", 'text = "คำตอบทีละขั้นตอน:"', 'text = ""', "cue at the end of prompt"),
    ("cot/de.toml", 'text = "Frage:"', 'text = "Du bist klug.\\n\\nFrage:"', "instruction of prompt"),
    ("cot/de.toml", 'gap = { text = " "', 'gap = { text = "x"', "words glued to blanks of prompt"),
    ("cot/bn.toml", '"প্রশ্ন:", source', '"Question:", script = "Latn", source', "words of prompt in another script"),
    ("native/de.toml", '"Antwort:"', '"Antwort: "', "white space around the word answer"),
    ("native/de.toml", '"Antwort:"', '" Antwort:"', "stray white space in prompt"),
    ("native/de.toml", 'true = { text = "Richtig"', 'true = { text = "\u200b"', "labels without a word"),
    ("native/de.toml", 'true = { text = "Richtig"', 'true = { text = "Ric\\u200bhtig"',
     "invisible characters in labels"),
    ("native/de.toml", ASK, '"Richtig, falsch oder weder noch? Denke Schritt für Schritt."', "sentences of prompt"),
    ("native/de.toml", '"Antwort:"', '"Antwort: Antwort: Antwort:"', "punctuation of prompt"),
    ("native/de.toml", '"Antwort:"', '"Antwort, Antwort, Antwort:"', "words three times in prompt"),
    ("native/de.toml", ASK, '"Richtig, falsch oder weder noch."', "sentences of prompt"),
    ("native/de.toml", ASK, '"(Richtig, falsch oder weder noch?)"', "punctuation of prompt"),
    ("native/de.toml", '"Frage:"', '"- Frage:"', "punctuation of prompt"),
    ("native/de.toml", 'true = { text = "Richtig"', 'true = { text = "Richtig:"', "punctuation of labels"),
    ("native/th.toml", 'true = { text = "จริง"', 'true = { text = "จริง "', "white space around labels"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "part"), PLANTED)
def test_a_planted_difference_is_found_and_named(copy: Path, capsys, file: str, old: str, new: str, part: str) -> None:
    plant(copy, file, old, new)
    folder = Path(file).parent.name
    specs = [s for s in task_specs().values() if (s.family.words_of or s.family.key) == folder]
    found = audit(s for s in specs if folder != "native" or s.benchmark.key == "xnli")
    assert found
    assert all(isinstance(each, Difference) for each in found)
    assert {each.file for each in found} == {f"templates/{file}"}
    assert {each.language for each in found} == {Path(file).stem}
    assert part in {each.part.removesuffix(" (entailment)") for each in found}
    if (file, part) == ("xllama/tr.toml", "blanks of prompt"):
        assert main(["tasks", "audit", "xling_*"]) == 2
        said = capsys.readouterr().err
        assert f"templates/{file}" in said
        assert f"{part} is otherwise than in most languages: expected" in said
        assert main(["tasks", "audit", "xling_xnli*"]) == 0
        assert "Wording is not compared." in capsys.readouterr().out


def test_a_difference_with_a_reason_is_none_and_a_reason_without_one_is_said(copy: Path) -> None:
    plant(copy, "xllama/de.toml", 'context = { text = "Kontext: "', 'context = { text = "Kontext "')
    text = (content.folder("templates") / "xllama/family.toml").read_text(encoding="utf-8")
    for form in ("xquad", "mlqa"):
        text = text.replace(f"[forms.{form}]\n", f'[forms.{form}]\ndiffers = {{ de = "a test", tr = "not so" }}\n')
    (copy / "xllama/family.toml").write_text(text, encoding="utf-8")
    forget()
    found = audit(spec for spec in task_specs().values() if spec.benchmark.key == "xquad")
    assert found == [
        "templates/xllama/family.toml: forms.xquad: differs.tr is declared, but it is as most languages"
    ]


def test_what_is_left_of_a_template_without_its_words() -> None:
    assert skeleton_of("### Frage:\n«{question}»\n[MASK] und : so\n\nAntwort：") == (
        "###", "text", ":", "\\n", '"', "{question}", '"', "\\n", "[MASK]", "text", "\\n\\n", "text", ":",
    )  # fmt: skip
    assert skeleton_of("Question : {question}") == skeleton_of("問題：{question}") == ("text", ":", "{question}")


SAME = [
    ("en", "Right? (Yes.) A: {text}, so", "el", "Σωστό; (Ναι.) Α: {text}, άρα"),
    ("en", "Right? (Yes.) A: {text}, so", "zh", "对吗？（是。）答：{text}，所以"),
    ("en", "Right? (Yes.) A: {text}, so", "ur", "ٹھیک؟ (ہاں۔) ج: {text}، تو"),
    ("en", "Right? (Yes.) A: {text}, so", "hi", "सही? (हाँ।) उ: {text}, तो"),
    ("en", "Right? (Yes.) A: {text}, so", "my", "မှန်လား? (ဟုတ်။) ဖြေ: {text}၊ ဒါ"),
    ("en", "- It is 3.5: {text}…", "de", "• Es ist 3,5: {text} ..."),
    ("en", "Into Chinese: {text}", "zh_hant", "Into Chinese (Traditional): {text}"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "first", "other", "second"), SAME)
def test_signs_of_other_scripts_are_the_same_punctuation(one: str, first: str, other: str, second: str) -> None:
    found = marks(first, languages.get(one))
    assert found == marks(second, languages.get(other))
    assert len(found) > 1


def test_a_label_with_white_space_or_nothing_to_see_is_refused_even_if_all_have_it() -> None:
    spec = task_specs()["xling-cf-native_xnli_de"]
    assert check_form(spec.benchmark, spec.form()) == []
    for text, said in ((" Ja", "white space"), ("Ja\n", "white space"), ("\u200b", "empty"), ("", "empty")):
        form = spec.form().model_copy(update={"labels": {**spec.form().labels, "entailment": text}})
        (problem,) = check_form(spec.benchmark, form)
        assert problem.startswith("label entailment: ")
        assert said in problem
