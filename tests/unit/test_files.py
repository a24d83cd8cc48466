"""Reading data files: text survives untouched, damage is named by file and line; sources, row checks, `data check`."""

import gzip
import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xling_bench.benchmarks import textfiles as files
from xling_bench.benchmarks.rows import check_rows, rows_hash
from xling_bench.catalog import get_benchmark
from xling_bench.core import reading
from xling_bench.core.errors import DataError, DeclarationError, MissingDataError, UsageError, XlingError
from xling_bench.core.files import write_text
from xling_bench.data.check import check_data
from xling_bench.data.check_lines import compact, each
from xling_bench.data.source import Source, explain, load, source_from_environment, where_to_get

CELL = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), max_size=20)
KEPT = ["NA", "None", "null", '"', '"open', "''", "  both sides  ", "\u2028", "\u0085", "a\x0cb\x1cc\x0b", "", "\u00a0"]


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5), st.booleans(), st.booleans(), st.booleans())
@example([("NA", "None", '"'), ('"x', " y ", "a\u2028b\u0085c\x0cd")], True, True, True)
def test_cells_survive_tsv(
    rows: list[tuple[str, str, str]], packed: bool, windows: bool, last_line_ended: bool
) -> None:
    end = "\r\n" if windows else "\n"
    # The first cell of a file is the one place where a character is taken: a byte-order mark.
    lines = ["first\tsecond\tthird", *("\t".join(row) for row in rows)]
    data = (end.join(lines) + (end if last_line_ended or not lines[-1] else "")).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("x.tsv.gz" if packed else "x.tsv")
        path.write_bytes(gzip.compress(data) if packed else data)
        assert list(files.read_tsv(path, 3))[1:] == [(i, list(row)) for i, row in enumerate(rows, start=2)]
        by_name = list(files.read_table(path, ("third", "first")))
        assert [tuple(cells.values()) for _, cells in by_name] == rows


