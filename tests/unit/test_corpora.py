"""Training data: strings by hand, streams as functions of their index, and what files may not be."""

import gzip
import json
import tomllib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from xling_bench import content
from xling_bench.errors import DataError, MissingDataError, UsageError
from xling_bench.training.corpora import DataConfig, Instruction, Pair, load
from xling_bench.training.corpora.order import mixed, permuted, quotas, uniform
from xling_bench.training.corpora.texts import Task, instruction_of, translation_of

SEEDS = st.integers(min_value=0, max_value=2**63)


def moses(first, last, **more):
    return {"kind": "moses", "files": {first: f"x.{first}", last: f"x.{last}"}, **more}


def config(**settings_):
    return DataConfig(**({"languages": ("en", "de"), "decontaminate": ()} | settings_))


def write_lines(root, **files):
    for name, lines in files.items():
        (root / f"x.{name}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_json(path, rows):
    path.write_text(json.dumps(rows), encoding="utf-8")


def task(language, number, **more):
    return {"instruction": f"{language} ask {number}", "input": "", "output": f"{language} say {number}"} | more


@pytest.fixture
def parallel(tmp_path):
    """40 rows in four languages by line, and as tasks by id."""
    for key in ("en", "de", "zh", "sw"):
        write_lines(tmp_path, **{key: [f"{key} sentence {i}" for i in range(40)]})
        write_json(tmp_path / f"{key}.json", [task(key, i, id=f"alpaca-{i}") for i in range(40)])
    return tmp_path


FOUR = ("en", "de", "zh", "sw")
LINES = {"kind": "lines", "files": {key: f"x.{key}" for key in FOUR}, "name": "lines"}
BACTRIAN = {"kind": "bactrian", "files": {key: f"{key}.json" for key in FOUR}, "name": "tasks"}


# --- strings -------------------------------------------------------------------------------------------------------


def test_strings_are_those_of_the_authors_code() -> None:
    asked, answered = Task("Name the capital.", "France", "Paris"), Task("说出首都。", "法国", "巴黎")
    crossed = instruction_of("7", asked, "en", answered, "zh")
    assert crossed == Instruction("7", "Name the capital. France Answer in Chinese: ", "巴黎", "en", "zh")
    stayed = instruction_of("7", answered, "zh", answered, "zh")
    assert stayed.prompt + stayed.response == "说出首都。 法国 Answer in Chinese: 巴黎"
    bare = instruction_of("8", Task("Greet the hedgehog.", "", "Hello"), "en", Task("Sag hallo.", "", "Hallo"), "de")
    assert bare.prompt + bare.response == "Greet the hedgehog. Answer in German: Hallo"
    pair = Pair("3", "Good morning", "Guten Morgen", "en", "de")
    texts = [found.prompt + found.response for found in (translation_of(pair, 0), translation_of(pair.turned(), 1))]
    assert texts == ["Good morning Translate into German: Guten Morgen", "Guten Morgen = Good morning"]
    blank = instruction_of("8", Task("Greet the hedgehog.", " \n", ""), "en", Task("", "", "Hallo"), "de")
    assert blank.prompt == "Greet the hedgehog. Answer in German: "
    braces = instruction_of("9", Task("Fill {x} in.", "{output}", ""), "en", Task("", "", "{y}"), "en")
    assert braces.prompt + braces.response == "Fill {x} in. {output} Answer in English: {y}"


# --- order ---------------------------------------------------------------------------------------------------------


@given(size=st.integers(1, 300), key=st.integers(0, 2**64 - 1))
def test_permuted_is_a_permutation(size, key) -> None:
    assert sorted(permuted(i, size, key) for i in range(size)) == list(range(size))


def test_random_numbers_never_change() -> None:
    """Streams are promised to be equal on any machine, so these are fixed; the first are SplitMix64's as published."""
    assert [mixed(1234567, i) for i in range(2)] == [6457827717110365317, 3203168211198807973]  # Rosetta Code
    assert [permuted(i, 10, 12345) for i in range(10)] == [8, 2, 7, 3, 9, 1, 5, 6, 4, 0]
    assert sum(uniform(3, i) for i in range(10_000)) / 10_000 == pytest.approx(0.5, abs=0.01)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8), st.integers(0, 1000))
def test_quotas_sum_and_are_near(weights, total) -> None:
    shares = quotas(weights, total)
    assert sum(shares) == total
    assert all(abs(s - total * w / sum(weights)) < 1 + 1e-6 for s, w in zip(shares, weights, strict=True))


# --- streams -------------------------------------------------------------------------------------------------------


