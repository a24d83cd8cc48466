"""The real mLAMA files: BMLAMA's rows, relations and candidates are parallel; mParaRel's counts are as measured."""

from collections import Counter

import pytest

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import MissingDataError
from xling_bench.data import load

pytestmark = pytest.mark.data

BMLAMA17 = ["ar", "ca", "el", "en", "es", "fa", "fr", "he", "hu", "ja", "ko", "nl", "ru", "tr", "uk", "vi", "zh"]
# Rows read, triples of relations without a usable pattern, objects that stand in no candidate list; relations.
MPARAREL = {"de": (27554, 1980, 267, 38), "th": (7531, 1010, 59, 37), "zh": (7868, 939, 1890, 38)}


@pytest.mark.parametrize(
    ("name", "units", "rows", "relations", "single"),
    [
        ("bmlama17", BMLAMA17, 6792, 38, 0),
        ("bmlama53", ["en", "de", "he", "th", "ta", "zh", "ceb", "la"], 3070, 27, 34),
    ],
)
def test_balanced_rows_are_parallel_in_every_language(
    real_data, monkeypatch, name: str, units: list[str], rows: int, relations: int, single: int
) -> None:
    monkeypatch.setenv("XLING_MLAMA", name)
    english = load(get_benchmark("mlama"), "en", "test").rows
    shape = [(row["id"], row["relation"], row["label"], len(row["candidates"])) for row in english]
    assert len(shape) == rows
    assert len({row["relation"] for row in english}) == relations
    assert all(row["relation"].count("[X]") == row["relation"].count("[Y]") == 1 for row in english)
    assert sum(len(row["candidates"]) == 1 for row in english) == single
    for unit in units:
        loaded = load(get_benchmark("mlama"), unit, "test")
        assert loaded.dropped == {}, unit
        assert loaded.origin == f"mlama/{name.upper()}/{unit}.tsv.gz"
        found = [(row["id"], row["relation"], row["label"], len(row["candidates"])) for row in loaded.rows]
        assert found == shape, unit
        for row in loaded.rows:
            assert row["label"] == len(row["candidates"]) - 1, "the answer is listed last"
            assert len(set(row["candidates"])) == len(row["candidates"])
            assert not any('""' in text for text in (row["before"], row["subject"], *row["candidates"]))
        assert share_not_translated_alike(english, loaded.rows) < 0.01, unit


def share_not_translated_alike(english, other) -> float:
    """Share of candidates, matched by position, that are not the usual translation of the English one there.

    Within a relation. Names shared by two things (Georgia, Washington) keep it above 0; shuffled lists give far more.
    """
    seen: dict[tuple[str, str], Counter[str]] = {}
    for one, two in zip(english, other, strict=True):
        for name, translation in zip(one["candidates"], two["candidates"], strict=True):
            seen.setdefault((one["relation"], name), Counter())[translation] += 1
    total = sum(count.total() for count in seen.values())
    return 1 - sum(max(count.values()) for count in seen.values()) / total


def test_that_measure_notices_lists_out_of_step(real_data, monkeypatch) -> None:
    monkeypatch.setenv("XLING_MLAMA", "bmlama17")
    english, dutch = (load(get_benchmark("mlama"), unit, "test").rows for unit in ("en", "nl"))
    turned = [row | {"candidates": [*row["candidates"][1:], row["candidates"][0]]} for row in dutch]
    assert share_not_translated_alike(english, turned) > 0.5


@pytest.mark.parametrize("unit", list(MPARAREL))
def test_mpararel_as_measured(real_data, monkeypatch, unit: str) -> None:
    monkeypatch.setenv("XLING_MLAMA", "mpararel")
    rows, unpatterned, unlisted, relations = MPARAREL[unit]
    loaded = load(get_benchmark("mlama"), unit, "test")
    assert len(loaded.rows) == rows
    assert loaded.dropped == {
        "template without [X] and a single [Y]": unpatterned,
        "object not among the relation's objects": unlisted,
    }
    assert len({row["relation"] for row in loaded.rows}) == relations


def test_mpararel_languages_without_sentences_are_missing(real_data, monkeypatch) -> None:
    monkeypatch.setenv("XLING_MLAMA", "mpararel")
    for unit in ("eu", "hi", "ta", "ur"):
        with pytest.raises(MissingDataError, match="no patterns"):
            load(get_benchmark("mlama"), unit, "test")


def test_only_seventeen_languages_are_in_bmlama17(real_data, monkeypatch) -> None:
    monkeypatch.setenv("XLING_MLAMA", "bmlama17")
    with pytest.raises(MissingDataError, match=r"no BMLAMA17/de\.tsv"):
        load(get_benchmark("mlama"), "de", "test")
