"""Prompts are the same in every language: all of ours are, and a planted difference is found where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_benchmarks import forget

from xling_bench.catalog import task_specs
from xling_bench.catalog.audit import Difference, audit, skeleton_of
from xling_bench.cli.main import main
from xling_bench.core import content


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


PLANTED = [
    ("xllama/de.toml", 'context = { text = "Kontext: "', 'context = { text = "Kontext "', "markers of prompt"),
    ("xllama/de.toml", 'context = { text = "Kontext: "', 'context = { text = "Kontext:\\n"', "markers of prompt"),
    ("xllama/tr.toml", 'text = "soru: "', 'text = "soru: {context} "', "blanks of prompt"),
    ("cot/th.toml", 'text = "คำตอบทีละขั้นตอน:"', 'text = ""', "cue at the end of prompt"),
    ("cot/de.toml", 'text = "Frage:"', 'text = "Du bist klug.\\n\\nFrage:"', "instruction of prompt"),
    ("cot/de.toml", 'gap = { text = " "', 'gap = { text = "x"', "words glued to blanks of prompt"),
    ("cot/bn.toml", '"প্রশ্ন:", source', '"Question:", script = "Latn", source', "words of prompt in another script"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "part"), PLANTED)
def test_a_planted_difference_is_found_and_named(copy: Path, capsys, file: str, old: str, new: str, part: str) -> None:
    plant(copy, file, old, new)
    folder = Path(file).parent.name
    found = audit(s for s in task_specs().values() if (s.family.words_of or s.family.key) == folder)
    assert found
    assert all(isinstance(each, Difference) for each in found)
    assert {each.file for each in found} == {f"templates/{file}"}
    assert {each.language for each in found} == {Path(file).stem}
    assert part in {each.part for each in found}
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