@pytest.mark.parametrize("text", KEPT)
def test_text_survives_jsonl_and_a_byte_order_mark_does_not(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("\ufeff" + json.dumps({"t": text}, ensure_ascii=False) + "\n", encoding="utf-8")
    assert list(files.read_jsonl(path, ("t",))) == [(1, {"t": text})]


def test_find_takes_plain_before_gz_and_names_what_it_tried(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x.tsv.gz").touch()
    assert files.locate(tmp_path, ["a/x.tsv", "b/x.tsv"]) == tmp_path / "b/x.tsv.gz"
    (tmp_path / "b/x.tsv").touch()
    assert files.locate(tmp_path, ["a/x.tsv", "b/x.tsv"]) == tmp_path / "b/x.tsv"
    with pytest.raises(MissingDataError) as error:
        files.locate(tmp_path, ["a/y.tsv", "c/y.tsv"])
    assert str(error.value) == f"no file a/y.tsv or c/y.tsv (plain or .gz) below {tmp_path}"


def test_every_truncation_and_every_changed_byte_of_a_gz_is_an_error(tmp_path: Path) -> None:
    whole = gzip.compress(b"ein Satz\tnoch einer\n" * 40)
    path = tmp_path / "cut.tsv.gz"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError) as error:
            list(files.read_tsv(path, 2))
        assert str(path) in str(error.value)
        assert ("truncated or damaged" if size else "the file is empty") in str(error.value)
    for at in range(10, len(whole)):  # behind the header, whose time and system are free to differ
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        with pytest.raises(DataError, match="truncated or damaged gzip file"):
            files.read_text(path)


def read_tsv_2(path: Path) -> None:
    list(files.read_tsv(path, 2))


def read_tsv_2_or_3(path: Path) -> None:
    list(files.read_tsv(path, (2, 3)))


def read_table_ab(path: Path) -> None:
    list(files.read_table(path, ("a", "b")))


def read_jsonl_a(path: Path) -> None:
    list(files.read_jsonl(path, ("a", "b")))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(
    ("reader", "data", "said"),
    [
        (read_tsv_2, b"a\tb\nc\t\xff\n", "{path}, line 2: not valid UTF-8 (invalid start byte at byte 6)"),
        (read_tsv_2, b"\xef\xbb\xbfa\n\xff\n", "{path}, line 2: not valid UTF-8"),
        (read_tsv_2, b"a\tb\nc\td \xc3", "{path}, line 2: not valid UTF-8 (unexpected end of data"),
        (read_tsv_2, b"", "{path}: the file is empty"),
        (read_tsv_2, b"a\tb\nc\n", "{path}, line 2: expected 2 tab-separated columns, got 1"),
        (read_tsv_2, b"a\tb\n\nc\td\n", "{path}, line 2: expected 2 tab-separated columns, got 1"),
        (read_tsv_2_or_3, b"a\tb\nc\td\te\n\t\t\t\n", "{path}, line 3: expected 2 or 3 tab-separated columns, got 4"),
        (read_table_ab, b"a\tc\n1\t2\n", "{path}: expected the columns a, b; the header has a, c"),
        (read_table_ab, b"a\tb\n1\t2\n1\t2\t3\n", "{path}, line 3: expected 2 tab-separated columns, got 3"),
        (read_table_ab, b"", "{path}: the file is empty"),
        (files.read_json, b'{"a":\n [1, ', "{path}, line 2: not valid JSON (Expecting value); is the file truncated?"),
        (files.read_json, b"", "{path}, line 1: not valid JSON"),
        (read_jsonl_a, b'{"a": 1, "b": 2}\n{"a": 1, "b"', "{path}, line 2: not valid JSON"),
        (read_jsonl_a, b'{"a": 1}\n', "{path}, line 1: expected the keys a, b; b missing"),
        (read_jsonl_a, b"[1]\n", "{path}, line 1: expected the keys a, b; a, b missing"),
        (read_jsonl_a, b"", "{path}: the file is empty"),
    ],
)
def test_damage_is_named_by_file_and_line(tmp_path: Path, reader, data: bytes, said: str, packed: bool) -> None:
    path = tmp_path / ("data.gz" if packed else "data")
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(DataError) as error:
        reader(path)
    assert not isinstance(error.value, MissingDataError)
    assert str(error.value).startswith(said.format(path=path))


def test_an_unreadable_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        files.read_text(tmp_path)


def test_unknown_label() -> None:
    assert files.index_of("no", ("yes", "no"), "f.tsv, line 3") == 1
    with pytest.raises(DataError, match=r"^f\.tsv, line 3: unknown label 'maybe'; expected one of yes, no$"):
        files.index_of("maybe", ("yes", "no"), "f.tsv, line 3")


PAIR = {"id": "1", "premise": "Ana dorme.", "hypothesis": "Alguém dorme.", "label": 0}
CHOICE = {"id": "1", "before": "a ", "after": " c", "option1": "b", "option2": "d", "label": 1}
QA = {"id": "1", "context": "c", "question": "q", "answers": ["c"]}


@pytest.mark.parametrize(
    ("key", "rows", "said"),
    [
        ("xnli", [PAIR, PAIR], "item '1' stands twice"),
        ("xnli", [], "no rows"),
        ("xnli", [{"id": "1", "premise": "p"}], "expected fields id, premise, hypothesis, label; got id, premise"),
        ("xnli", [PAIR | {"extra": 1}], "expected fields"),
        ("xnli", [PAIR | {"premise": None}], "item '1': premise should be text, got None"),
        ("xnli", [PAIR | {"premise": "\ud800"}], "item '1': premise should be text"),
        ("xnli", [PAIR | {"label": "0"}], "item '1': label should be index, got '0'"),
        ("xnli", [PAIR | {"label": True}], "item '1': label should be index, got True"),
        ("xnli", [PAIR | {"label": 3}], "item '1': label 3 is not the index of one of 3 candidates"),
        ("xwinograd", [CHOICE | {"label": 2}], "label 2 is not the index of one of 2 candidates"),
        ("xwinograd", [CHOICE | {"label": -1}], "label -1 is not"),
        ("xwinograd", [CHOICE | {"option2": "\t"}], "item '1': option 2 is empty"),
        ("xquad", [QA | {"answers": "c"}], "item '1': answers should be texts, got 'c'"),
        ("xquad", [QA | {"answers": ["c", 1994]}], "item '1': answers should be texts"),
    ],
)
def test_check_rows_names_place_item_and_field(key: str, rows: list[dict], said: str) -> None:
    with pytest.raises(DataError) as error:
        check_rows(get_benchmark(key), rows, "here (f.tsv)")
    assert str(error.value).startswith("here (f.tsv)")
    assert said in str(error.value)


def test_hash_depends_on_content_and_order_only() -> None:
    other = PAIR | {"id": "2"}
    assert rows_hash([PAIR, other]) == rows_hash([dict(reversed(PAIR.items())), other]) == "aa938683b1609ee8"
    changed = [[other, PAIR], [PAIR], [PAIR | {"label": 1}, other], [PAIR | {"premise": "Ana dorme. "}, other]]
    assert len({rows_hash(rows) for rows in [*changed, [PAIR, other]]}) == 5


@pytest.mark.parametrize(
    ("kind", "folder", "expected"),
    [
        (None, None, Source("hub")),
        ("", "", Source("hub")),
        (None, ".", Source("files", Path())),
        ("hub", ".", Source("hub")),
        ("sample", None, Source("sample")),
        ("files", ".", Source("files", Path())),
        ("Files", ".", "XLING_DATA='Files': expected files, hub or sample."),
        ("files", None, "XLING_DATA=files needs XLING_DATA_DIR"),
        ("files", "no/such", "XLING_DATA_DIR=no/such: no such folder"),
        (None, "a_file", "XLING_DATA_DIR=a_file: no such folder"),
    ],
)
def test_source_from_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind, folder, expected) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a_file").touch()
    for name, value in (("XLING_DATA", kind), ("XLING_DATA_DIR", folder)):
        if value is not None:
            monkeypatch.setenv(name, value)
    if isinstance(expected, Source):
        assert source_from_environment() == expected
    else:
        with pytest.raises(UsageError) as error:
            source_from_environment()
        assert isinstance(error.value, XlingError)
        assert expected in str(error.value)


