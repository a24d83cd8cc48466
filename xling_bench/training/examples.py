"""Texts to the batches of a run: item i of the data set is what one process learns from in its i-th batch.

Random access by number, so that a run that goes on after a kill sees exactly the batches it would have seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import torch

from xling_bench.core.errors import DataError
from xling_bench.training.batches import Sample, Side, Tokens, bins, buckets, glued, packed, padded, pairs
from xling_bench.training.link_tokens import link_tokens
from xling_bench.training.losses import Learn, Need

# What a pass through a model costs beside its tokens, in tokens of forward and backward. Measured on a CPU: 40 and 75,
# of XGLM's shape at widths 256 and 1,024 (BENCHMARKS.md). Of accelerators an estimate: thousands of kernels start.
OVERHEAD, OVERHEAD_ON_DEVICE = 64, 1024
ROOM = 16  # rows of `length` in padded tokens that one pass may hold
FAR, TRIES = 10**12, 100  # a draw that cannot be learnt from gives way to one so far on, where no run comes


class Pair(Protocol):
    """Two sentences that translate each other."""

    source: str
    target: str


@dataclass
class Sentences:
    """A pair by its texts."""

    source: str
    target: str


class Instruction(Protocol):
    """A prompt, which ends where its response begins, and the response; of a text that is learnt whole it is empty.

    `ends`: whether the model may stop after the response.
    """

    prompt: str
    response: str
    ends: bool


class Stream(Protocol):
    """Endless draws, a function of their number."""

    def __getitem__(self, index: int) -> Any: ...


@dataclass(frozen=True)
class Sizes:
    """What one process takes per update: `parts` times `pairs` pairs and `instructions` instructions, part by part
    (gradient accumulation: negatives are those of a part). A recipe's sizes are an update's (`amounts`). `processes`
    learn together, and a part of all of them is what one process would take. Lengths are in tokens; longer texts are
    cut at their end.

    `learn`: `response` (instruction tuning), or `text`: every token of prompt and response (causal LM).
    `ends`: whether the model's end token is appended to a response and learnt, so that it knows when to stop.

    As AFP's code has it: `rows = "glued"` (see `batches.glued`), `label_special` (begin and end tokens are learnt in
    prompts, too), `padding = "tokenizer"` (pairs are padded on the tokenizer's side, and positions count padding).
    """

    pairs: int
    instructions: int
    parts: int = 1
    pair_length: int = 128
    length: int = 512
    learn: Learn = "response"
    ends: bool = True
    processes: int = 1
    rows: Literal["apart", "glued"] = "apart"
    label_special: bool = False
    padding: Literal["right", "tokenizer"] = "right"


@dataclass(frozen=True)
class Part:
    """What goes through the model at once: pairs, and instructions as rows of one or several widths."""

    pairs: Tokens | None
    instructions: list[Tokens]

    def to(self, device: torch.device | str) -> Part:
        """The same on a device."""
        moved = None if self.pairs is None else self.pairs.to(device)
        return Part(moved, [rows.to(device) for rows in self.instructions])

    def rows(self, need: Need) -> list[Tokens]:
        """What a loss that needs this learns from, see `Loss.__call__`; empty where none was drawn."""
        if need == "instructions":
            return self.instructions
        return [] if self.pairs is None else [self.pairs]


Batch = list[Part]  # one update of one process


class Examples(torch.utils.data.Dataset[Batch]):
    """`count` updates' batches, by number."""

    def __init__(
        self, tokenizer: Any, pair_stream: Stream | None, instruction_stream: Stream | None, sizes: Sizes, count: int,
        *, packs: bool, overhead: int = OVERHEAD, pivot: str | None = None,
        linker: Any = None,
    ) -> None:  # fmt: skip
        """packs: whether the model keeps packed samples apart (`Network.packs`); else rows are padded in buckets, by
        `overhead` (see `buckets`). pivot: the language whose sentence of a pair `Tokens.pivots` names.
        linker: what links pairs' words (`corpora.word_links`); None where no loss asks for it.
        """
        self.overhead = overhead
        self.tokenizer, self.pair_stream, self.instruction_stream = tokenizer, pair_stream, instruction_stream
        self.sizes, self.count, self.packs = sizes, count, packs
        self.pivot, self.linker = pivot, linker
        self.pad = int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Batch:
        update, process = divmod(index, self.sizes.processes)
        first = update * self.sizes.parts
        return [self._part((first + part) * self.sizes.processes + process) for part in range(self.sizes.parts)]

    def _part(self, index: int) -> Part:
        sizes, first, rows = self.sizes, None, []
        if self.pair_stream is not None and sizes.pairs:
            first = self._pairs([self.pair_stream[index * sizes.pairs + n] for n in range(sizes.pairs)])
        if self.instruction_stream is not None and sizes.instructions:
            start = index * sizes.instructions
            rows = self._rows([self._learnt(self.instruction_stream, start + n) for n in range(sizes.instructions)])
        return Part(first, rows)

    def _pairs(self, drawn: Sequence[Pair]) -> Tokens:
        texts = [pair.source for pair in drawn] + [pair.target for pair in drawn]
        ids = [self._ids(text)[: self.sizes.pair_length] for text in texts]
        # Special tokens stand in every sentence and say nothing about it: they count in no vector.
        special = [i for i in self.tokenizer.all_special_ids if not all(token == i for row in ids for token in row)]
        side: Side = self.tokenizer.padding_side if self.sizes.padding == "tokenizer" else "right"
        tokens = pairs(ids[: len(drawn)], ids[len(drawn) :], side=side, pad=self.pad, skip=special)
        if self.sizes.padding == "tokenizer":
            tokens = tokens.by_columns()
        half = len(drawn)
        turned = [getattr(pair, "target_language", "") == self.pivot for pair in drawn]
        pivots = torch.tensor([half + n if other else n for n, other in enumerate(turned)])
        places, targets = tokens.places[:0], tokens.targets[:0]  # nothing is learnt from them
        links = None if self.linker is None else link_tokens(self.tokenizer, self.linker, drawn, tokens)
        return replace(tokens, places=places, targets=targets, sentences=tuple(texts), pivots=pivots, links=links)

    def pairs_of(self, texts: Sequence[str]) -> Tokens:
        """2B sentences, of which n and B + n translate each other, in this tokenizer's tokens: for a teacher."""
        half = len(texts) // 2
        return self._pairs([Sentences(*both) for both in zip(texts[:half], texts[half:], strict=True)])

    def _learnt(self, stream: Stream, index: int) -> Sample:
        """Draw number `index`, or, where its prompt alone fills `length`, another: a function of the number still.

        Where samples are glued, none gives way: a row may hold several.
        """
        if self.sizes.rows == "glued":
            return self.sample(stream[index], index)
        for turn in range(TRIES):
            sample = self.sample(stream[index + turn * FAR], index)
            if sample.start < len(sample.ids):
                return sample
        raise DataError(
            f"run.length: of {TRIES} instructions drawn, none leaves room for its response in {self.sizes.length} "
            "tokens; allow longer ones, or leave such instructions out."
        )

    def sample(self, instruction: Instruction, draw: int = 0) -> Sample:
        """Prompt and response as tokens. What is learnt begins with the first token that the prompt alone has not.

        Of a text without a prompt that is longer than `length` it is one of its equal pieces, by the draw's number.
        """
        prompt = self._ids(instruction.prompt) if instruction.prompt else []
        ids = self._ids(instruction.prompt + instruction.response)
        shared = min(len(prompt), len(ids))
        start = next((n for n in range(shared) if prompt[n] != ids[n]), shared)
        end = self.tokenizer.eos_token_id
        if self.sizes.ends and instruction.ends and end is not None and ids[-1] != end:
            ids = [*ids, int(end)]
        if not prompt:
            pieces = -(-len(ids) // self.sizes.length)
            ids = ids[len(ids) * (draw % pieces) // pieces : len(ids) * (draw % pieces + 1) // pieces]
        ids = ids[: self.sizes.length]
        start = 0 if self.sizes.learn == "text" else min(start, len(ids))
        special = {self.tokenizer.bos_token_id, self.tokenizer.eos_token_id} if self.sizes.label_special else set()
        first = max(1, start)
        return Sample(ids, first, tuple(n for n in range(first) if n >= start or ids[n] in special))

    def _rows(self, samples: list[Sample]) -> list[Tokens]:
        if self.sizes.rows == "glued":
            return [glued(samples, self.sizes.length)]
        lengths = [len(sample.ids) for sample in samples]
        if self.packs:
            rows = [[samples[i] for i in row] for row in bins(lengths, self.sizes.length)]
            return [packed(rows, pad=self.pad)]
        parts = buckets(lengths, ROOM * max(self.sizes.length, *lengths), self.overhead)
        return [padded([samples[i] for i in part], pad=self.pad) for part in parts]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text)["input_ids"]
        if not ids:
            raise DataError(f"The tokenizer makes no token of {text[:60]!r}; leave such texts out.")
        return ids


def one(batch: list[Batch]) -> Batch:
    """The data loader's collate function: an item is a whole batch already."""
    return batch[0]
