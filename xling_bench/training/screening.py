"""All rows of a run through the model's tokenizer before the first update: which of them teach nothing, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from xling_bench.core.errors import DataError
from xling_bench.training.amounts import sizes_of
from xling_bench.training.corpora.streams import InstructionStream, Learnable, PairStream
from xling_bench.training.corpora.texts import Instruction, Pair, Text
from xling_bench.training.corpora.unlearnable import Row, Unlearnable, row_of
from xling_bench.training.recipe import Recipe

if TYPE_CHECKING:
    from xling_bench.training.batches import Sample

T = TypeVar("T")
BATCH = 1000  # rows that the tokenizer is given at once
HEAD = 16  # characters of a text that are looked at first: one token is enough
MARGIN = 16  # tokens by which prompts of one row may differ: the names of languages in them
NOTHING, SPECIAL, FULL = "no token", "special tokens only", "the prompt fills run.length"


class Screening:
    """Says which rows cannot be learnt: a sentence without a token that counts in its vector; a prompt that leaves no
    room for the response in `run.length`; a response that adds no token to its prompt.

    What is drawn follows from the rows that are left. A few rows take the exact way of `Examples.sample`, most are
    seen to fit: of 100,000 rows, seconds.
    """

    def __init__(self, recipe: Recipe, tokenizer: Any, processes: int) -> None:
        from xling_bench.training.examples import Examples

        self.tokenizer, self.sizes = tokenizer, sizes_of(recipe, processes)
        self.examples = Examples(tokenizer, None, None, replace(self.sizes, ends=False), 1, packs=False)
        self.special, self.marks = set(tokenizer.all_special_ids), tokenizer.all_special_tokens

    def __call__(self, pairs: PairStream | None, instructions: InstructionStream | None) -> Unlearnable:
        """Of the streams that the recipe draws from."""
        found = Unlearnable()
        if pairs is not None and self.sizes.pairs:
            bad = self._sentences(dict.fromkeys(text for pair in pairs.rows for text in (pair.source, pair.target)))
            for pair in pairs.rows if bad else ():
                for text, language in ((pair.source, pair.source_language), (pair.target, pair.target_language)):
                    if text in bad:
                        found.pairs.setdefault(row_of(pair), (bad[text], language))
        if instructions is not None and self.sizes.instructions:
            for rows in _batches(instructions.rows, len(instructions), "instructions"):
                self._instructions([(row, list(instructions.possible(row))) for row in rows], found)
        return found

    def _sentences(self, texts: dict[str, None]) -> dict[str, str]:
        """{text that has no vector: why}."""
        bad, longest = {}, self.sizes.pair_length
        for batch in _batches(texts, len(texts), "sentences"):
            heads = self.tokenizer([text[:HEAD] for text in batch], verbose=False)["input_ids"]
            for text, head in zip(batch, heads, strict=True):
                cut = any(token in text for token in self.marks)  # one, perhaps, in two
                if cut or not self._counts(head[:longest]):
                    ids = self.tokenizer(text, verbose=False)["input_ids"][:longest]
                    if not self._counts(ids):
                        bad[text] = SPECIAL if ids else NOTHING
        return bad

    def _counts(self, ids: Sequence[int]) -> bool:
        return any(token not in self.special for token in ids)

    def _instructions(self, rows: Sequence[tuple[Any, list[Instruction]]], found: Unlearnable) -> None:
        """Note the rows of which something that may be drawn cannot be learnt."""
        doubtful = [each for each in rows if not self._short(each[1])]
        if doubtful:
            longest = [max((each.prompt for each in drawn), key=len) for _, drawn in doubtful]
            counts = map(len, self.tokenizer(longest, verbose=False)["input_ids"])
            fitting = [count + MARGIN < self.sizes.length for count in counts]
            doubtful = [each for each, fits in zip(doubtful, fitting, strict=True) if not fits]
        silent = self._silent({_seam(each) for _, drawn in rows for each in drawn})
        exact = {id(row) for row, _ in doubtful}
        for row, drawn in rows:
            for each in drawn:
                if (id(row) in exact or _seam(each) in silent) and (why := self._why(each)):
                    _note(found, row, each, why)

    def _short(self, drawn: Iterable[Instruction]) -> bool:
        """Whether no prompt can fill the length: of a byte, normalised, hardly ever more than two tokens are made."""
        return all(2 * len(each.prompt.encode()) + MARGIN < self.sizes.length for each in drawn)

    def _silent(self, seams: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """The seams at which the response's beginning adds no token that can be learnt."""
        ordered = sorted(seams)
        whole = self.tokenizer([a + b for a, b in ordered], add_special_tokens=False, verbose=False)["input_ids"]
        ends = {a: self._ids(a) for a in {a for a, _ in ordered}}
        return {
            seam for seam, ids in zip(ordered, whole, strict=True)
            if _shared(ends[seam[0]], ids) >= len(ids) or len(ids) < 2
        }  # fmt: skip

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
        return found

    def _why(self, instruction: Any) -> str:
        """Why nothing of it can be learnt; empty where something can."""
        try:
            sample: Sample = self.examples.sample(instruction)
        except DataError:
            return NOTHING
        if sample.start < len(sample.ids):
            return ""
        if len(sample.ids) < self.sizes.length:
            return NOTHING
        return "" if self.sizes.rows == "glued" else FULL  # AFP's code keeps such rows


def _seam(instruction: Instruction) -> tuple[str, str]:
    """Where a response begins: the prompt's end and the response's beginning."""
    return instruction.prompt[-2:], instruction.response[:HEAD]


def _shared(a: Sequence[int], b: Sequence[int]) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _note(found: Unlearnable, row: Learnable, drawn: Instruction, why: str) -> None:
    """A prompt is its own language's fault, a silent response that of the language it is in."""
    language = drawn.source_language if why == FULL else drawn.response_language
    if isinstance(row, Text):
        found.texts.setdefault((row.id, row.language), (why, language))
    elif isinstance(row, Pair):
        found.translations.setdefault(row_of(row), (why, language))
    else:
        key: Row = (row[0].id, language)
        found.instructions.setdefault(key, (why, language))


def _batches(rows: Iterable[T], many: int, what: str) -> Iterator[list[T]]:
    """With a progress bar where it takes longer than some seconds, in a terminal."""
    remaining = iter(rows)
    with tqdm(total=many, desc=f"looking at {what}", unit="row", unit_scale=True, disable=None, delay=3) as bar:
        while batch := list(islice(remaining, BATCH)):
            yield batch
            bar.update(len(batch))