@pytest.mark.parametrize(
    ("key", "unit", "paths"),
    [
        ("pawsx", "ko", ["pawsx/x-final/ko/test_2k.tsv", " x-final/ko/test_2k.tsv"]),
        ("xnli", "de", ["xnli/test-de.tsv", "XNLI-1.0/xnli.test.tsv"]),
        ("xcopa", "en", ["copa/copa-test.xml", "COPA-resources/datasets/copa-test.xml"]),
        ("flores", "en-lv", ["flores200_dataset/devtest/eng_Latn.devtest", "flores101_dataset/devtest/eng.devtest"]),
        ("mlqa", "ar-hi", ["MLQA_V1/test/test-context-ar-question-hi.json"]),
        ("mlama", "de", ["mlama1.1/de/", "BMLAMA53/de.tsv", "BMLAMA17/de.tsv"]),
        ("xlsum", "sr_latn", ["xlsum/serbian_latin_test.jsonl"]),
    ],
)
def test_missing_data_names_what_was_tried_and_what_to_do(tmp_path: Path, key: str, unit: str, paths) -> None:
    with pytest.raises(MissingDataError) as error:
        load(get_benchmark(key), unit, "test", Source("files", tmp_path))
    for part in (*paths, str(tmp_path)):
        assert part in str(error.value)
    told = str(explain(get_benchmark(key), error.value))
    assert told.startswith(str(error.value))
    for part in ("XLING_DATA_DIR", f"data fetch {key}", "XLING_DATA=sample"):
        assert part in told


def test_the_sample_is_not_offered_where_it_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLING_DATA", "sample")
    told = where_to_get(get_benchmark("mgsm"))
    assert "sample" not in told
    assert "mgsm/mgsm_<lang>.tsv, and mgsm/exemplars.json" in told


def pawsx(root: Path, language: str, split: str, rows: list[str]) -> None:
    path = root / f"x-final/{language}/{split}_2k.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["id\tsentence1\tsentence2\tlabel", *rows, ""]), encoding="utf-8")


