"""Training data: what files may and may not be, and configurations that make no sense."""

import gzip
import json
import tomllib

import pytest
from parallel_files import (
    LINES,
    config,
    moses,
    streams,
    task,
    write_json,
    write_lines,
)
from pydantic import ValidationError

from xling_bench.core import content
from xling_bench.core.errors import DataError, MissingDataError, UsageError
from xling_bench.training.corpora import DataConfig, load
from xling_bench.training.recipe import resolve

# --- files ---------------------------------------------------------------------------------------------------------


def test_gz_bom_and_windows_line_ends(tmp_path) -> None:
    (tmp_path / "x.en").write_bytes(b"\xef\xbb\xbfone\r\ntwo\xe2\x80\xa8still two\r\n")
    (tmp_path / "x.de.gz").write_bytes(gzip.compress(b"eins\nzwei\n"))
    found = load(config(pairs=[moses("en", "de")]), seed=0, root=tmp_path)
    assert {(p.source, p.target) for p in found.pairs} == {("one", "eins"), ("two\u2028still two", "zwei")}
    assert found.report["pairs"][0]["files"] == {"en": ["x.en"], "de": ["x.de.gz"]}


def test_paths_may_be_absolute_and_files_come_in_pieces(tmp_path) -> None:
    write_lines(tmp_path, en=["one", "two"], en2=["three"], de=["eins", "zwei", "drei"])
    source = {"kind": "moses", "files": {"en": ["x.en", "x.en2"], "de": str(tmp_path / "x.de")}}
    found = load(config(pairs=[source]), seed=0, root=tmp_path)
    assert {(p.id, p.source, p.target) for p in found.pairs} == {
        ("x.en:1", "one", "eins"), ("x.en:2", "two", "zwei"), ("x.en:3", "three", "drei"),
    }  # fmt: skip
    assert found.report["pairs"][0]["files"] == {"en": ["x.en", "x.en2"], "de": ["x.de"]}


