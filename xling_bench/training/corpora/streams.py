"""stream[i] is the i-th pair or instruction: a function of data, configuration, seed and i, in whatever order asked.

The rows are in groups by language. An epoch has as many rows as there are, shared out to the groups by weight; within
its group a stream goes through all rows in a shuffled order before it comes to the first again. So without weights
every row comes once an epoch, and with them the rows of one language are used equally often (to within one).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, TypeVar

from xling_bench.core.errors import UsageError
from xling_bench.training.corpora.data_report import DataReport
from xling_bench.training.corpora.held_out import HeldOut
from xling_bench.training.corpora.mixing import Mixer
from xling_bench.training.corpora.order import chosen, key_of, mixed, permuted, quotas, uniform
from xling_bench.training.corpora.templates import Template
from xling_bench.training.corpora.texts import (
    Draft,
    Instruction,
    Pair,
    Task,
    Text,
    instruction_of,
    text_of,
    translation_of,
)

if TYPE_CHECKING:
    from xling_bench.training.corpora.word_links import Linker

T = TypeVar("T")  # a row
D = TypeVar("D")  # what is drawn


@dataclass(frozen=True)
class Group(Generic[T]):
    """Rows that are drawn alike, and their weight."""

    name: str
    rows: Sequence[T]
    weight: float


class Order(Generic[T]):
    """Which row is the i-th: (group name, row)."""

    def __init__(self, groups: Sequence[Group[T]], seed: int, use: str) -> None:
        self.groups = [group for group in groups if group.rows and group.weight > 0]
        self.size = sum(len(group.rows) for group in self.groups)
        self.shares = quotas([group.weight for group in self.groups], self.size) if self.groups else []
        self._ends = list(accumulate(self.shares))
        for group, share in zip(self.groups, self.shares, strict=True):
            if not share:
                raise UsageError(
                    f"weights: {group.name} is so light that none of an epoch's {self.size} rows would be of it. "
                    "Give it a larger weight, or leave the language out."
                )
        self._seed = seed
        self._use = use

    def __getitem__(self, i: int) -> tuple[str, T]:
        epoch, place = divmod(i, self.size)
        slot = permuted(place, self.size, key_of(self._seed, self._use, "epoch", epoch))
        number = bisect_right(self._ends, slot)
        group = self.groups[number]
        share = self.shares[number]
        lap, turn = divmod(epoch * share + slot - (self._ends[number] - share), len(group.rows))
        key = key_of(self._seed, self._use, group.name, lap)
        return group.name, group.rows[permuted(turn, len(group.rows), key)]


class _Stream(ABC, Generic[T, D]):
    """Draws by number out of an order of rows."""

    def __init__(self, groups: Sequence[Group[T]], seed: int, use: str) -> None:
        self._order = Order(groups, seed, use)

    @abstractmethod
    def __getitem__(self, i: int) -> D: ...

    def __len__(self) -> int:
        return self._order.size

    def __iter__(self) -> Iterator[D]:
        """The first epoch."""
        return (self[i] for i in range(len(self)))

    @property
    def rows(self) -> Iterator[T]:
        """What is drawn from, in no order that means anything."""
        return (row for group in self._order.groups for row in group.rows)

    @property
    def rates(self) -> dict[str, float]:
        """{group of rows: how often each of them comes in an epoch}; 1 for all without weights."""
        shared = zip(self._order.groups, self._order.shares, strict=True)
        return {group.name: share / len(group.rows) for group, share in shared}


class PairStream(_Stream[Pair, Pair]):
    """Translation pairs. `len` is an epoch; `stream[i]` goes on without end, each epoch in another order."""

    def __init__(self, groups: Sequence[Group[Pair]], *, seed: int) -> None:
        super().__init__(groups, seed, "pairs")
        self._turn = key_of(seed, "pairs", "turn")

    def __getitem__(self, i: int) -> Pair:
        _, pair = self._order[_index(i)]
        return pair.turned() if uniform(self._turn, i) < pair.reverse else pair


@dataclass(frozen=True)
class Shared:
    """One instruction in the languages that have it."""

    id: str
    tasks: Mapping[str, Task]

    @property
    def texts(self) -> Iterator[str]:
        """What is written in it, in all its languages."""
        return (text for _, text in self.named_texts)

    @property
    def named_texts(self) -> Iterator[tuple[str, str]]:
        """The same, each with its language before it."""
        return (
            (language, text) for language, task in self.tasks.items()
            for text in (task.instruction, task.input, task.output) if text
        )  # fmt: skip


@dataclass(frozen=True)
class Crossing:
    """How the response's language is drawn. `weights` as in the configuration; empty: all languages alike."""

    p_src: float
    pivot: str | None
    reverse: float
    weights: Mapping[str, float]

    def partners(self, shared: Shared, language: str) -> list[str]:
        """Languages an instruction in `language` may cross with: the pivot, of the pivot all others, or any other."""
        others = [key for key in shared.tasks if key != language]
        return [key for key in others if self.pivot in (None, language, key)]

    def possible(self, shared: Shared) -> tuple[Shared, list[str]]:
        """The instruction in the languages that it may be drawn in, and those it may not: where responses may cross, a
        language without a partner."""
        alone = []
        for language in list(shared.tasks) if self.p_src < 1 else []:
            if not self.partners(shared, language):
                alone.append(language)
                shared = Shared(shared.id, {key: task for key, task in shared.tasks.items() if key != language})
        return shared, alone


