"""Texts of one language: out of files of their own, or the sides of pairs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from xling_bench.benchmarks.rows import rows_hash
from xling_bench.benchmarks.textfiles import locate, read_text
from xling_bench.core.errors import DataError
from xling_bench.training.corpora.data_config import DataConfig
from xling_bench.training.corpora.data_report import SourceReport
from xling_bench.training.corpora.instructions import shown
from xling_bench.training.corpora.pairs import Languages
from xling_bench.training.corpora.scripts import foreign
from xling_bench.training.corpora.sources import Texts
from xling_bench.training.corpora.texts import Pair, Text
from xling_bench.training.corpora.undamaged import undamaged

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")


def read_texts(source: Texts, root: Path, wanted: tuple[str, ...], seen: set[str]) -> tuple[list[Text], SourceReport]:
    """The source's texts in the languages `wanted`, in pieces, and its entry in the report. `seen` has the documents
    of sources before it, and gets these: repeated ones are left out and counted, as empty ones are.

    Raises DataError for a file without a text, or a source without a language that is wanted.
    """
    found: list[Text] = []
    files: dict[str, list[str]] = {}
    kept: dict[str, int] = {}
    repeated: dict[str, dict[str, int]] = {}
    scripts: dict[str, float] = {}
    for language, names in source.files.items():
        if language not in wanted:
            continue
        paths = [locate(root, [name]) for name in names]
        documents = list(islice(_documents(paths, source.document), source.limit))
        if not documents:
            raise DataError(f"{paths[0]}: expected texts in {language}, but every line is empty. Fetch it again.")
        files[language] = shown(paths, root)
        new = dict.fromkeys(document for document in documents if document not in seen)
        seen.update(new)
        if gone := len(documents) - len(new):
            repeated[language] = {"repeated text": gone}
        rows = [row for number, text in enumerate(new, 1) for row in _pieces(source, language, number, text)]
        kept[language] = len(rows)
        found += rows
        if (share := foreign(language, new)) is not None:
            scripts[language] = share
    if not files:
        raise DataError(f"{source.title}: it has {', '.join(source.files)}, none of them in `languages`")
    return found, {
        "source": source.title,
        "kind": source.kind,
        "files": files,
        "hash": rows_hash({"id": row.id, "language": row.language, "text": row.text} for row in found),
        "kept": kept,
        "dropped_in_reading": repeated,
        "foreign_script": scripts,
        "unmatched_ids": {},
    }


def sides(config: DataConfig, pairs: Mapping[Languages, Iterable[Pair]]) -> Iterator[Text]:
    """The sides of pairs that are texts, too, without those in the pivot (in pairwise pairing all): each once."""
    seen: set[tuple[str, str]] = set()
    for pair in (pair for rows in pairs.values() for pair in rows if pair.monolingual):
        for language, text in ((pair.source_language, pair.source), (pair.target_language, pair.target)):
            if (config.pairing == "pairwise" or language != config.pivot) and (language, text) not in seen:
                seen.add((language, text))
                yield Text(f"{pair.id}:{language}", text, language)


def _documents(paths: Iterable[Path], document: str) -> Iterator[str]:
    for path in paths:
        text = read_text(path)
        lines = undamaged(path, text.split("\n"))
        parts = lines if document == "line" else _BLANK_LINES.split(text)
        yield from (part.strip() for part in parts if part.strip())


def _pieces(source: Texts, language: str, number: int, text: str) -> Iterator[Text]:
    """A document, whole where it has at most `longest` characters: its pieces together are the document."""
    start, piece = 0, 0
    while start < len(text):
        end = start + source.longest
        if end < len(text):
            space = max(text.rfind(blank, start + 1, end + 1) for blank in " \n")
            end = space if space > start else end
        piece += 1
        name = f"{source.title}:{language}:{number}" + (f"/{piece}" if piece > 1 else "")
        yield Text(name, text[start:end], language, ends=end >= len(text))
        start = end
