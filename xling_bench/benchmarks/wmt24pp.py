"""WMT24++: translation from English of WMT24's documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from xling_bench.benchmarks import flores
from xling_bench.benchmarks.implementation import Dropped, Implementation, Item, Read, Records
from xling_bench.benchmarks.textfiles import locate, read_jsonl
from xling_bench.catalog.benchmark import Benchmark, get_benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.row import Record, index_in
from xling_bench.core.unit import Unit

COLUMNS = ("document_id", "segment_id", "is_bad_source", "source", "target")
BAD = "bad source (is_bad_source)"


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The hub's `en-<code>.jsonl`. The id is the segment's number, which all languages share."""
    name = f"en-{benchmark.codes[unit.target]}.jsonl"
    path = locate(root, [f"{folder}{name}" for folder in ("wmt24pp/", "")])
    lines = list(read_jsonl(path, COLUMNS))
    for number, line in lines:
        if not isinstance(line["is_bad_source"], bool):
            found = line["is_bad_source"]
            raise DataError(f"{path}, line {number}: is_bad_source should be true or false, got {found!r:.80}")
    rows, dropped = _rows(split, (line for _, line in lines))
    return rows, str(path.relative_to(root)), dropped


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`google/wmt24pp`: a configuration for each pair, one split, called train."""
    return _rows(split, records(unit.target))


def _rows(split: str, lines: Iterable[Record]) -> tuple[list[Record], Dropped]:
    rows: list[Record] = []
    bad = 0
    for line in lines:
        if line["is_bad_source"]:
            bad += 1
            continue
        identifier = f"wmt24pp-{split}-{index_in(line, 'segment_id'):04d}"
        texts = {"source": line["source"], "target": line["target"], "document": line["document_id"]}
        rows.append({"id": identifier, **texts})
    return rows, {BAD: bad} if bad else {}


def sample_row(benchmark: Benchmark, item: Item, unit: Unit) -> Record:
    """English and a language of an item; each is a document of its own."""
    return {**flores.sample_row(benchmark, item, unit), "document": item.id}


def _sample() -> Iterator[Item]:
    """FLORES' invented sentences in the languages that both have."""
    known = get_benchmark("wmt24pp").languages
    sentences = (item for item in flores.IMPLEMENTATION.sample if item.split == "test")
    for number, item in enumerate(sentences, 1):
        text = {language: fields for language, fields in item.text.items() if language in known}
        yield Item(f"sample-wmt24pp-{number:02d}", "test", text)


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=flores.texts, sample=tuple(_sample()), sample_row=sample_row
)
