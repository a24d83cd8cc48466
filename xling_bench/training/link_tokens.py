"""A dictionary's links between words, in characters, as places of a tokenizer's tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import torch

from xling_bench.core.errors import UnsupportedModelError
from xling_bench.training.batches import Tokens
from xling_bench.training.corpora.word_links import Span


class Links(Protocol):
    """`corpora.word_links.Linker`."""

    def links(self, pair: Any) -> list[tuple[Span, Span]]:
        """Characters of the source, characters of the target."""


def link_tokens(tokenizer: Any, linker: Links, drawn: Sequence[Any], tokens: Tokens) -> torch.Tensor:
    """Links (K, 7) of the pairs `drawn`, of which `tokens` (2B, T) are made, see `Tokens`. A word is all tokens that
    have one of its characters; a link of which a token was cut off is left out.

    Raises UnsupportedModelError for a tokenizer that does not say where its tokens stand.
    """
    if not tokenizer.is_fast:
        raise UnsupportedModelError(
            "word_alignment: the model's tokenizer does not tell where its tokens stand in a text (it is not a fast "
            'one); set method.word_alignment_aligner = "argmax".'
        )
    mask = tokens.mask if tokens.mask is not None else tokens.counted
    found = []
    for row, pair in enumerate(drawn):
        if not (links := linker.links(pair)):
            continue
        sides = [
            (_offsets(tokenizer, text), int(mask[at].int().argmax()), int(mask[at].sum()))
            for text, at in ((pair.source, row), (pair.target, row + len(drawn)))
        ]
        for spans in links:
            places = [_places(span, *side) for span, side in zip(spans, sides, strict=True)]
            if places[0] and places[1]:
                one, other = (slice(*span) for span in spans)
                words = _hash(pair.source[one]), _hash(pair.target[other])
                found.append([row, *places[0], *places[1], *words])
    return torch.tensor(found, dtype=torch.long).reshape(-1, 7)


def _offsets(tokenizer: Any, text: str) -> list[Span]:
    return [(start, end) for start, end in tokenizer(text, return_offsets_mapping=True)["offset_mapping"]]


def _places(span: Span, offsets: list[Span], first: int, length: int) -> tuple[int, int] | None:
    """The first column of a word and the one beyond its last; None where a token of it was cut off or there is none."""
    own = [n for n, (start, end) in enumerate(offsets) if start < end and start < span[1] and end > span[0]]
    return (first + own[0], first + own[-1] + 1) if own and own[-1] < length else None


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.casefold().encode(), digest_size=8).digest(), "big", signed=True)