Learnable = tuple[Shared, str] | Pair | Text  # a row of the instruction stream


class InstructionStream(_Stream[Learnable, Instruction]):
    """Instructions, pairs as translation tasks, and texts. `len` is an epoch; `stream[i]` goes on without end.

    Each row of instructions is one in one language. With probability p_src its response is in that language. Else it is
    crossed with a partner: prompt in the pivot and response in the other language (or, in pairwise pairing, prompt in
    the row's language), and with probability `reverse` the other way round.
    """

    def __init__(
        self, groups: Sequence[Group[Learnable]], crossing: Crossing, template: Template, mixer: Mixer | None = None,
        *, seed: int,
    ) -> None:  # fmt: skip
        super().__init__(groups, seed, "instructions")
        self._crossing = crossing
        self._template = template
        self._mixer = mixer
        self._keys = {name: key_of(seed, "instructions", name) for name in ("stay", "partner", "turn", "template")}

    def __getitem__(self, i: int) -> Instruction:
        draft = self.draft(i)
        return draft.filled() if self._mixer is None else self._mixer.instruction(draft, i)

    def draft(self, i: int) -> Draft:
        """The i-th task before it is mixed and filled in its template."""
        _, row = self._order[_index(i)]
        number = uniform(self._keys["turn"], i)
        if isinstance(row, Text):
            return text_of(row)
        if isinstance(row, Pair):
            turned = row.turned() if number < row.reverse else row
            return translation_of(self._template, turned, mixed(self._keys["template"], i))
        shared, language = row
        asked, answered = self._languages(shared, language, i, turned=number < self._crossing.reverse)
        tasks = shared.tasks[asked], shared.tasks[answered]
        return instruction_of(self._template, shared.id, tasks[0], asked, tasks[1], answered)

    def possible(self, row: Learnable) -> Iterator[Instruction]:
        """Everything that may be drawn of a row with its prompt, or its source, in the row's language."""
        if isinstance(row, Text):
            yield text_of(row).filled()
        elif isinstance(row, Pair):
            for pair in (row, row.turned()) if row.reverse > 0 else (row,):
                for draw in range(max(1, len(self._template.translations))):
                    yield translation_of(self._template, pair, draw).filled()
        else:
            shared, asked = row
            crossed = self._crossing.partners(shared, asked) if self._crossing.p_src < 1 else []
            for answered in (asked, *crossed):
                tasks = shared.tasks[asked], shared.tasks[answered]
                yield instruction_of(self._template, shared.id, tasks[0], asked, tasks[1], answered).filled()

    def _languages(self, shared: Shared, language: str, i: int, *, turned: bool) -> tuple[str, str]:
        if uniform(self._keys["stay"], i) < self._crossing.p_src:
            return language, language
        partners = self._crossing.partners(shared, language)
        weights = [self._crossing.weights.get(partner, 1.0) for partner in partners]
        partner = partners[chosen(weights, uniform(self._keys["partner"], i))]
        asked, answered = (partner, language) if partner == self._crossing.pivot else (language, partner)
        return (answered, asked) if turned else (asked, answered)


@dataclass
class Streams:
    """What a run learns from. A stream is None where the configuration has nothing for it.

    `report` is plain data: `pairs` and `instructions` have an entry for each source (its files, the hash of its kept
    rows before overlaps and allocation take theirs, rows read, kept and dropped by reason, ids without a partner),
    `overlaps` what was compared, was not there, and was found, `languages` the rows that are in the streams.
    `held_out` are sentences to measure the model on, of which none of it holds one; `linker` links words of pairs.
    """

    pairs: PairStream | None
    instructions: InstructionStream | None
    report: DataReport
    held_out: HeldOut | None = None
    linker: Linker | None = None

    @property
    def texts(self) -> Iterator[str]:
        """Every text that may be learnt from, some of them several times."""
        for stream in (self.pairs, self.instructions):
            for row in () if stream is None else stream.rows:
                if isinstance(row, Text):
                    yield row.text
                else:
                    yield from (row.source, row.target) if isinstance(row, Pair) else row[0].texts


def _index(i: int) -> int:
    if i < 0:
        raise IndexError(f"A stream has no end to count from: expected an index of 0 or more, got {i}")
    return i