def test_the_hash_is_the_rows_not_the_files(tmp_path, parallel) -> None:
    before = streams(parallel, pairs=[LINES]).report["pairs"][0]["hash"]
    plain = parallel / "x.de"
    (parallel / "x.de.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert streams(parallel, pairs=[LINES]).report["pairs"][0]["hash"] == before


def test_what_is_left_out_is_counted(tmp_path) -> None:
    write_lines(tmp_path, en=["a", "", "same", "b", "a", "a", "c"], de=["x", "y", "same", " ", "x", "z", "w"])
    found = load(config(pairs=[moses("en", "de"), moses("en", "de", name="again", limit=3)]), seed=0, root=tmp_path)
    first, again = (entry["rows"]["en-de"] for entry in found.report["pairs"])
    assert first == {"read": 7, "kept": 3, "dropped": {"empty side": 2, "identical sides": 1, "repeated pair": 1}}
    assert again == {"read": 3, "kept": 0, "dropped": {"repeated pair": 1, "empty side": 1, "identical sides": 1}}
    assert found.report["languages"] == {key: {"pairs": 3, "instructions": 0, "texts": 0} for key in ("en", "de")}
    json.dumps(found.report)


def test_misaligned_lines_are_an_error_with_both_counts(tmp_path) -> None:
    write_lines(tmp_path, en=["a", "b", "c"], de=["x", "y"])
    with pytest.raises(DataError, match="en has 3, de has 2"):
        load(config(pairs=[moses("en", "de")]), seed=0, root=tmp_path)


@pytest.mark.parametrize("content", ["", "\n \n\n"])
def test_an_empty_file_is_an_error(tmp_path, content) -> None:
    write_lines(tmp_path, en=["a", "b", "c"])
    (tmp_path / "x.de").write_text(content)
    with pytest.raises(DataError, match=r"x.de: .*empty"):
        load(config(pairs=[moses("en", "de")]), seed=0, root=tmp_path)


def test_a_missing_file_is_named(tmp_path) -> None:
    write_lines(tmp_path, en=["a"])
    with pytest.raises(MissingDataError, match=r"no file x\.de"):
        load(config(pairs=[moses("en", "de")]), seed=0, root=tmp_path)


def test_tsv_columns_scores_and_headers(tmp_path) -> None:
    (tmp_path / "wiki.tsv").write_text('1.2\tHouse\t"Haus\n1.0\tCat\tHund\n1.1\tDog\tHund\n', encoding="utf-8")
    source = {"kind": "tsv", "file": "wiki.tsv", "columns": {"en": 2, "de": 3}, "score": 1, "least_score": 1.05}
    found = load(config(pairs=[source]), seed=0, root=tmp_path)
    assert {(p.id, p.source, p.target) for p in found.pairs} == {
        ("wiki.tsv:1", "House", '"Haus'), ("wiki.tsv:3", "Dog", "Hund"),
    }  # fmt: skip
    assert found.report["pairs"][0]["dropped_in_reading"] == {"score too low": 1}
    (tmp_path / "named.tsv").write_text("deu\teng\nHaus\thouse\n", encoding="utf-8")
    named = {"kind": "tsv", "file": "named.tsv", "columns": {"en": "eng", "de": "deu"}, "header": True}
    assert [pair.source for pair in load(config(pairs=[named]), seed=0, root=tmp_path).pairs] == ["house"]
    (tmp_path / "named.tsv").write_text("deu\teng\nHaus\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2: expected 2 tab-separated columns, got 1"):
        load(config(pairs=[named]), seed=0, root=tmp_path)
    (tmp_path / "named.tsv").write_text("a\tb\nHaus\thouse\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column 'eng'; the header has"):
        load(config(pairs=[named]), seed=0, root=tmp_path)
    for score in ("nan", "inf", "good"):
        (tmp_path / "wiki.tsv").write_text(f"{score}\tHouse\tHaus\n", encoding="utf-8")
        with pytest.raises(DataError, match="line 1: expected a finite number as score"):
            load(config(pairs=[source]), seed=0, root=tmp_path)


def test_ids_align_and_those_of_one_side_are_named(tmp_path) -> None:
    write_json(tmp_path / "en.json", [task("en", i, id=f"alpaca-{i}") for i in (3, 1, 2, 9)])
    rows = [task("de", i, id=f"alpaca-{i}") for i in (1, 2, 3, 4, 5)] + [task("de", 9, id="alpaca-9", output=" ")]
    (tmp_path / "de.json.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    source = {"kind": "bactrian", "files": {"en": "en.json", "de": "de.json"}}
    found = load(config(instructions=[source], pairs=[source], p_src=0), seed=0, root=tmp_path)
    entry = found.report["instructions"][0]
    assert entry["kept"] == {"en": 3, "de": 3}
    assert entry["dropped_in_reading"] == {"de": {"empty instruction or output": 1}}
    assert entry["dropped_without_partner"] == {"en": 1, "de": 2}
    assert entry["unmatched_ids"] == {
        "in en, not in de": {"count": 1, "first": ["alpaca-9"]},
        "in de, not in en": {"count": 2, "first": ["alpaca-4", "alpaca-5"]},
    }
    assert {(f.prompt, f.response) for f in found.instructions} == {
        (f"en ask {i} Answer in German: ", f"de say {i}") for i in (1, 2, 3)
    }
    assert {(p.source, p.target) for p in found.pairs} == {(f"en ask {i}", f"de ask {i}") for i in (1, 2, 3)}
    alone = load(config(instructions=[source], p_src=1), seed=0, root=tmp_path)
    assert alone.report["instructions"][0]["kept"] == {"en": 4, "de": 5}


def test_rows_that_cannot_be_aligned_are_an_error(tmp_path) -> None:
    source = {"kind": "alpaca", "files": {"en": "en.json", "de": "de.json"}}
    german = [task("de", i, input="x" if i % 2 else "") for i in range(10)]
    write_json(tmp_path / "de.json", german)
    write_json(tmp_path / "en.json", [task("en", i) for i in range(9)])
    with pytest.raises(DataError, match="en has 9, de has 10"):
        load(config(instructions=[source]), seed=0, root=tmp_path)
    write_json(tmp_path / "en.json", [task("en", i + 1, input="" if i % 2 else "x") for i in range(10)])
    with pytest.raises(DataError, match="10 of 10 rows have an input in en or in de, but not in both"):
        load(config(instructions=[source]), seed=0, root=tmp_path)
    write_json(tmp_path / "en.json", [row | {"id": i} for i, row in enumerate(german)])
    write_json(tmp_path / "de.json", [row | {"id": max(i, 1)} for i, row in enumerate(german)])
    with pytest.raises(DataError, match="`id`s of 1 rows differ in en and de, first in row 1"):
        load(config(instructions=[source]), seed=0, root=tmp_path)
    with pytest.raises(DataError, match="id '1' stands twice"):
        load(config(instructions=[source | {"align": "id"}]), seed=0, root=tmp_path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "the list is empty"),
        ([{"instruction": "a", "output": 3}], "row 1: expected a text as 'output', got 3"),
        (["text"], "row 1: expected an object"),
        ([{"instruction": "a", "output": "half \ud83d"}], "expected a text as 'output'"),
        ([{"instruction": "", "output": "x"}], "none of its 1 rows"),
    ],
)
def test_damaged_instructions_are_an_error(tmp_path, rows, said) -> None:
    write_json(tmp_path / "en.json", rows)
    source = {"kind": "alpaca", "files": {"en": ["en.json"]}}
    with pytest.raises(DataError, match=said):
        load(config(languages=["en"], instructions=[source], p_src=1), seed=0, root=tmp_path)


