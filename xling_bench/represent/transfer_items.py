"""Labelled items of a benchmark, the same ones in every language, as texts that a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from xling_bench.catalog.benchmark import Benchmark, benchmarks
from xling_bench.core.errors import DataError, MissingDataError, UsageError, did_you_mean
from xling_bench.core.row import Row, index_in, text_in
from xling_bench.core.unit import Unit
from xling_bench.data.source import Loaded, explain, load
from xling_bench.represent.corpus import text_hash

TESTED = 500  # items in each language, where nothing else is asked for
SEED = 0
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Items:
    """Items in one language.

    `side` names their texts (`de.xnli-test`), which are read once each; `places` (N, F) says which of them an item's F
    fields are, one or two; `labels` (N,) are classes; `clusters` name what items share (XNLI's premise).
    """

    side: str
    texts: tuple[str, ...]
    places: Indices
    labels: Indices
    ids: tuple[str, ...]
    clusters: tuple[str, ...]


@dataclass(frozen=True)
class Transfer:
    """A benchmark's items for a head: `train` in the pivot language, of `split`; `tests` by language, the pivot's
    first. All of `tests` are the pivot's items, a language lacking those that are not translated."""

    benchmark: Benchmark
    pivot: str
    split: str
    origin: str
    train: Items
    tests: dict[str, Items]
    notes: tuple[str, ...] = ()

    @property
    def sides(self) -> dict[str, tuple[str, ...]]:
        """All texts by the names of their sides."""
        return {items.side: items.texts for items in (self.train, *self.tests.values())}

    @property
    def facts(self) -> dict[str, object]:
        """What a number depends on besides states and head."""
        whole = [self.train, *self.tests.values()]
        parts = [f"{text_hash(each.texts)} {each.places.tolist()} {each.labels.tolist()}" for each in whole]
        return {"benchmark": self.benchmark.key, "trained_on": f"{self.pivot} {self.split}", "origin": self.origin,
                "train_items": len(self.train.ids), "test_items": len(self.tests[self.pivot].ids),
                "selection_seed": SEED, "data": text_hash(parts)}  # fmt: skip


def transferable() -> dict[str, Benchmark]:
    """Benchmarks whose items have one or two texts, and classes that mean the same for all items and languages."""
    return {
        key: each for key, each in benchmarks().items()
        if each.labels and each.parallel and each.pairs is None and 1 <= len(_fields(each)) <= 2
    }  # fmt: skip


def read_transfer(key: str, pivot: str, others: Sequence[str], tested: int = TESTED) -> Transfer:
    """Up to `tested` test items in the pivot and in those of `others` that have them, and twice as many to train on.

    The head's items are of the train split where the source has one, else of the demonstrations' (XNLI's dev). Which
    items, a seed and their ids decide (`chosen`). Raises UsageError for a benchmark that has no such items or none of
    the languages, or for fewer than two items; MissingDataError where the pivot's are not there.
    """
    known = transferable()
    if key not in known:
        why = f" {benchmarks()[key].title} has no classes of its own." if key in benchmarks() else ""
        meant = "" if why else did_you_mean(key, known)
        raise UsageError(f"--transfer {key!r}:{why}{meant} Expected some of {', '.join(known)}.")
    if tested < 2:
        raise UsageError(f"--transfer-limit {tested}: expected 2 items or more")
    benchmark = known[key]
    try:
        split, trained = _training(benchmark, pivot)
        whole = load(benchmark, Unit(pivot), benchmark.test_split)
    except MissingDataError as error:
        raise explain(benchmark, error) from error
    rows = chosen(whole.rows, tested)
    tests = {pivot: _items(benchmark, pivot, benchmark.test_split, rows, whole)}
    absent: list[str] = []
    for language in others:
        try:
            there = {row["id"]: row for row in _load(benchmark, language).rows}
        except MissingDataError:
            absent.append(language)
            continue
        own = [there[row["id"]] for row in rows if row["id"] in there]
        if not own:
            raise DataError(f"--transfer {key}: {language} has none of the items that {pivot} has")
        tests[language] = _items(benchmark, language, benchmark.test_split, own, whole)
    if len(tests) == 1:
        raise UsageError(f"--transfer {key}: {benchmark.title} has items in none of {', '.join(others)} here; leave it "
                         "out, or name more with --langs.")  # fmt: skip
    train = _items(benchmark, pivot, split, chosen(trained.rows, 2 * tested), trained)
    if len(set(train.labels.tolist())) < 2 or len(set(train.clusters)) < 2:
        raise DataError(f"{benchmark.title} {pivot} {split} ({trained.origin}): all items are of one class, or share "
                        "one text; a head learns nothing from them.")  # fmt: skip
    notes = [f"transfer {key}: the head learns from {len(train.ids)} items of {pivot} {split}, and is tested on "
             f"{len(rows)} of {benchmark.test_split}"]  # fmt: skip
    if absent:
        notes.append(f"transfer {key}: no items in {', '.join(absent)}, left out")
    return Transfer(benchmark, pivot, split, trained.origin, train, tests, tuple(notes))


def chosen(rows: Sequence[Row], count: int) -> list[Row]:
    """Up to `count` rows, each class with its share of all: files may be sorted by class (SIB-200's are).

    In the order in which they are taken: fewer are the first of more.
    """
    by_class: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: sha256(f"{SEED}:{row['id']}".encode()).hexdigest()):
        by_class.setdefault(index_in(row, "label"), []).append(row)
    ranked = [((place + 0.5) / len(own), label, row)
              for label, own in by_class.items() for place, row in enumerate(own)]  # fmt: skip
    return [row for *_, row in sorted(ranked, key=lambda each: each[:2])[:count]]


def _training(benchmark: Benchmark, pivot: str) -> tuple[str, Loaded]:
    try:
        return "train", load(benchmark, Unit(pivot), "train")
    except MissingDataError:
        return benchmark.demo_split, load(benchmark, Unit(pivot), benchmark.demo_split)


def _load(benchmark: Benchmark, language: str) -> Loaded:
    if language not in benchmark.languages:
        raise MissingDataError(f"{benchmark.title} has no {language}")
    return load(benchmark, Unit(language), benchmark.test_split)


def _items(benchmark: Benchmark, language: str, split: str, rows: Sequence[Row], whole: Loaded) -> Items:
    fields = _fields(benchmark)
    texts = {text: 0 for row in rows for text in (text_in(row, name) for name in fields)}
    texts = {text: place for place, text in enumerate(texts)}
    ids = tuple(text_in(row, "id") for row in rows)
    return Items(
        side=f"{language}.{benchmark.key}-{split}",
        texts=tuple(texts),
        places=np.array([[texts[text_in(row, name)] for name in fields] for row in rows]),
        labels=np.array([index_in(row, "label") for row in rows]),
        ids=ids,
        clusters=tuple(whole.clusters[item] for item in ids),
    )


def _fields(benchmark: Benchmark) -> list[str]:
    """An item's texts, in the declaration's order."""
    return [name for name, kind in benchmark.fields.items() if kind == "text"]