def streams(root, seed=0, **more):
    return load(config(**({"languages": FOUR} | more)), seed=seed, root=root)


def everything(root, seed, **more):
    return streams(root, seed, pairs=[LINES], instructions=[BACTRIAN], translation=True, reverse=0.3, **more)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, asked=st.lists(st.integers(0, 5000), min_size=1, max_size=20))
def test_items_depend_on_seed_and_index_only(tmp_path_factory, seed, asked) -> None:
    root = tmp_path_factory.mktemp("pure")
    for key in FOUR:
        write_lines(root, **{key: [f"{key} {i}" for i in range(7)]})
        write_json(root / f"{key}.json", [task(key, i, id=str(i)) for i in range(7)])
    one, other = everything(root, seed), everything(root, seed)
    for stream, again in ((one.pairs, other.pairs), (one.instructions, other.instructions)):
        backwards = {i: again[i] for i in reversed(asked)}
        assert [stream[i] for i in asked] == [backwards[i] for i in asked]


@pytest.mark.parametrize("pairing", ["pivot", "pairwise"])
def test_each_epoch_has_each_pair_once_in_another_order(parallel, pairing) -> None:
    stream = streams(parallel, pairs=[LINES], pairing=pairing).pairs
    size = len(stream)
    assert size == 40 * (3 if pairing == "pivot" else 6)
    epochs = [[stream[i] for i in range(start, start + size)] for start in (0, size, 2 * size)]
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len({frozenset(epoch) for epoch in epochs}) == 1
    assert len(set(epochs[0])) == size
    assert list(stream) == epochs[0]
    assert {p.source_language for p in epochs[0]} == ({"en"} if pairing == "pivot" else {"en", "de", "zh"})


def test_pairs_stay_aligned(parallel) -> None:
    for pair in streams(parallel, pairs=[LINES], reverse=0.5).pairs:
        number = pair.id.split(":")[1]
        assert pair.source == f"{pair.source_language} sentence {int(number) - 1}"
        assert pair.target == f"{pair.target_language} sentence {int(number) - 1}"


def test_seeds_differ(parallel) -> None:
    assert list(streams(parallel, 1, pairs=[LINES]).pairs) != list(streams(parallel, 2, pairs=[LINES]).pairs)


def test_weights_hold_and_rows_of_a_language_are_used_alike(parallel) -> None:
    stream = streams(parallel, pairs=[LINES], weights={"en": 1, "de": 6, "zh": 3, "sw": 1}).pairs
    drawn = [stream[i] for i in range(1200)]
    languages = Counter(pair.target_language for pair in drawn)
    assert [languages[key] for key in ("de", "zh", "sw")] == [720, 360, 120]
    rows = Counter(pair.id for pair in drawn if pair.target_language == "de")
    assert set(rows.values()) == {18}


def test_weights_hold_for_instructions_and_their_partners(parallel) -> None:
    weights = {"en": 1, "de": 2, "zh": 3, "sw": 2}
    stayed = streams(parallel, instructions=[BACTRIAN], weights=weights, p_src=1).instructions
    assert Counter(one.source_language for one in stayed) == {"en": 20, "de": 40, "zh": 60, "sw": 40}
    crossed = streams(parallel, instructions=[BACTRIAN], weights=weights, p_src=0).instructions
    drawn = Counter(crossed[i].response_language for i in range(7000))
    assert set(drawn) == {"de", "zh", "sw"}
    assert abs(drawn["zh"] - 3000) < 150  # standard deviation below 42
    assert abs(drawn["de"] - 2000) < 150


def test_a_language_is_never_left_out_by_rounding(parallel) -> None:
    with pytest.raises(UsageError, match="en-sw is so light that none of an epoch's 120 rows"):
        streams(parallel, pairs=[LINES], weights={"en": 1, "de": 1, "zh": 1, "sw": 1e-6})


def test_reverse_is_a_probability(parallel) -> None:
    stream = streams(parallel, pairs=[LINES], reverse=0.25).pairs
    turned = sum(stream[i].target_language == "en" for i in range(4000))
    assert 900 < turned < 1100  # 1000, standard deviation 27
    assert all(pair.target_language == "en" for pair in streams(parallel, pairs=[LINES], reverse=1).pairs)


