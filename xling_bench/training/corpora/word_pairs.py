"""Words to look for translations of while a model learns: what `alignment.words` names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from xling_bench.benchmarks.textfiles import locate_any
from xling_bench.core.errors import MissingDataError, UsageError
from xling_bench.core.unit import Unit
from xling_bench.dictionaries import Dictionary, inverted, read_file

XLING_EVAL = "xling-eval"  # Glavas et al. 2019: 2,000 pairs for each of 28 pairs of languages
PLACE = "{lang}"


@dataclass(frozen=True)
class Lexicon:
    """Words, all their translations, each once, and of each word the places of those that are its own."""

    words: tuple[str, ...]
    candidates: tuple[str, ...]
    right: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Lexicons:
    """By pair of languages, from the pivot; the languages that no file is there for, and the hash of all words."""

    pairs: dict[Unit, Lexicon]
    no_data: tuple[str, ...]
    hash: str


def read_lexicons(name: str, languages: Sequence[str], *, pivot: str, root: Path, limit: int) -> Lexicons:
    """The first `limit` words of each dictionary from the pivot: XLing-Eval's test words, or a file of pairs, pivot
    first, in whose name `{lang}` stands for a language; paths start from `root`.

    Raises MissingDataError where no language has a file, UsageError for a name without `{lang}`.
    """
    if name != XLING_EVAL and PLACE not in name:
        raise UsageError(f"alignment.words: expected {XLING_EVAL!r} or the name of a file with {PLACE}, got {name!r}.")
    pairs: dict[Unit, Lexicon] = {}
    missing = []
    digest = hashlib.sha256()
    for language in (key for key in languages if key != pivot):
        dictionary = _dictionary(name, root, pivot, language)
        if dictionary is None:
            missing.append(language)
            continue
        chosen = dict(islice(dictionary.items(), limit))
        candidates = tuple(dict.fromkeys(word for found in chosen.values() for word in found))
        place = {word: at for at, word in enumerate(candidates)}
        right = tuple(tuple(place[word] for word in found) for found in chosen.values())
        pairs[Unit.of(pivot, language)] = Lexicon(tuple(chosen), candidates, right)
        digest.update(repr((pivot, language, chosen)).encode())
    if not pairs:
        ours = "dictionaries/xling_eval/ (XLing-Eval: https://github.com/codogogo/xling-eval)"
        raise MissingDataError(f"alignment.words: no file for {', '.join(missing)} with {pivot} in "
                               f"{ours if name == XLING_EVAL else name} below {root}.")  # fmt: skip
    return Lexicons(pairs, tuple(missing), digest.hexdigest()[:16])


def _dictionary(name: str, root: Path, pivot: str, language: str) -> Dictionary | None:
    if name != XLING_EVAL:
        path = locate_any(root, [name.replace(PLACE, language)])
        return None if path is None else read_file(path)
    for one, other in ((pivot, language), (language, pivot)):
        folder = f"dictionaries/xling_eval/{one}-{other}"
        path = locate_any(root, [f"{folder}/yacle.test.freq.2k.{one}-{other}.tsv"])
        if path is not None:
            return read_file(path) if one == pivot else inverted(read_file(path))
    return None
