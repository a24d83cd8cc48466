"""Which demonstrations an item is shown: the policies, and the choice of each."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from xling_bench.catalog import Benchmark, Form, TaskSpec, get_benchmark
from xling_bench.core import languages
from xling_bench.core.errors import MissingDataError, UsageError
from xling_bench.core.row import Record, Row, text_in, texts_in
from xling_bench.data import Source
from xling_bench.data import load as load_rows

POLICIES = ("fixed", "aligned", "semantic", "afp")
MOST_SHOTS = 64
AFP_SHIPPED = ("pawsx",)  # benchmarks whose demonstrations AFP's published configuration names


@dataclass(frozen=True, slots=True)
class Demos:
    """How demonstrations are chosen.

    `fixed`: the first ones of the seeded order, the same for every item (AFP). `aligned`: the same, of the items that
    every language of a parallel benchmark has, so that all languages are shown translations of the same ones.
    `semantic`: for each item the nearest ones by mean-pooled states, nearest first (Tanwar et al. 2023, as AFP's
    Table 6 uses them), of the evaluated model or of `encoder` (a model folder or name). `afp`: those that AFP's
    published code takes by its published configuration, which is for PAWS-X: the first English development items,
    untranslated ones among them, after `random.seed(seed)` and `random.shuffle`, whatever the item's language.
    `language` is the demonstrations' (None: the item's own; semantic ones and AFP's are English).
    `aligner` puts Tanwar et al.'s sentence about the item's language after English demonstrations.
    """

    policy: str = "fixed"
    language: str | None = None
    encoder: str | None = None
    aligner: bool = False

    def check(self) -> Demos:
        """These demonstrations with the language's own key. Raises UsageError for what does not go together."""
        if self.policy not in POLICIES:
            raise UsageError(f"--demos {self.policy!r}: expected one of {', '.join(POLICIES)}")
        if self.encoder is not None and self.policy != "semantic":
            raise UsageError("--demo-encoder: only --demos semantic chooses demonstrations by an encoder")
        language = self.language or ("en" if self.policy in ("semantic", "afp") else None)
        key = languages.get(language).key if language else None
        if self.policy == "afp" and key != "en":
            raise UsageError(f"--demos afp --demo-lang {key}: AFP's demonstrations are English; leave --demo-lang out")
        if self.aligner and key != "en":
            raise UsageError("--aligner: its sentence is English; it needs English demonstrations (--demo-lang en)")
        return Demos(self.policy, key, self.encoder, self.aligner)

    @property
    def label(self) -> str:
        """In folders and tables: `same`, `en`, `aligned-sw`, `semantic-en`, `semantic-en-aligner`, `afp-en`."""
        name = [] if self.policy == "fixed" else [self.policy]
        parts = [*name, *([self.language] if self.language else []), *(["aligner"] if self.aligner else [])]
        return "-".join(parts) or "same"

    def source(self, source: Source) -> Source:
        """Where demonstrations come from when items come from `source`: AFP's code drops no row."""
        return replace(source, ns="keep") if self.policy == "afp" else source

    def order(self, benchmark: Benchmark, split: str, rows: Sequence[Row], seed: int, source: Source) -> list[Row]:
        """`rows`, the demonstrations' split, in the order in which they are shown. Raises UsageError where this
        policy has no meaning for the benchmark."""
        if self.policy == "afp":
            if benchmark.key not in AFP_SHIPPED:
                raise UsageError(
                    f"--demos afp: AFP's published configuration names demonstrations for "
                    f"{', '.join(get_benchmark(key).title for key in AFP_SHIPPED)} only, not for {benchmark.title}; "
                    "use --demos fixed --demo-lang en, which are English, too, but other items."
                )
            shuffled = list(rows)
            random.Random(seed).shuffle(shuffled)  # noqa: S311  # what random.seed(seed); random.shuffle(list) does
            return shuffled
        order = sorted(rows, key=lambda row: demo_rank(text_in(row, "id"), seed))
        if self.policy == "aligned":
            common = aligned_ids(benchmark, split, source)
            order = [row for row in order if row["id"] in common]
        return order


