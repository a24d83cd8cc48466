"""The texts that are compared: sentences, and the same sentences in other languages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from xling_bench.benchmarks.textfiles import locate_any, read_lines, read_table
from xling_bench.catalog.benchmark import get_benchmark
from xling_bench.core import languages
from xling_bench.core.errors import DataError, MissingDataError, UsageError, did_you_mean
from xling_bench.core.row import text_in
from xling_bench.core.unit import Unit
from xling_bench.data.source import current_source, explain, load

KNOWN = ("flores", "flores-dev", "ntrex", "tatoeba")
TEST_SPLITS = ("flores",)  # of them: what models are scored on, too
PLACE = "{lang}"  # in the name of a FILE: one file a language
NTREX = ("parallel/ntrex128/", "NTREX-128/", "NTREX/NTREX-128/", "")
TATOEBA = ("parallel/tatoeba_laser_v1/", "data/tatoeba/v1/", "tatoeba/v1/", "tatoeba/", "")
OWN_CODES = {"ntrex": {"zh": ["zho-CN"], "ar": ["arb"]}, "tatoeba": {"zh": ["cmn"]}}  # beside ISO 639-3


@dataclass(frozen=True)
class Corpus:
    """Parallel texts.

    `sides` are texts by name, a language's key; where every pair has sentences of its own (Tatoeba) the pivot's are
    called `en.de`. `pairs` are the two names for each pair of pivot and language. `shared` says that all languages have
    the same sentences, which measures of more than two languages need.
    """

    name: str
    origin: str
    pivot: str
    sides: dict[str, tuple[str, ...]]
    pairs: dict[Unit, tuple[str, str]]
    shared: bool

    @property
    def hash(self) -> str:
        """Sixteen hex digits over the names and texts of all sides."""
        parts = [f"{name}\0{text_hash(texts)}" for name, texts in sorted(self.sides.items())]
        return sha256("\0".join(parts).encode()).hexdigest()[:16]


def languages_of(corpus: Corpus) -> list[str]:
    """The languages beside the pivot."""
    return [pair.target for pair in corpus.pairs]


def language_of(side: str) -> str:
    """The language of a side's texts: `en` of `en.de`, Tatoeba's English beside German, and of `en.xnli-test`."""
    return side.partition(".")[0]


def text_hash(texts: Iterable[str]) -> str:
    """Sixteen hex digits over texts in their order."""
    return sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_corpus(pairs: str, langs: Sequence[str], *, pivot: str = languages.PIVOT, limit: int | None = None) -> Corpus:
    """What `--pairs` names: `flores` (devtest, by the data source), `flores-dev`, `ntrex`, `tatoeba` (both below
    XLING_DATA_DIR), or files of one's own: a TSV whose header names languages, or a name with `{lang}` for files
    aligned by line.

    `langs` are codes of any kind, the pivot's may be left out; of a TSV none means all of its columns. `limit` takes
    the first sentences. Raises UsageError for fewer than two languages or an unknown one, DataError for files of
    unequal lengths or an empty text, MissingDataError where a language is not there.
    """
    if limit is not None and limit < 2:
        raise UsageError(f"--limit {limit}: expected 2 sentences or more")
    first = languages.get(pivot).key
    others = [key for key in dict.fromkeys(languages.get(code).key for code in langs) if key != first]
    if PLACE not in pairs and pairs not in KNOWN and not others:
        others = [key for key in _columns(Path(pairs)) if key != first]
    if not others:
        raise UsageError(f"--langs: one language has no translations; name one or more beside {first}, such as de,zh.")
    match pairs:
        case "flores" | "flores-dev":
            corpus = _flores(pairs, first, others)
        case "ntrex":
            corpus = _ntrex(first, others)
        case "tatoeba":
            corpus = _tatoeba(first, others)
        case _:
            corpus = _own_files(pairs, first, others)
    return _checked(corpus, limit)


def _checked(corpus: Corpus, limit: int | None) -> Corpus:
    for pair, (one, other) in corpus.pairs.items():
        counts = len(corpus.sides[one]), len(corpus.sides[other])
        if counts[0] != counts[1]:
            raise DataError(f"{corpus.origin}: {pair.source} has {counts[0]} sentences, {pair.target} {counts[1]}; "
                            "a pair needs the same number, line by line.")  # fmt: skip
    sides = {name: texts[:limit] for name, texts in corpus.sides.items()}
    for name, texts in sides.items():
        if empty := next((line for line, text in enumerate(texts, 1) if not text.strip()), None):
            raise DataError(f"{corpus.origin}: sentence {empty} of {name} is empty; it has no states.")
        if len(texts) < 2:
            raise DataError(f"{corpus.origin}: {name} has one sentence; expected 2 or more, to tell it from others.")
    return Corpus(corpus.name, corpus.origin, corpus.pivot, sides, corpus.pairs, corpus.shared)


def _parallel(name: str, origin: str, pivot: str, sides: dict[str, tuple[str, ...]]) -> Corpus:
    """One where all languages have the same sentences."""
    pairs = {Unit.of(pivot, key): (pivot, key) for key in sides if key != pivot}
    return Corpus(name, origin, pivot, sides, pairs, shared=True)


def _flores(name: str, pivot: str, others: list[str]) -> Corpus:
    benchmark, split = get_benchmark("flores"), "test" if name == "flores" else "dev"
    sides: dict[str, tuple[str, ...]] = {}
    origin = ""
    for key in others:
        try:
            found = load(benchmark, Unit.of(pivot, key), split)
        except MissingDataError as error:
            raise explain(benchmark, error) from error
        origin = origin or found.origin
        for language, side in ((pivot, "source"), (key, "target")):
            texts = tuple(text_in(row, side) for row in found.rows)
            if sides.setdefault(language, texts) != texts:
                raise DataError(f"{name}: {pivot} has other sentences beside {key} than beside {others[0]}.")
    return _parallel(name, origin, pivot, sides)


def _root(name: str) -> Path:
    source = current_source()
    if source.kind != "files" or source.root is None:
        raise UsageError(f"--pairs {name} is read from files: set XLING_DATA_DIR (or --data-dir) to their folder.")
    return source.root


def _codes(corpus: str, key: str) -> list[str]:
    language = languages.get(key)
    found = [*OWN_CODES[corpus].get(key, []), language.iso639_3, language.flores.partition("_")[0],
             *language.aliases, key]  # fmt: skip
    return [code for code in dict.fromkeys(found) if code]


def _ntrex(pivot: str, others: list[str]) -> Corpus:
    root, sides = _root("ntrex"), {}
    for key in (pivot, *others):
        names = ["newstest2019-src.eng.txt"] if key == "en" else []
        names += [f"newstest2019-ref.{code}.txt" for code in _codes("ntrex", key)]
        sides[key] = tuple(_lines(root, NTREX, names))
    return _parallel("ntrex", "NTREX-128", pivot, sides)


def _tatoeba(pivot: str, others: list[str]) -> Corpus:
    if pivot != "en":
        raise UsageError(f"--pairs tatoeba: its pairs are with English; --pivot {pivot} has none.")
    root = _root("tatoeba")
    sides: dict[str, tuple[str, ...]] = {}
    pairs = {}
    for key in others:
        pair, stems = Unit.of(pivot, key), {code: f"tatoeba.{code}-eng." for code in _codes("tatoeba", key)}
        ours, theirs = pairs[pair] = f"{pivot}.{key}", key
        sides[ours] = tuple(_lines(root, TATOEBA, [f"{stem}eng" for stem in stems.values()]))
        sides[theirs] = tuple(_lines(root, TATOEBA, [stem + code for code, stem in stems.items()]))
    return Corpus("tatoeba", "Tatoeba (LASER v1)", pivot, sides, pairs, shared=False)


def _lines(root: Path, folders: Sequence[str], names: Sequence[str]) -> list[str]:
    """The lines of the first file that is there, of `names` in `folders`."""
    path = locate_any(root, [folder + name for name in names for folder in folders])
    if path is None:
        raise MissingDataError(f"no file {' or '.join(names)} (plain or .gz) in {' or '.join(filter(None, folders))} "
                               f"below {root}")  # fmt: skip
    return read_lines(path)


def _columns(path: Path) -> dict[str, str]:
    """A TSV's columns by language key."""
    if not path.is_file():
        meant = did_you_mean(str(path), KNOWN)
        raise UsageError(f"--pairs {path}: no such file.{meant} Expected {', '.join(KNOWN)}, a TSV whose header names "
                         f"languages, or a name with {PLACE} for files aligned by line.")  # fmt: skip
    header = read_lines(path)[0].split("\t")
    found: dict[str, str] = {}
    for column in header:
        if (language := languages.lookup(column)) is not None:
            found.setdefault(language.key, column)
    return found


