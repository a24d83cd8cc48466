"""The built-in sample: complete, parallel, and never mistaken for data."""

import pytest

from xling_bench.catalog import benchmarks, get_benchmark
from xling_bench.core.errors import MissingDataError
from xling_bench.data import Source, current_source, load, sample

SAMPLE = Source("sample")
FEWER = {"americasnli": 4}  # languages that nobody here can write


@pytest.mark.parametrize("key", list(benchmarks()))
def test_sample_has_enough_languages_and_items(key: str) -> None:
    benchmark = get_benchmark(key)
    languages = sample.languages(key)
    assert set(languages) <= set(benchmark.languages)
    assert len(languages) >= FEWER.get(key, min(8, len(benchmark.languages)))
    ids = [item.id for item in sample.items(key)]
    assert len(set(ids)) == len(ids)
    assert all(identifier.startswith("sample-") for identifier in ids)
    for item in sample.items(key):
        assert tuple(item.text) == languages, item.id


@pytest.mark.parametrize("key", list(benchmarks()))
def test_sample_loads_through_the_declarations(key: str) -> None:
    benchmark = get_benchmark(key)
    known = set(sample.languages(key))
    units = [unit for unit in benchmark.units() if set(unit.split("-")) <= known]
    assert units
    for split in benchmark.splits:
        loaded = [load(benchmark, unit, split, SAMPLE) for unit in units]
        assert len({tuple(row["id"] for row in x.rows) for x in loaded}) == 1, "items are parallel"
        assert len(loaded[0].rows) >= (8 if split == benchmark.test_split else 5)
        if "label" in benchmark.fields and benchmark.key != "mlama":
            labels = [row["label"] for row in loaded[0].rows]
            assert {tuple(row["label"] for row in x.rows) for x in loaded} == {tuple(labels)}
            counts = [labels.count(value) for value in set(labels)]
            assert max(counts) - min(counts) <= 1, "labels are balanced"


@pytest.mark.parametrize("key", ["xquad", "mlqa", "indicqa"])
def test_answers_stand_in_their_contexts(key: str) -> None:
    for item in sample.items(key):
        for language, fields in item.text.items():
            assert all(answer in fields["context"] for answer in fields["answers"]), (item.id, language)


def test_the_sample_is_used_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert current_source().kind == "hub"
    monkeypatch.setenv("XLING_DATA_DIR", ".")
    assert current_source().kind == "files"
    monkeypatch.setenv("XLING_DATA", "sample")
    assert current_source().kind == "sample"


def test_a_language_the_sample_lacks_is_named() -> None:
    with pytest.raises(MissingDataError, match="no 'bg' for xnli; it has en"):
        load(get_benchmark("xnli"), "bg", "test", SAMPLE)
