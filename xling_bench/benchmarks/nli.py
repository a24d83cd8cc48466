"""What benchmarks of entailment share: rows, XNLI's English beside its translations, and the sample's sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from xling_bench.benchmarks.implementation import Item
from xling_bench.benchmarks.textfiles import index_of, read_jsonl, read_table
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import MissingDataError
from xling_bench.core.row import Record, text_in, texts_in
from xling_bench.core.unit import Unit

SENTENCES = Path(__file__).parent / "sample" / "nli.jsonl"
CLASSES = ("entailment", "contradiction", "neutral")  # of the three hypotheses after each premise of the sample


def row(identifier: str, premise: object, hypothesis: object, label: object) -> Record:
    """A canonical row."""
    return {"id": identifier, "premise": premise, "hypothesis": hypothesis, "label": label}


def xnli_id(split: str, index: int) -> str:
    """The id of XNLI's item `index` (from 0), which its translations into further languages share."""
    return f"xnli-{split}-{index:04d}"


def refuse_english(benchmark: Benchmark, unit: Unit) -> None:
    """Raise MissingDataError for English where a translation of XNLI has none of its own on the hub."""
    if unit == "en":
        raise MissingDataError(
            f"{benchmark.hub.path} has no English: its items are XNLI's, whose English is read from XNLI's files "
            "(XLING_DATA_DIR) or scored as xling_xnli_en"
        )


def named_labels(
    path: Path, benchmark: Benchmark, columns: tuple[str, str, str], identifier: Callable[[int], str]
) -> list[Record]:
    """Rows of an unquoted TSV with `columns` for premise, hypothesis and the class's name."""
    premise, hypothesis, name = columns
    rows: list[Record] = []
    for number, cells in read_table(path, columns):
        label = index_of(cells[name], benchmark.labels, f"{path}, line {number}")
        rows.append(row(identifier(len(rows)), cells[premise], cells[hypothesis], label))
    return rows


def numbered_labels(path: Path, benchmark: Benchmark, identifier: Callable[[int], str]) -> list[Record]:
    """Rows of an unquoted TSV with premise, hypothesis and the class's number, in the order of `benchmark.labels`."""
    numbers = [str(number) for number in range(len(benchmark.labels))]
    rows: list[Record] = []
    for number, cells in read_table(path, ("premise", "hypothesis", "label")):
        label = index_of(cells["label"], numbers, f"{path}, line {number}")
        rows.append(row(identifier(len(rows)), cells["premise"], cells["hypothesis"], label))
    return rows


def in_order(records: Iterable[Record], identifier: Callable[[int], str]) -> list[Record]:
    """Rows of a hub's records with premise, hypothesis and the class's number."""
    return [
        row(identifier(i), record["premise"], record["hypothesis"], record["label"]) for i, record in enumerate(records)
    ]


def sample(key: str, *languages: str, demos: int = 2) -> tuple[Item, ...]:
    """Invented items of a benchmark in some of the sample's languages: three hypotheses for each premise, the last
    `demos` premises' for demonstrations."""
    by_language = {text_in(line, "language"): texts_in(line, "sentences") for _, line in _lines()}
    return tuple(_items(key, {language: by_language[language] for language in languages}, demos))


def _lines() -> Iterator[tuple[int, Record]]:
    return read_jsonl(SENTENCES, ("language", "sentences"))


def _items(key: str, sentences: dict[str, list[str]], demos: int) -> Iterator[Item]:
    size = 1 + len(CLASSES)
    premises = len(next(iter(sentences.values()))) // size
    for premise in range(premises):
        split = "test" if premise < premises - demos else "demo"
        for place, label in enumerate(CLASSES, 1):
            texts = {
                language: {"premise": mine[premise * size], "hypothesis": mine[premise * size + place]}
                for language, mine in sentences.items()
            }
            yield Item(f"sample-{key}-{premise * len(CLASSES) + place:02d}", split, texts, {"label": label})