def _own_files(pairs: str, pivot: str, others: list[str]) -> Corpus:
    wanted = [pivot, *others]
    if PLACE in pairs:
        paths = {key: Path(pairs.replace(PLACE, key)) for key in wanted}
        if missing := next((path for path in paths.values() if not path.is_file()), None):
            raise MissingDataError(f"--pairs {pairs}: there is no file {missing}.")
        sides = {key: tuple(read_lines(path)) for key, path in paths.items()}
        return _parallel(os.path.basename(pairs), pairs, pivot, sides)  # noqa: PTH119 - a pattern, no path
    columns = _columns(Path(pairs))
    if lacking := next((key for key in wanted if key not in columns), None):
        raise MissingDataError(f"{pairs}: no column is {lacking}; its header names {', '.join(columns) or 'none'}.")
    rows = [row for _, row in read_table(Path(pairs), [columns[key] for key in wanted])]
    sides = {key: tuple(row[columns[key]] for row in rows) for key in wanted}
    for key, texts in sides.items():
        if not any(character.isalpha() for text in texts for character in text):
            name = languages.get(key).name
            raise DataError(f"{pairs}: the column {columns[key]!r} is taken for {name}, and holds no letter; name the "
                            "languages with --langs.")  # fmt: skip
    return _parallel(Path(pairs).name, pairs, pivot, sides)