FIXED = Demos()


def demo_rank(item: str, seed: int) -> str:
    """Sort key of an item in the seeded order of demonstrations.

    A hash of seed and id, so that all languages of a parallel benchmark get the same items even where one lacks some.
    """
    return hashlib.sha256(f"{seed}:{item}".encode()).hexdigest()


def aligned_ids(benchmark: Benchmark, split: str, source: Source) -> frozenset[str]:
    """Ids of the items that every language with data has. Raises UsageError for a benchmark that is not parallel."""
    if not benchmark.parallel or benchmark.pairs is not None:
        raise UsageError(
            f"--demos aligned: {benchmark.title} does not have the same items in all its languages; use --demos fixed."
        )
    return _common(benchmark.key, split, source)


@lru_cache(maxsize=8)
def _common(key: str, split: str, source: Source) -> frozenset[str]:
    benchmark, found = get_benchmark(key), list[frozenset[str]]()
    for unit in benchmark.languages:
        try:
            found.append(frozenset(text_in(row, "id") for row in load_rows(benchmark, unit, split, source).rows))
        except MissingDataError:
            continue  # a language that nobody can evaluate here
    common = frozenset.intersection(*found) if found else frozenset[str]()
    if not common:
        raise UsageError(f"--demos aligned: no item of {benchmark.title} is there in all languages; use --demos fixed.")
    return common


def forget() -> None:
    """Drop what was kept of earlier runs' files."""
    _common.cache_clear()


def aligner(spec: TaskSpec, form: Form, shown: Form, demo_unit: str) -> str:
    """The sentence between English demonstrations and an item in another language, after Tanwar et al. (2023).

    Where the item's labels have other words: "In German Yes means Ja, Also means Auch and No means Nein."
    Else: "The following post is in German." Empty where both languages are one.
    """
    if demo_unit == spec.unit:
        return ""
    name = spec.answer_language.name
    pairs = [f"{shown.labels[label]} means {word}" for label, word in form.labels.items()]
    if not pairs or shown.labels == form.labels:
        return f"The following post is in {name}."
    listed = f"{', '.join(pairs[:-1])} and {pairs[-1]}" if len(pairs) > 1 else pairs[0]
    return f"In {name} {listed}."


def choose_nearest(docs: Sequence[dict[str, object]], pool: Sequence[Record], n: int, embed: Any) -> None:
    """Give each of `docs` its `demo_ids`: the n items of `pool` nearest to it by cosine, nearest first, ties by order.

    An item is never its own demonstration, nor its translation's, nor that of one with its content (`twins`).
    `embed` maps texts to unit vectors, (N, D). Raises UsageError when the pool is too small.
    """
    import numpy as np

    most = 1 + max((len(twins_of(doc)) for doc in docs), default=0)
    if len(pool) < n + most:
        raise UsageError(f"{n} demonstrations asked for, but there are {len(pool)} to choose from: use fewer --shots.")
    near = embed([input_text(doc) for doc in pool])
    ids = np.array([doc["id"] for doc in pool])
    vectors = embed([input_text(doc) for doc in docs])
    for doc, vector in zip(docs, vectors, strict=True):
        likeness = near @ vector
        likeness[np.isin(ids, [text_in(doc, "id"), *twins_of(doc)])] = -np.inf
        doc["demo_ids"] = ids[np.argsort(-likeness, kind="stable")[:n]].tolist()


def twins_of(doc: Record) -> list[str]:
    """The ids of the demonstrations that have an item's content under another id."""
    return texts_in(doc, "twins") if "twins" in doc else []


def input_text(doc: Record) -> str:
    """What an item is compared by: its texts without the answer and without the prompt's words."""
    benchmark = get_benchmark(text_in(doc, "benchmark"))
    names = [name for name, kind in benchmark.fields.items() if kind == "text" and name != benchmark.gold]
    return " ".join(str(doc[name]) for name in names)