def test_rows_that_are_not_the_published_ones_are_seen(tmp_path: Path, real_data: Path) -> None:
    """Two labels that changed places leave every count as it was."""
    name = "x-final/en/test_2k.tsv"
    lines = (real_data / "pawsx" / name).read_text(encoding="utf-8").splitlines(keepends=True)
    first = next(i for i in range(1, len(lines)) if lines[i][-2] != lines[i + 1][-2])
    swapped = [lines[first][:-2] + lines[first + 1][-2:], lines[first + 1][:-2] + lines[first][-2:]]
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    for changed, said in ((lines, ""), ([*lines[:first], *swapped, *lines[first + 2 :]], "but not the same")):
        path.write_text("".join(changed), encoding="utf-8")
        (row,) = [row for row in check_data(["pawsx"], Source("files", tmp_path)) if row.rows]
        assert said in row.deviation
        assert (row.agreement == "as published") is not bool(said)
        assert (row.rows, row.published) == (2000, 2000)


@pytest.mark.parametrize(
    ("context", "answers", "said"),
    [
        ("See.", [], "1 of 1 items have no right answer"),
        ("See.", [" "], "no right answer"),
        ("S\0ee", ["See"], "context"),
    ],
)
def test_questions_without_an_answer_and_damaged_texts_are_refused(context: str, answers: list, said: str) -> None:
    row = {"id": "a", "context": context, "question": "Wo?", "answers": answers}
    with pytest.raises(DataError, match=said):
        check_rows(get_benchmark("xquad"), [row], "here")
    check_rows(get_benchmark("indicqa"), [row | {"context": "See."}], "here")
    check_rows(get_benchmark("xquad"), [row | {"context": "a\b\x1dé\x81", "answers": ["", "See"]}], "here")


def test_check_data_reports_damage_and_goes_on(tmp_path: Path) -> None:
    good = [f"{i}\tEins {i}.\tZwei {i}.\t{i % 2}" for i in range(2000)]
    pawsx(tmp_path, "de", "test", [*good[:2], "3\tEins.\tZwei.\tja"])
    pawsx(tmp_path, "en", "test", good)
    pawsx(tmp_path, "en", "dev", good[:5])
    pawsx(tmp_path, "ko", "test", [*good[:-1], "2000\tNS\tDeux.\t0"])
    pawsx(tmp_path, "zh", "test", [*good[:3], "9\tNS\tNS\t0"])

    report = check_data(["pawsx"], Source("files", tmp_path))
    assert len(report) == 14  # seven languages, test and dev
    found = {(row.unit, row.split): row for row in report}
    damaged = found["de", "test"]
    path = tmp_path / "x-final/de/test_2k.tsv"
    assert (damaged.rows, damaged.missing) == (None, "")
    assert damaged.error.startswith(f"{path}, line 4: unknown label 'ja'")
    assert found["en", "test"].rows == 2000
    assert found["en", "test"].deviation.startswith(
        "as many rows in x-final/en/test_2k.tsv as published, but not the same"
    )
    assert found["en", "dev"].deviation == "5 rows in x-final/en/dev_2k.tsv, 2000 published"
    korean = found["ko", "test"]  # no file of it was seen when the hashes were recorded
    assert (korean.rows, korean.deviation, korean.agreement) == (1999, "", "as many rows as published")
    assert korean.dropped == {"untranslated (NS)": 1}
    assert found["zh", "test"].deviation == "4 rows in x-final/zh/test_2k.tsv, 2000 published"
    assert "x-final/ja/test_2k.tsv" in found["ja", "test"].missing
    assert json.loads(json.dumps(damaged.as_json()))["error"] == damaged.error

    lines = list(each(report))
    assert lines.pop().startswith("as published: "), "what the words mean is said at the end"
    assert len(lines) == 8
    assert any("DAMAGED" in line and f"{path}, line 4" in line for line in lines)
    assert any(line.endswith("as many rows as published; 1 left out: untranslated (NS)") for line in lines)
    assert lines[-3].split()[:3] == ["pawsx", "missing:", "de"]
    states = "1 as many rows as published, 3 not as published, 9 missing, 1 damaged"
    assert sorted(lines[-2].partition(" in all: ")[2].split(", ")) == sorted(states.split(", "))
    assert lines[-1] == "4 of 14 splits are there, 3 of them not as published, 1 damaged."


