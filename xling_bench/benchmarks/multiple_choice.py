"""What benchmarks of exam questions share: options in their published order, a letter that names the right one, and
files with one JSON object a line whose keys are the hub's columns."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import TypeVar

from xling_bench.benchmarks.implementation import Dropped, Read, Records
from xling_bench.benchmarks.textfiles import locate, read_jsonl
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.row import Record, text_in
from xling_bench.core.unit import Unit

T = TypeVar("T")
# Our split, a record's number from 0, the record: gives a row, or the reason why there is none.
Convert = Callable[[str, int, Record], Record | str]


def converted(path: Path, records: Iterable[tuple[int, Record]], convert: Callable[[Record], T]) -> list[T]:
    """What `convert` makes of records and their lines. Raises DataError with file and line for what it cannot take."""
    rows = []
    for line, record in records:
        try:
            rows.append(convert(record))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}, line {line}: {error}") from error
    return rows


def config_of(benchmark: Benchmark, unit: Unit) -> str:
    """The hub's configuration of a language, which its files are called by, too."""
    return benchmark.hub_config(unit, unit.languages)


def rows_of(root: Path, path: Path, records: Iterable[tuple[int, Record]], convert: Convert, split: str) -> Read:
    """What a file below `root` gives `read`: its records, with their lines, converted."""
    number = count()
    rows, dropped = kept(converted(path, records, lambda record: convert(split, next(number), record)))
    return rows, str(path.relative_to(root)), dropped


def read_records(columns: Sequence[str], convert: Convert) -> Callable[[Benchmark, Path, Unit, str], Read]:
    """`read` of a benchmark that is published on the hub only: `<key>/<configuration>/<split>.jsonl`.

    The split has the hub's name; each line is an object with at least `columns`, as `datasets`' `to_json` writes it.
    """

    def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
        """One object a line, with the hub's columns."""
        name = f"{config_of(benchmark, unit)}/{benchmark.hub.splits.get(split, split)}.jsonl"
        path = locate(root, [f"{benchmark.key}/{name}", name])
        return rows_of(root, path, read_jsonl(path, columns), convert, split)

    return read


def convert_records(convert: Convert) -> Callable[[Benchmark, Unit, str, Records], tuple[Sequence[Record], Dropped]]:
    """`from_hub` of a benchmark whose records become rows one by one."""

    def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
        """The hub's records, converted."""
        return kept(convert(split, number, record) for number, record in enumerate(records(unit)))

    return from_hub


def kept(found: Iterable[Record | str]) -> tuple[list[Record], Dropped]:
    """The rows, and how many there are of each reason for none."""
    rows, reasons = list[Record](), Counter[str]()
    for each in found:
        if isinstance(each, str):
            reasons[each] += 1
        else:
            rows.append(each)
    return rows, dict(reasons)


def lettered(record: Record, names: Sequence[str], answer: str = "answer") -> Record:
    """`options` and `label` of a record that has an option in each of `names` and the right one's letter in `answer`.

    Raises ValueError for another letter, TypeError for an option that is no text.
    """
    options = [text_in(record, name) for name in names]
    return {"options": options, "label": index_of_letter(record[answer], len(options))}


def index_of_letter(value: object, width: int) -> int:
    """0 for A, 1 for B ... Raises ValueError for what is not the letter of one of `width` options."""
    letters = string.ascii_uppercase[:width]
    if not isinstance(value, str) or len(value) != 1 or value not in letters:
        raise ValueError(f"the answer should be a letter from A to {letters[-1:]}, got {value!r}")
    return letters.index(value)


def index_of_number(value: object, width: int) -> int:
    """The index of one of `width` options, as a number or its digits. Raises ValueError for anything else."""
    if str(value) not in map(str, range(width)):
        raise ValueError(f"the answer should be a number from 0 to {width - 1}, got {value!r}")
    return int(str(value))