def test_an_instruction_with_control_characters_is_left_out_and_counted(tmp_path) -> None:
    """Alpaca's own file has one (U+0001 to U+0007 in an output)."""
    write_json(tmp_path / "en.json", [task("en", 1), {"instruction": "a", "output": "b\1\7"}, task("en", 2)])
    source = {"kind": "alpaca", "files": {"en": ["en.json"]}}
    found = load(config(languages=["en"], instructions=[source], p_src=1), seed=0, root=tmp_path)
    assert len(found.instructions) == 2
    assert found.report["instructions"][0]["dropped_in_reading"] == {"en": {"control characters from damage": 1}}


@pytest.mark.parametrize("kind", ["moses", "tsv", "text", "paragraph"])
def test_control_characters_from_damage_are_an_error(tmp_path, kind) -> None:
    """NUL and escapes, by file and line; what real texts hold, such as U+2028, stays."""
    sources = {
        "moses": ("pairs", moses("en", "de")),
        "tsv": ("pairs", {"kind": "tsv", "file": "x.en", "columns": {"en": 1, "de": 2}}),
        "text": ("texts", {"kind": "text", "files": {"en": ["x.en"]}}),
        "paragraph": ("texts", {"kind": "text", "document": "paragraph", "files": {"en": ["x.en"]}}),
    }
    name, source = sources[kind]
    chosen = ("en", "de") if name == "pairs" else ("en",)
    for word, fine in (("two\u2028three", True), ("two\0", False), ("\x1b[2Jtwo", False)):
        for language in ("en", "de"):
            lines = ("one\teins", f"{word}\tzwei") if kind == "tsv" else ("one", word if language == "en" else "zwei")
            (tmp_path / f"x.{language}").write_text("\n\n".join(lines) if kind == "paragraph" else "\n".join(lines))
        made = config(languages=chosen, **{name: [source]})
        if fine:
            assert load(made, seed=0, root=tmp_path)
            continue
        with pytest.raises(DataError, match=r"x\.en, line [23]: expected text, got the control character U\+00(00|1B)"):
            load(made, seed=0, root=tmp_path)


def test_a_row_without_input_key_has_no_input(tmp_path) -> None:
    write_json(tmp_path / "en.json", [{"instruction": "a", "output": "b"}, task("en", 1, input=None)])
    source = {"kind": "alpaca", "files": {"en": ["en.json"]}}
    found = load(config(languages=["en"], instructions=[source], p_src=1), seed=0, root=tmp_path).instructions
    assert {one.prompt for one in found} == {"a Answer in English: ", "en ask 1 Answer in English: "}


