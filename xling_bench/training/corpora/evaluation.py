"""The evaluation texts that training texts are compared with, read by the benchmarks' own readers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from xling_bench.benchmarks.implementation import implementation
from xling_bench.catalog.benchmark import Benchmark, benchmarks, get_benchmark
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.row import Row, text_in
from xling_bench.core.unit import Unit
from xling_bench.data.source import Source, explain
from xling_bench.data.source import load as load_rows
from xling_bench.training.corpora.contamination import Checker, Index, Place
from xling_bench.training.corpora.data_config import DataConfig
from xling_bench.training.corpora.data_report import Compared

Indices = dict[tuple[str, str, str], Index]  # benchmark, language, split


@dataclass
class _Found:
    """One benchmark's rows by `language split`, units that are not there, and why the last of them is not."""

    rows: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)  # "unit split" -> its wanted languages
    failure: MissingDataError | None = None

    def covers(self, languages: list[str], split: str) -> bool:
        """Whether all the languages' texts of a split are in."""
        return all(f"{language} {split}" in self.rows for language in languages)


def checker(config: DataConfig, source: Source) -> tuple[Checker, Compared]:
    """The texts of the configured benchmarks in the configured languages, and what was and was not there.

    Raises MissingDataError for a benchmark asked for by name of which nothing is there, DataError where none is there
    at all: an unchecked run says `decontaminate = []`.
    """
    indices: Indices = {}
    checked: dict[str, dict[str, int]] = {}
    missing: dict[str, list[str]] = {}
    named = config.decontaminate
    for key in benchmarks() if named is None else named:
        benchmark = get_benchmark(key)
        found = _add(benchmark, config, source, indices)
        if found.rows:
            checked[key] = found.rows
        elif named is not None:
            why = found.failure or MissingDataError(f"{key} has none of the languages {', '.join(config.languages)}")
            raise explain(benchmark, why)
        if found.missing:
            missing[key] = list(found.missing)
    if named is None and not checked:
        raise DataError(
            f"Training texts should be compared with evaluation texts in {', '.join(config.languages)}, but no "
            "benchmark's files are there. Set XLING_DATA_DIR, or say `decontaminate = []` to train unchecked."
        )
    return Checker(indices.values(), config.ngram), Compared(checked=checked, missing=missing)


def _add(benchmark: Benchmark, config: DataConfig, source: Source, indices: Indices) -> _Found:
    """Index a benchmark's texts in the configured languages.

    A pair benchmark such as FLORES has the same sentences in every pair: one pair for each language is read. MLQA's
    pairs differ: all are read.
    """
    found = _Found()
    differ = benchmark.pairs is not None and benchmark.pairs.alone
    for split in benchmark.splits if config.dev_splits else (benchmark.test_split,):
        for unit, wanted in _units(benchmark, config.languages):
            if not differ and found.covers(wanted, split):
                continue
            try:
                rows = load_rows(benchmark, unit, split, source, answered=False).rows
            except MissingDataError as error:
                found.missing[f"{unit} {split}"] = wanted
                found.failure = error
                continue
            for language in wanted:
                index = indices.setdefault((benchmark.key, language, split), Index(config.ngram))
                _index(index, rows, unit, Place(benchmark.key, split, language, ""))
                found.rows[f"{language} {split}"] = found.rows.get(f"{language} {split}", 0) + len(rows)
    if not differ:
        missing = found.missing.items()
        found.missing = {name: wanted for name, wanted in missing if not found.covers(wanted, name.split()[-1])}
    return found


def _units(benchmark: Benchmark, languages: tuple[str, ...]) -> list[tuple[Unit, list[str]]]:
    """Units with texts in the languages, and which of them; those with most first."""
    units = [(unit, [part for part in unit.languages if part in languages]) for unit in benchmark.units()]
    return sorted((entry for entry in units if entry[1]), key=lambda entry: -len(entry[1]))


def _index(index: Index, rows: list[Row], unit: Unit, place: Place) -> None:
    texts = implementation(place.benchmark).texts
    for row in rows:
        here = replace(place, item=text_in(row, "id"))
        for found in texts(unit, row):
            if found.language == place.language:
                index.add(found.text, here, context=found.context)
