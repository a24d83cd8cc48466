"""What the code knows of a benchmark, in one object, and how it is found by the benchmark's key."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from xling_bench.benchmarks.textfiles import read_jsonl
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DeclarationError
from xling_bench.core.row import Record, Row, record_in, text_in
from xling_bench.core.unit import Unit
from xling_bench.metrics.metric import Expected, OfficialRule

Dropped = dict[str, int]  # why rows were left out, and how many
# Rows that nobody has checked, the file they came from relative to the root, rows left out.
Read = tuple[Sequence[Record], str, Dropped]
Records = Callable[[str], Iterator[Record]]  # a language's records on the hub, as its data set has them


class Text(NamedTuple):
    """A text that no training data may hold; a `context` counts as its sentences, too."""

    language: str
    text: str
    context: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One invented item of the built-in sample in all its languages. `split` is `test`, or `demo` for demonstrations.

    `text` holds the fields of each language, `shared` those of the item itself (a label by its class's name or index).
    """

    id: str
    split: str
    text: Mapping[str, Record]
    shared: Record = field(default_factory=dict)


def in_one_language(benchmark: Benchmark, item: Item, unit: Unit) -> dict[str, object]:
    """A sample item as a row: its own fields and those of the unit's (last) language."""
    row: dict[str, object] = {"id": item.id, **item.shared, **item.text[unit.target]}
    if benchmark.labels and isinstance(label := row["label"], str):
        row["label"] = benchmark.labels.index(label)
    return row


def _absent(*_: Any) -> Any:
    """In the place of a piece that a benchmark does not have; `implementation` never gives one that has it."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """Everything that differs between benchmarks besides their declarations.

    `read(benchmark, root, unit, split)` gives the rows of the official files below `root`, `from_hub(benchmark, unit,
    split, records)` the same rows of the hub's records, with the rows left out by reason. Both raise MissingDataError
    for a unit that is not there, DataError for damage. `texts(unit, row)` are the row's texts that training data may
    not hold: what a model could learn by heart, but no names and dates, found everywhere. `sample` are invented items,
    `sample_row(benchmark, item, unit)` makes a row of one. `answer_rule` is the official way to compare a short answer
    with the right ones; None where the benchmark has none.
    """

    read: Callable[[Benchmark, Path, Unit, str], Read] = _absent
    from_hub: Callable[[Benchmark, Unit, str, Records], tuple[Sequence[Record], Dropped]] = _absent
    texts: Callable[[Unit, Row], Iterable[Text]] = _absent
    sample: Sequence[Item] = ()
    sample_row: Callable[[Benchmark, Item, Unit], Record] = in_one_language
    answer_rule: OfficialRule | None = None


PIECES = {
    "read": "the reader of its official files",
    "from_hub": "the converter of its hub records",
    "texts": "the texts that no training data may hold",
    "sample": "the invented items of its sample",
}


def implementation(key: str) -> Implementation:
    """The implementation of a declared benchmark. Raises DeclarationError naming what it lacks."""
    found, lacks = _defined(key), lacking(key)
    if found is None or lacks:
        raise DeclarationError(f"tasks/{key}: {'; '.join(lacks)}. See tasks/README.md.")
    return found


def expected(key: str, language: str) -> Expected:
    """What answers of a benchmark in `language` are held against. Raises DeclarationError as `implementation`."""
    return Expected(implementation(key).answer_rule, language)


def lacking(key: str) -> list[str]:
    """What a declared benchmark lacks of its code, and where that belongs; empty when all is there."""
    found, place = _defined(key), f"xling_bench/benchmarks/{key}.py"
    if found is None:
        return [f"lacks {place} with its IMPLEMENTATION: {', '.join(PIECES.values())}"]
    absent = [name for name in PIECES if getattr(found, name) in (_absent, ())]
    return [f"lacks {PIECES[name]} ({name} in {place})" for name in absent]


def _defined(key: str) -> Implementation | None:
    """What the benchmark's module defines; None where there is no such module, or one of another kind."""
    name = f"{__package__}.{key}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # something that the module itself imports
            raise
        return None
    except Exception as error:
        raise DeclarationError(f"xling_bench/benchmarks/{key}.py cannot be imported: {error!r}") from error
    found = getattr(module, "IMPLEMENTATION", None)
    return found if isinstance(found, Implementation) else None


def jsonl_beside(module: str) -> tuple[Item, ...]:
    """The items of `sample/<benchmark>.jsonl` beside the benchmark's module: {id, split, [label, ...], text}."""
    path = Path(module).parent / "sample" / f"{Path(module).stem}.jsonl"
    return tuple(_item(line) for _, line in read_jsonl(path, ("id", "split", "text")))


def _item(line: Record) -> Item:
    texts, own = record_in(line, "text"), ("id", "split", "text")
    shared = {name: value for name, value in line.items() if name not in own}
    return Item(text_in(line, "id"), text_in(line, "split"), {key: record_in(texts, key) for key in texts}, shared)


def texts_of(*fields: str, context: str = "") -> Callable[[Unit, Row], Iterator[Text]]:
    """`texts` of rows whose `fields` are in the unit's last language and whose `context` is in its first."""

    def texts(unit: Unit, row: Row) -> Iterator[Text]:
        yield from (Text(unit.target, text_in(row, name)) for name in fields)
        if context:
            yield Text(unit.source, text_in(row, context), context=True)

    return texts