@pytest.mark.parametrize("p_src", [0, 0.5, 0.8, 1])
@pytest.mark.parametrize("pairing", ["pivot", "pairwise"])
def test_p_src_is_the_probability_to_stay(parallel, p_src, pairing) -> None:
    stream = streams(parallel, instructions=[BACTRIAN], p_src=p_src, pairing=pairing).instructions
    drawn = [stream[i] for i in range(2000)]
    stayed = sum(found.source_language == found.response_language for found in drawn)
    assert abs(stayed - 2000 * p_src) < (100 if 0 < p_src < 1 else 1)
    for found in drawn:
        number = found.id.split("-")[1]
        assert found.prompt.startswith(f"{found.source_language} ask {number} Answer in ")
        assert found.response == f"{found.response_language} say {number}"
        crossed = found.source_language != found.response_language
        if crossed and pairing == "pivot":
            assert found.source_language == "en"
    if pairing == "pairwise" and p_src < 1:
        assert len({(f.source_language, f.response_language) for f in drawn if f.source_language != "en"}) > 6


def test_every_instruction_comes_once_an_epoch(parallel) -> None:
    stream = streams(parallel, instructions=[BACTRIAN], p_src=1).instructions
    assert len({(found.id, found.source_language) for found in stream}) == len(stream) == 160


def test_translation_tasks_join_the_instructions(parallel) -> None:
    both = streams(parallel, pairs=[LINES], instructions=[BACTRIAN], translation=True)
    assert (len(both.pairs), len(both.instructions)) == (120, 280)
    tasks = [found for found in both.instructions if found.id.startswith("lines")]
    forms = Counter(" = " in found.prompt for found in tasks)
    assert len(tasks) == 120
    assert 35 < forms[True] < 85  # 60, standard deviation 5.5
    only = streams(parallel, pairs=[LINES], translation=True)
    assert len(only.instructions) == 120
    assert streams(parallel, pairs=[LINES]).instructions is None
    assert streams(parallel, instructions=[BACTRIAN]).pairs is None


def test_a_stream_has_no_end_to_count_from(parallel) -> None:
    with pytest.raises(IndexError, match="0 or more, got -1"):
        streams(parallel, pairs=[LINES]).pairs[-1]


# --- allocation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["toml", "json"])
def test_allocation_caps_and_larger_ones_keep_the_rows_of_smaller(parallel, form) -> None:
    rows = {}
    for cap in (5, 20):
        counts = {"de": cap, "zho": 100, "sw": 0}
        text = json.dumps(counts) if form == "json" else "".join(f"{k} = {v}\n" for k, v in counts.items())
        (parallel / f"caps.{form}").write_text(text)
        found = streams(parallel, pairs=[LINES], allocation=f"caps.{form}")
        rows[cap] = {pair for pair in found.pairs if pair.target_language == "de"}
        assert Counter(pair.target_language for pair in found.pairs) == {"de": cap, "zh": 40}
        assert found.report["allocation"]["zh"] == {"cap": 100, "there": 40, "taken": 40}
    assert rows[5] < rows[20]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("de = 5", "number of pairs of zh, 0 or more; got none"),
        ("de = 5\nzh = -1\nsw = 1", "got -1"),
        ("de = 5\nzh = true\nsw = 1", "got True"),
        ("de = 5\ngreman = 2", "unknown language 'greman'. Did you mean 'German'"),
        ("de = ", "Expected TOML or JSON"),
    ],
)
def test_bad_allocations_are_refused(parallel, text, said) -> None:
    (parallel / "caps.toml").write_text(text)
    with pytest.raises(DataError, match=said):
        streams(parallel, pairs=[LINES], allocation="caps.toml")


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
    assert found.report["languages"] == {"en": {"pairs": 3, "instructions": 0}, "de": {"pairs": 3, "instructions": 0}}
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


def test_the_readmes_example_is_a_configuration() -> None:
    text = (content.folder("training") / "README.md").read_text(encoding="utf-8")
    example = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    found = DataConfig(**example["data"])
    assert [source.kind for source in (*found.pairs, *found.instructions)] == ["lines", "moses", "tsv", "bactrian"]
    assert found.languages[0] == found.pivot == "en"


def test_a_language_without_rows_is_an_error(parallel) -> None:
    with pytest.raises(DataError, match="sw is one of the `languages`, but no source has a row"):
        streams(parallel, pairs=[LINES | {"files": {key: f"x.{key}" for key in ("en", "de", "zh")}}])
    with pytest.raises(DataError, match=r"pairs de, zh, but 'pivot' pairing of en, de \(pivot en\) has no such pair"):
        load(config(pairs=[moses("de", "zh")]), seed=0, root=parallel)
    with pytest.raises(UsageError, match="give `root`, or set XLING_DATA_DIR"):
        load(config(pairs=[LINES]), seed=0)
