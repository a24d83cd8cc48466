"""Parallel sentences to measure a model in training on: none of them stands in a training text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xling_bench.core.errors import DataError, UsageError, XlingError
from xling_bench.data.source import Source, using
from xling_bench.represent.corpus import KNOWN, TEST_SPLITS, Corpus, read_corpus
from xling_bench.training.corpora.contamination import pieces, tokens
from xling_bench.training.corpora.word_pairs import Lexicons


@dataclass(frozen=True)
class HeldOut:
    """The sentences, and how many others were left out because training texts hold them, in one language or more.
    `lexicons`: words to measure on beside them, which nothing is compared with: any text holds them."""

    corpus: Corpus
    in_training: int
    lexicons: Lexicons | None = None


def read_sentences(name: str, languages: Sequence[str], *, pivot: str, source: Source, root: Path) -> Corpus:
    """What `alignment.sentences` names, see `represent.corpus.read_corpus`; a file's path starts from `root`.

    Raises UsageError for a test split: a checkpoint chosen by it would make later scores on it worthless; and what
    `read_corpus` raises.
    """
    if name in TEST_SPLITS:
        development = next(known for known in KNOWN if known.startswith(f"{name}-"))
        raise UsageError(
            f"alignment.sentences: {name} is a test split, and choosing a checkpoint on it would make every later "
            f"score of it worthless. Give {development}, or sentences of your own."
        )
    try:
        with using(source):
            return read_corpus(name if name in KNOWN else str(root / name), languages, pivot=pivot)
    except XlingError as error:
        raise type(error)(f"alignment.sentences: {str(error).removeprefix('--pairs ')}") from error


def held_out(corpus: Corpus, texts: Iterable[str], *, limit: int, words: int) -> HeldOut:
    """The corpus' first `limit` sentences of which no language's version is one of the training `texts`, or shares a
    piece of `words` words with one (as benchmarks' test splits are compared, `contamination`).

    Training is what it is without: nothing is taken out of it. Raises DataError where fewer than 2 sentences of a pair
    are left.
    """
    gone = _seen(corpus.sides, texts, words)
    groups = [set(corpus.sides)] if corpus.shared else [set(sides) for sides in corpus.pairs.values()]
    sides, count = {}, 0
    for group in groups:
        seen = set[int]().union(*(gone[side] for side in group))
        count += len(seen)
        for side in group:
            sides[side] = tuple(text for row, text in enumerate(corpus.sides[side]) if row not in seen)[:limit]
    for pair, (one, _) in corpus.pairs.items():
        if len(sides[one]) < 2:
            raise DataError(f"alignment.sentences: of {corpus.name}'s {len(corpus.sides[one])} sentences in {pair}, "
                            f"training texts hold all but {len(sides[one])}; name others.")  # fmt: skip
    return HeldOut(replace(corpus, sides={name: sides[name] for name in corpus.sides}), count)


def _seen(sides: Mapping[str, Sequence[str]], texts: Iterable[str], words: int) -> dict[str, set[int]]:
    """Each side's rows that stand in some of the texts."""
    places: dict[str, list[tuple[str, int]]] = {}
    for side, own in sides.items():
        for row, text in enumerate(own):
            for part in _parts(text, words):
                places.setdefault(part, []).append((side, row))
    gone: dict[str, set[int]] = {side: set() for side in sides}
    for text in set(texts):
        for part in _parts(text, words):
            for side, row in places.get(part, ()):
                gone[side].add(row)
    return gone


def _parts(text: str, words: int) -> list[str]:
    """A text as a whole, and its pieces; nothing of one without a word."""
    found = tokens(text)
    return [" ".join(found), *pieces(found, words)] if found else []
