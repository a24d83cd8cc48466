"""Token lists to tensors, such that no sample sees another.

Three layouts: rows padded to the longest (`padded`), batches of rows of like length for models that cannot pack
(`buckets`, then `padded`), several samples in one row, each with its own positions (`bins`, then `packed`). And one
in which they do see each other (`glued`), to reproduce AFP's code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy
import torch

from xling_bench.core.errors import DataError, TrainingError

Side = Literal["right", "left"]


@dataclass(frozen=True)
class Sample:
    """The tokens of a text, and the first that is to be learnt: 1 for causal LM, the prompt's length for instructions.

    The first token of a text cannot be predicted, so `start` is at least 1; `start == len(ids)` has nothing to learn.
    `also`: places before `start` that are learnt, too, ascending; 0 counts only where something stands before it.
    """

    ids: Sequence[int]
    start: int = 1
    also: Sequence[int] = ()

    def __post_init__(self) -> None:
        if not self.ids:
            raise DataError("A sample has no tokens; leave empty texts out.")
        if not 1 <= self.start <= len(self.ids):
            raise DataError(
                f"A sample of {len(self.ids)} tokens starts to be learnt at 1..{len(self.ids)}, not {self.start}."
            )


@dataclass(frozen=True)
class Tokens:
    """Rows of tokens, and where the head is needed. Made on the CPU, so that later nothing waits for an accelerator.

    ids         (N, T) int64
    positions   (N, T) int64, each sample's from 0; 0 at padding
    mask        (N, T) bool, False at padding; None for packed rows, whose positions say who sees whom
    counted     (N, T) bool, tokens that count in a sentence's vector
    places      (M,) ascending in the flattened (N * T): the state there predicts a token that is to be learnt
    targets     (M,) those tokens
    samples     how many there are
    texts       (N,) int64, a hash of each row's tokens, where rows are compared by them
    Of pairs, rows i and B + i of 2B, also:
    sentences   they themselves; empty where they are not known
    pivots      (B,) for each pair the row of its sentence in the pivot language; None: the first B
    links       (K, 7) words that translate each other, where they are asked for: the pair i; the word's first column in
                row i and the one beyond its last; the same in row B + i; a hash of either word
    """

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor | None
    counted: torch.Tensor
    places: torch.Tensor
    targets: torch.Tensor
    samples: int
    texts: torch.Tensor | None = None
    sentences: tuple[str, ...] = ()
    pivots: torch.Tensor | None = None
    links: torch.Tensor | None = None

    def linked(self) -> torch.Tensor:
        """The links, of which there may be none."""
        return self.ids.new_zeros(0, 7) if self.links is None else self.links

    def by_columns(self) -> Tokens:
        """The same with positions that count columns, padding too: what a model takes that is told of none."""
        return replace(self, positions=torch.arange(self.ids.shape[1]).expand_as(self.ids))

    def sides(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Of pairs, the rows (B,) in the pivot language and (B,) of their translations; where neither sentence of a
        pair is in it, the first counts as if it were."""
        if len(self.ids) % 2:
            raise DataError(f"Pairs are rows i and B + i of 2B, got {len(self.ids)} rows.")
        half = len(self.ids) // 2
        pivots = torch.arange(half, device=self.ids.device) if self.pivots is None else self.pivots
        return pivots, (pivots + half) % (2 * half)

    def taken(self, rows: torch.Tensor) -> Tokens:
        """These rows only, of which nothing is to be learnt. For rows of one sample each."""
        mask = None if self.mask is None else self.mask[rows]
        ids, positions, counted = self.ids[rows], self.positions[rows], self.counted[rows]
        places, targets = self.places[:0], self.targets[:0]
        texts = None if self.texts is None else self.texts[rows]
        sentences = tuple(self.sentences[row] for row in rows.tolist()) if self.sentences else ()
        return Tokens(ids, positions, mask, counted, places, targets, len(ids), texts, sentences)

    def to(self, device: torch.device | str) -> Tokens:
        """The same on a device."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True)
            for name, value in values.items()
            if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)

    def learnt(self) -> Tokens:
        """Itself, if any token is to be learnt; an error otherwise, where a mean over tokens would be 0 / 0."""
        if not len(self.places):
            raise TrainingError(
                f"None of the batch's {self.samples} samples has a token to learn: every response is empty or was cut "
                "off. Leave such samples out, or allow longer ones."
            )
        return self


def padded(samples: Sequence[Sample], *, side: Side = "right", pad: int = 0, skip: Sequence[int] = ()) -> Tokens:
    """A row for each sample, filled up to the longest. Tokens in `skip` (special ones) do not count in a vector."""
    if not samples:
        raise DataError("A batch needs at least one sample.")
    shape = len(samples), max(len(sample.ids) for sample in samples)
    starts = [0 if side == "right" else shape[1] - len(sample.ids) for sample in samples]
    rows = [[(start, sample)] for start, sample in zip(starts, samples, strict=True)]
    return _tokens(rows, shape[1], pad, skip, packed=False)


def packed(rows: Sequence[Sequence[Sample]], *, length: int | None = None, pad: int = 0) -> Tokens:
    """Several samples to a row, one after the other, rows filled up to `length` or to the longest.

    For models that keep samples apart by their positions (`Network.packs`); those of padding are 0, each by itself.
    """
    if not rows or not all(rows):
        raise DataError("A batch needs at least one sample in every row.")
    longest = max(sum(len(sample.ids) for sample in row) for row in rows)
    if length is not None and longest > length:
        raise DataError(f"Rows are {length} tokens long, but one holds samples of {longest}; cut or leave them out.")
    placed = []
    for row in rows:
        start, here = 0, []
        for sample in row:
            here.append((start, sample))
            start += len(sample.ids)
        placed.append(here)
    return _tokens(placed, length or longest, pad, (), packed=True)


def glued(samples: Sequence[Sample], length: int) -> Tokens:
    """Samples one after the other, cut into rows of `length`, as AFP's code does (src/train.py, `clm_tokens_block`).

    A row's tokens see all before them, of other samples too, and positions run through; what is over is dropped, unless
    it is all there is: then it is the one, shorter row. A row's first token is not learnt, and a row in which nothing
    else would be learns its last token. Only to reproduce that code.
    """
    if not samples:
        raise DataError("A batch needs at least one sample.")
    ids = torch.tensor([token for sample in samples for token in sample.ids])
    learnt = torch.tensor(
        [place >= sample.start or place in sample.also for sample in samples for place in range(len(sample.ids))]
    )
    if len(ids) >= length:
        kept = len(ids) // length * length
        ids, learnt = ids[:kept].view(-1, length), learnt[:kept].view(-1, length)
    else:
        ids, learnt = ids[None], learnt[None]
    learnt[~learnt[:, 1:].any(1), -1] = True
    learnt[:, 0] = False
    places = torch.nonzero(learnt.flatten()).squeeze(1)
    everywhere = torch.ones_like(ids, dtype=torch.bool)
    positions = torch.arange(ids.shape[1]).expand_as(ids)
    return Tokens(ids, positions, everywhere, everywhere, places - 1, ids.flatten()[places], len(samples))


def _tokens(
    rows: list[list[tuple[int, Sample]]], length: int, pad: int, skip: Sequence[int], *, packed: bool
) -> Tokens:
    ids = torch.full((len(rows), length), pad)
    positions, mask = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    places: list[int] = []
    targets: list[int] = []
    for number, row in enumerate(rows):
        for start, sample in row:
            size = len(sample.ids)
            ids[number, start : start + size] = torch.tensor(list(sample.ids))
            positions[number, start : start + size] = torch.arange(size)
            mask[number, start : start + size] = True
            learnt = [*(place for place in sample.also if place), *range(sample.start, size)]
            places += [number * length + start + place - 1 for place in learnt]
            targets += [sample.ids[place] for place in learnt]
    counted = mask & ~torch.isin(ids, torch.tensor(list(skip), dtype=ids.dtype))
    if not bool(counted.any(1).all()):
        raise DataError("A text consists of special tokens only, so it has no vector; leave it out.")
    return Tokens(
        ids,
        positions,
        None if packed else mask,
        counted,
        torch.tensor(places, dtype=torch.long),
        torch.tensor(targets, dtype=torch.long),
        sum(len(row) for row in rows),
    )


def pairs(
    anchors: Sequence[Sequence[int]], positives: Sequence[Sequence[int]], *, side: Side = "right", pad: int = 0,
    skip: Sequence[int] = (),
) -> Tokens:  # fmt: skip
    """B translation pairs as (2B, T), so that one forward pass takes both sides: rows i and B + i belong together.

    Texts are compared by a hash of their tokens, 64 bits, the same in every process: of a million different ones two
    have the same with 3e-8. What was cut off, or is unknown to the tokenizer, tells none apart: nor do their vectors.
    """
    if len(anchors) != len(positives):
        raise DataError(f"Pairs have two sides, got {len(anchors)} and {len(positives)} texts.")
    rows = padded([Sample(ids) for ids in (*anchors, *positives)], side=side, pad=pad, skip=skip)
    return replace(rows, texts=torch.tensor([_hash(ids) for ids in (*anchors, *positives)]))


def _hash(ids: Sequence[int]) -> int:
    digest = hashlib.blake2b(b" ".join(str(i).encode() for i in ids), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def buckets(lengths: Sequence[int], tokens: int, overhead: int = 0) -> list[list[int]]:
    """Indices of samples in batches of like length, each of at most `tokens` with padding; the longest come first.

    The division is the cheapest there is: padded tokens, plus `overhead` for each batch, what a pass through a model
    costs beside its tokens. A sample longer than `tokens` is an error. Every index occurs once; equal input gives equal
    batches. The time is that of samples squared: meant for the samples of one step.
    """
    _fits(lengths, tokens)
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    longest = numpy.array([lengths[i] for i in order], dtype=numpy.int64)
    cost, begin = numpy.zeros(len(order) + 1, dtype=numpy.int64), [0] * (len(order) + 1)  # of the first n, by n
    for n in range(1, len(order) + 1):
        starts = numpy.arange(n)
        padded_ = (n - starts) * longest[:n]  # of a batch from each start up to n
        totals = numpy.where(padded_ <= tokens, cost[:n] + padded_ + overhead, numpy.iinfo(numpy.int64).max)
        begin[n] = int(totals.argmin())
        cost[n] = totals[begin[n]]
    found: list[list[int]] = []
    end = len(order)
    while end:
        found.append(order[begin[end] : end])
        end = begin[end]
    return found[::-1]


def bins(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Indices of samples in rows of at most `tokens`: the longest first, each where it leaves least room (best fit).

    No two rows would fit into one. A sample longer than a row is an error. Every index occurs once. The time is that of
    samples times rows: meant for the samples of one step, not of a corpus.
    """
    _fits(lengths, tokens)
    found: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        fitting = [(free, row) for row, free in enumerate(room) if free >= lengths[index]]
        if fitting:
            row = min(fitting)[1]
            found[row].append(index)
            room[row] -= lengths[index]
        else:
            found.append([index])
            room.append(tokens - lengths[index])
    return found


def _fits(lengths: Sequence[int], tokens: int) -> None:
    if lengths and max(lengths) > tokens:
        raise DataError(f"A sample has {max(lengths)} tokens, but there is room for {tokens}; cut it or leave it out.")
