"""What `xling-bench train` says of the texts that it is given: files, rows that teach nothing, doubtful ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from training_recipe import ROWS

from xling_bench.cli.main import main

pytestmark = pytest.mark.e2e


def test_translation_tasks_of_one_source_are_instructions(recipe: Path, capsys) -> None:
    pairs = '[{kind = "moses", files = {en = "pairs.en", de = "pairs.de"}, translation = true}]'
    settings = ["--set", "data.instructions=[]", "--set", f"data.pairs={pairs}"]
    assert main(["train", str(recipe), "--dry-run", "--json", *settings]) == 0
    assert "instructions: 120 rows, by language en 0, de 0, translation tasks 120" in capsys.readouterr().err


def test_several_files_of_a_language_are_one(recipe: Path, tmp_path: Path, capsys) -> None:
    """Split, their rows are those of the whole files, in a recipe as in --set."""
    assert main(["train", str(recipe), "--dry-run", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)["data"]
    data = tmp_path / "data"
    for language in ("en", "de"):
        lines = (data / f"pairs.{language}").read_text(encoding="utf-8").splitlines(keepends=True)
        tasks = json.loads((data / f"tasks.{language}.json").read_text(encoding="utf-8"))
        for name, part in (("a", slice(50)), ("b", slice(50, None))):
            (data / f"{name}.{language}").write_text("".join(lines[part]), encoding="utf-8")
            (data / f"{name}.{language}.json").write_text(json.dumps(tasks[part]), encoding="utf-8")
    text = recipe.read_text(encoding="utf-8").replace(
        'files = { en = "tasks.en.json", de = "tasks.de.json" }',
        'files.en = ["a.en.json", "b.en.json"]\nfiles.de = ["a.de.json", "b.de.json"]\nname = "tasks.en.json"',
    )
    recipe.write_text(text, encoding="utf-8")
    files = 'files = {en = ["a.en", "b.en"], de = ["a.de", "b.de"]}'
    pairs = f'data.pairs=[{{kind = "moses", name = "pairs.en", {files}}}]'
    assert main(["train", str(recipe), "--dry-run", "--json", "--set", pairs]) == 0
    split = json.loads(capsys.readouterr().out)["data"]
    assert split["pairs"][0]["files"] == {"en": ["a.en", "b.en"], "de": ["a.de", "b.de"]}
    for stream in ("pairs", "instructions"):
        assert split[stream][0]["hash"] == whole[stream][0]["hash"]
    assert main(["train", str(recipe), "--dry-run", "--json", "--set", pairs.replace('"b.en"', "3")]) == 2
    assert "data.pairs.0.files.en.1: Input should be a valid string, got 3" in capsys.readouterr().err


def test_rows_that_teach_nothing_are_left_out_by_file_and_line(recipe: Path, tmp_path: Path, capsys) -> None:
    """A sentence without a token of its own, a prompt that fills the row."""
    data = tmp_path / "data"
    lines = (data / "pairs.de").read_text(encoding="utf-8").splitlines()
    lines[6] = "<unk>"
    (data / "a.de").write_text("\n".join(lines[:5]) + "\n", encoding="utf-8")
    (data / "b.de").write_text("\n".join(lines[5:]) + "\n", encoding="utf-8")
    tasks = json.loads((data / "tasks.en.json").read_text(encoding="utf-8"))
    tasks[4]["instruction"] *= 40
    (data / "tasks.en.json").write_text(json.dumps(tasks), encoding="utf-8")
    pairs = '[{kind = "moses", name = "p", files = {en = "pairs.en", de = ["a.de", "b.de"]}, translation = true}]'
    arguments = ["train", str(recipe), "--set", f"data.pairs={pairs}", "--set", "run.length=64"]
    assert main([*arguments, "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    plan = json.loads(out)
    assert plan["data"]["unlearnable"] == {
        "pairs": {"special tokens only": {"count": 1, "first": ["b.de, line 2"]}},
        "instructions": {"the prompt fills run.length": {"count": 1, "first": ["tasks.en.json, row 5"]}},
    }
    assert plan["rows"] == {"pairs": ROWS - 1, "instructions": ROWS - 1 + 2 * (ROWS - 1)}, "nor is it crossed with"
    assert "for the model can learn nothing from them: special tokens only 1 (b.de, line 2)" in err
    more = ["--set", "run.steps=25", "--set", "run.pairs=10", "--set", "run.instructions=10"]
    assert main([*arguments, *more, "-o", str(tmp_path / "out")]) == 0, "no row stops a run in its middle"
    facts = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert facts["data"] == plan["data"]
    for name, lines in (("a.de", 5), ("b.de", ROWS - 5)):
        (data / name).write_text("<unk>\n" * lines, encoding="utf-8")
    capsys.readouterr()
    assert main([*arguments, "--dry-run", "--json"]) == 2
    said = "data.pairs: the model can learn from none of them, by its tokenizer: special tokens only 120"
    assert f"{said} (first: a.de, line 1)" in capsys.readouterr().err


def test_what_a_person_should_look_at_is_said(recipe: Path, tmp_path: Path, capsys) -> None:
    """Texts of another script, rows left out, uneven weights, and nothing that a terminal would obey."""
    data = tmp_path / "data"
    lines = ["当然了欧洲队在比赛中领先四分 \x9b2J"] * 60 + [f"你好 {i}" for i in range(60)]
    (data / "pairs.de").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (data / "pairs.en").write_text("same\n" * 60 + "".join(f"hello {i}\n" for i in range(60)), encoding="utf-8")
    settings = ["--set", "data.weights={en = 1, de = 4}", "--set", "data.translation=true"]
    assert main(["train", str(recipe), "--dry-run", "--json", *settings]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["data"]["pairs"][0]["foreign_script"]["de"] < 0.1
    assert "of its de letters" in err
    assert "repeated pair 59" in err
    assert "translation tasks 61" in err
    assert "(en) to" in err
    assert not {"\x1b", "\x9b"} & set(out + err)
