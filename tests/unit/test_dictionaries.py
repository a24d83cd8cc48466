"""Bilingual dictionaries: pairs a line, DSL with its mark-up, found by language, turned round; and the real ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.core.errors import DataError, MissingDataError, UsageError
from xling_bench.dictionaries import find, inverted, read_dictionary, read_file
from xling_bench.dictionaries.lexicon import pairs

ENTRIES = """#NAME "English-Dutch"
#INDEX_LANGUAGE "English"

flower
\t[b][c darkblue]~[/c][/b] [p]<n>[/p] [i](reproductive structure, of a plant)[/i]
\t[m1]bloem [p]<f>[/p] [c gray]/blum, bloom/[/c], bloesem \\[poetic, (old)\\][/m]
\t[m1]bloei /blui/; fleur (in {{in}} French)[/m]

{to }go
leave
\t[trn]gaan, weg/gaan[/trn]
Aachen
\t[b]~[/b] [i](city)[/i]
\tSEE: <<Aken>>
"""
FLOWERS = {"flower": ("bloem", "bloesem", "bloei", "fleur"), "go": ("gaan",), "leave": ("gaan",)}


def test_both_ways_of_parting_a_pair(tmp_path) -> None:
    """One space or a TAB, plain or packed, MUSE's name or CoSDA-ML's; order kept, pairs once, targets of two words."""
    (tmp_path / "dictionaries" / "cosda_ml").mkdir(parents=True)
    (tmp_path / "en-de.txt").write_text("the die\nand und\nthe der\nthe die\n", encoding="utf-8")
    with gzip.open(tmp_path / "dictionaries" / "cosda_ml" / "jp2.txt.gz", "wb") as file:
        file.write("new york\tニューヨーク\r\ndog\tこ いぬ\n".encode())
    assert list(read_dictionary(tmp_path, "de").items()) == [("the", ("die", "der")), ("and", ("und",))]
    assert read_dictionary(tmp_path, "ja") == {"new york": ("ニューヨーク",), "dog": ("こ いぬ",)}
    assert read_dictionary(None, "de", str(tmp_path / "en-{lang}.txt"))["the"] == ("die", "der")
    (tmp_path / "sw2.txt").write_text("and och\n", encoding="utf-8")  # CoSDA-ML's Swedish
    for language, pattern, error, message in (
        ("sw", None, MissingDataError, "no dictionary from English to sw: no file en-sw.txt"),
        ("fr", str(tmp_path / "en-{lang}.txt"), MissingDataError, "there is no file .*en-fr.txt"),
        ("fr", "words.txt", UsageError, "expected a name with {lang}"),
        ("en", None, UsageError, "from English to English"),
    ):
        with pytest.raises(error, match=message):
            read_dictionary(tmp_path, language, pattern)
    with pytest.raises(UsageError, match="set XLING_DATA_DIR"):
        read_dictionary(None, "de")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("and und\nthe die der", "line 2: expected a word and its translation, parted by one space as in line 1"),
        ("and und\nthe\tdie", "line 2: expected a word and its translation, parted by one space"),
        ("and\tund\nthe die", "line 2: expected a word and its translation, parted by a TAB"),
        ("and\tund\nthe\t", "line 2: expected a word and its translation"),
        ("and\tund\nthe\tdie\tder", "line 2: expected a word and its translation"),
        ("and und\nthe", "line 2: expected a word and its translation"),
        ("and;und\nthe;die", "line 1: expected a word and its translation"),
        ("and, und\nthe, die", "every word ends with ',', which seems to part the pairs"),
        ("and ;und\nthe ;die", "every translation begins with ';', which seems to part the pairs"),
        ("and und\n\nthe die", "line 2: expected a word and its translation, got a blank line; take it out"),
        ("and und\nthe d\0ie", r"line 2: expected words, got the control character U\+0000"),
        ("and\tund\nthe\tdie\x1b[31m", r"line 2: expected words, got the control character U\+001B"),
        ("and und\nthe\u2028 die", r"line 2: expected words, got the control character U\+2028"),
        ("", "the file is empty"),
    ],
)
def test_a_wrong_separator_or_a_missing_side_is_one_error(tmp_path, text, said) -> None:
    (tmp_path / "en-de.txt").write_text(text and f"{text}\n", encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_dictionary(tmp_path, "de")


@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig"])
def test_dsl_without_its_mark_up(tmp_path, code) -> None:
    folder = tmp_path / "dictionaries" / "wiktionary_dsl"
    folder.mkdir(parents=True)
    packed = folder / "en-nl-enwiktionary.dsl.dz"
    packed.write_bytes(gzip.compress(ENTRIES.replace("\n", "\r\n").encode(code)))
    plain = tmp_path / "words.dsl"
    plain.write_bytes(ENTRIES.encode(code))
    assert read_dictionary(tmp_path, "nl") == read_file(plain) == FLOWERS
    assert find(tmp_path, "nl") == packed
    plain.write_bytes(ENTRIES.replace("bloesem", "bloe\u2028sem").encode(code))
    with pytest.raises(DataError, match=r"line 6: expected words, got the control character U\+2028"):
        read_file(plain)
    plain.write_bytes('#NAME "x"\nword\n\tno translation\n'.encode(code))
    with pytest.raises(DataError, match="expected DSL entries with translations"):
        read_file(plain)
    plain.write_bytes(b"#\xff\xfe\n")
    with pytest.raises(DataError, match="not valid UTF-8"):
        read_file(plain)


WORDS = st.text("abcä", min_size=1, max_size=3)


@given(st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=4, unique=True).map(tuple), max_size=12))
def test_turned_round_it_has_the_same_pairs(dictionary) -> None:
    """Whatever has several translations or is one of several words': no pair is lost or made up, twice is once."""
    there = {(word, each) for word, found in dictionary.items() for each in found}
    turned = inverted(dictionary)
    assert {(word, each) for each, found in turned.items() for word in found} == there
    assert sum(map(len, turned.values())) == len(there)
    again = inverted(turned)
    assert {word: set(found) for word, found in again.items()} == {word: set(f) for word, f in dictionary.items()}