def test_what_data_check_prints_is_short_and_leaves_nothing_out(tmp_path: Path) -> None:
    good = [f"{i}\tEins {i}.\tZwei {i}.\t{i % 2}" for i in range(2000)]
    pawsx(tmp_path, "ko", "dev", [*good[:-1], "2000\tNS\tDeux.\t0"])
    for language in ("es", "en", "fr", "ko"):
        pawsx(tmp_path, language, "test", good[: 7 if language == "es" else 5])
    pawsx(tmp_path, "zh", "test", ["3\tEins.\tZwei.\tja"])
    report = check_data(["pawsx"], Source("files", tmp_path))
    few = "5 rows in x-final/en/test_2k.tsv, 2000 published"
    missing, damage = (next(filter(None, (getattr(row, name) for row in report))) for name in ("missing", "error"))
    *lines, words = compact(report)
    assert words.startswith("as published: ")
    assert lines == [
        f"pawsx  test   3 not as published: en, fr, ko ({few})",
        "pawsx  test   es: 7 rows in x-final/es/test_2k.tsv, 2000 published",
        f"pawsx  test   zh: DAMAGED {damage}",
        "pawsx  dev    1 of 7 languages  1,999 rows  as many rows as published; 1 left out: untranslated (NS)",
        f"pawsx  missing: test, dev of de, ja; dev of en, es, fr, zh ({missing})",
        "5 of 14 splits are there, 4 of them not as published, 1 damaged.",
    ]
    sample = check_data(["pawsx"], Source("sample"))
    assert next(compact(sample)) == "pawsx  test   7 languages  10 rows each  invented sample, no benchmark"
    nothing = check_data(["pawsx"], Source("files", tmp_path / "nowhere"))
    assert next(compact(nothing)) == f"pawsx  missing: all ({nothing[0].missing})"


def test_check_data_refuses_an_unknown_benchmark(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'pawsx'"):
        check_data(["pawsy"], Source("files", tmp_path))


def test_what_is_unpacked_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "zeros.tsv.gz"
    path.write_bytes(gzip.compress(bytes(3_000_000)))
    assert len(reading.unpack(path)) == 3_000_000
    with pytest.raises(DataError, match="more than 2,999,999 bytes"):
        reading.unpack(path, 2_999_999)
    with pytest.raises(DataError, match="more than 10 bytes"):
        reading.read_bytes(path, most=10)


@pytest.mark.parametrize("place", ["folder", "circle", "nowhere"])
def test_what_is_no_file_in_a_files_place_is_named(tmp_path: Path, place: str) -> None:
    path = tmp_path / "x.tsv"
    path.mkdir() if place == "folder" else path.symlink_to("x.tsv" if place == "circle" else "none")
    with pytest.raises(DataError, match=r"x\.tsv is a (folder|link that leads to no file)"):
        files.locate_any(tmp_path, ["x.tsv"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = 1\n\xff", "not valid TOML: 'utf-8'"),
        (b"a = " + b"[" * 100_000, "not valid TOML: nested too deeply"),
        (b"a = " + b"9" * 5000, "not valid TOML: Exceeds the limit"),
        (b"a = " + b"[" * 70 + b"]" * 70, "nested deeper than 64 levels"),
        (b"a = 1\na = 2", "not valid TOML: Cannot overwrite"),
    ],
)
def test_one_reader_of_toml(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(DeclarationError, match=re.escape(f"{path}: {said}")):
        reading.read_toml(path)
    path.write_bytes(b"\xef\xbb\xbfa = 1")
    assert reading.read_toml(path) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[" * 100_000, "not valid JSON for us: nested too deeply"),
        (b"[" * 70 + b"]" * 70, "nested deeper than 64 levels"),
        (b"\xff\xfe{", "not valid JSON"),
        (b"9" * 5000, "not valid JSON for us"),
        (b"[]", "expected a JSON object, found list"),
    ],
)
def test_one_reader_of_json(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(said)) as error:
        reading.read_object(path)
    assert str(path) in str(error.value)


def test_a_byte_of_a_name_that_is_no_utf8_comes_back_from_json(tmp_path: Path) -> None:
    write_text(tmp_path / "x.json", json.dumps({"path": "ch\udcff"}, ensure_ascii=False))
    assert reading.read_object(tmp_path / "x.json") == {"path": "ch\udcff"}