# --- configuration -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings_", "said"),
    [
        ({"languages": ("en", "swahilli")}, "unknown language 'swahilli'. Did you mean 'Swahili'"),
        ({"languages": ("en", "de", "deu")}, "'de' is named twice"),
        ({"pairs": [moses("en", "gremany")]}, "unknown language 'gremany'"),
        ({"pairs": [moses("de", "deu")]}, "names 'de' a second time"),
        ({"languages": ("de", "fr"), "pairs": [moses("de", "fr")]}, "'en' is not one of the languages de, fr"),
        ({"languages": ("en",)}, "pairs need two or more"),
        ({"p_src": 1.5}, "less than or equal to 1"),
        ({"weights": {"en": 1}}, "expected one for each of en, de; got en"),
        ({"weights": {"en": 1, "de": 0}}, "greater than 0"),
        ({"allocation": "a.toml", "pairing": "pairwise"}, "counts pairs with the pivot"),
        ({"pairs": [moses("en", "de")] * 2}, "two sources are called 'x.en'"),
        ({"pairs": []}, "there is no data"),
        ({"pairs": [{"kind": "mosses", "files": {}}]}, "mosses"),
        ({"pairs": [{"kind": "moses", "files": {"en": "a"}}]}, "two languages, got 1"),
        ({"pairs": [{"kind": "tsv", "file": "a", "columns": {"en": 1, "de": 1}}]}, "column of its own"),
        ({"pairs": [{"kind": "tsv", "file": "a", "columns": {"en": 0, "de": 1}}]}, "counted from 1"),
        ({"pairs": [{"kind": "tsv", "file": "a", "columns": {"en": "e", "de": "d"}}]}, "header = true"),
        ({"pairs": [{"kind": "tsv", "file": "a", "columns": {"en": 1, "de": 2}, "score": 3}]}, "belong together"),
        ({"decontaminate": ("xnil",)}, "unknown benchmark 'xnil'. Did you mean 'xnli'"),
        ({"psrc": 0.5}, "Extra inputs are not permitted"),
    ],
)
def test_configurations_that_make_no_sense(settings_, said) -> None:
    with pytest.raises(ValidationError, match=said):
        config(**({"pairs": [moses("en", "de")]} | settings_))


def test_the_readmes_examples_are_recipe_and_configuration(tmp_path) -> None:
    text = (content.folder("training") / "README.md").read_text(encoding="utf-8")
    recipe, data, mixing = (part.split("```")[0] for part in text.split("```toml\n")[1:])
    (tmp_path / "my.toml").write_text(recipe, encoding="utf-8")
    resolved = resolve(str(tmp_path / "my.toml"))
    assert (resolved.model.path, resolved.run.pairs, resolved.data.languages) == ("./my-base", 64, ("en", "zh"))
    example = tomllib.loads(data)
    found = DataConfig(**example["data"])
    assert [source.kind for source in (*found.pairs, *found.instructions)] == ["lines", "moses", "tsv", "bactrian"]
    assert [source.document for source in found.texts] == ["paragraph"]
    assert found.languages[0] == found.pivot == "en"
    mixed = DataConfig(**example["data"] | tomllib.loads(mixing)["data"])
    assert mixed.mixed_languages == ("de", "sw")


def test_a_language_without_rows_is_an_error(parallel) -> None:
    with pytest.raises(DataError, match="sw is one of the `languages`, but no source has a row"):
        streams(parallel, pairs=[LINES | {"files": {key: f"x.{key}" for key in ("en", "de", "zh")}}])
    with pytest.raises(DataError, match=r"pairs de, zh, but 'pivot' pairing of en, de \(pivot en\) has no such pair"):
        load(config(pairs=[moses("de", "zh")]), seed=0, root=parallel)
    with pytest.raises(UsageError, match="give `root`, or set XLING_DATA_DIR"):
        load(config(pairs=[LINES]), seed=0)