@pytest.mark.data
def test_real_dictionaries(real_data: Path) -> None:
    """As many pairs as the folder's page says, for every file in MUSE's form."""
    listed = {"ar": 33663, "bg": 61240, "ca": 78097, "de": 101931, "el": 56070, "es": 112580, "fr": 113286, "hi": 38221,
              "it": 103612, "jp": 35353, "ru": 53186, "th": 24658, "tr": 67799, "ur": 86692, "vi": 77020,
              "zh": 39334}  # fmt: skip
    folder = real_data / "dictionaries" / "cosda_ml"
    assert {path.name for path in folder.iterdir()} == {f"{code}2.txt.gz" for code in listed}
    assert {code: sum(1 for _ in pairs(folder / f"{code}2.txt.gz")) for code in listed} == listed
    assert len(read_dictionary(real_data, "ja")) == len({pair[0] for pair in pairs(folder / "jp2.txt.gz")})
    assert sum(map(len, read_dictionary(real_data, "cs").values())) == 64216


@pytest.mark.data
def test_real_dictionaries_with_mark_up(real_data: Path) -> None:
    """Two languages that only Wiktionary has here; nearly every entry is one, and no mark-up is left in a word."""
    for language, least, word in (("ko", 10_000, ("dog", "개")), ("id", 4_000, ("dog", "anjing"))):
        found = read_dictionary(real_data, language)
        assert len(found) > least
        assert word[1] in found[word[0]]
        assert not [each for words in found.values() for each in words if set(each) & set("[]\\/<>{}()|")]
    wiktionary = read_file(real_data / "dictionaries" / "wiktionary_dsl" / "en-hi-enwiktionary.dsl.dz")
    muse = read_dictionary(real_data, "hi")
    shared = [word for word in wiktionary if word in muse]
    agreeing = sum(bool(set(wiktionary[word]) & set(muse[word])) for word in shared)
    assert len(shared) > 2000
    assert agreeing > 0.5 * len(shared), "two dictionaries of one language mostly agree"
