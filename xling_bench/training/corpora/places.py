"""Where a row stands: its file and line, so that a person can look at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xling_bench.benchmarks.textfiles import locate, read_lines
from xling_bench.training.corpora.instructions import rows_of, shown
from xling_bench.training.corpora.sources import Alpaca, Bactrian, InstructionSource, Lines, Moses, PairSource, Tsv

Source = PairSource | InstructionSource


def place_of(identifier: str, language: str, sources: Sequence[Source], root: Path) -> str:
    """`FILE, line 3` of the row that a pair or an instruction came from, in a language; files from `root` on.

    Files are read again for it: meant for a few rows. A row of no source here is called by its identifier.
    """
    named = [source for source in sources if identifier.startswith(f"{source.title}:")]
    if not named:
        return identifier
    source = max(named, key=lambda source: len(source.title))
    key = identifier.removeprefix(f"{source.title}:")
    if isinstance(source, Tsv):
        return f"{shown([locate(root, [source.file])], root)[0]}, line {key}"
    files = getattr(source, "files", {}).get(language, ())
    for path, here in _files(source, [locate(root, [name]) for name in files]):
        if (found := here.get(key)) is not None:
            return f"{shown([path], root)[0]}, {found}"
    return identifier


def _files(source: Source, paths: Sequence[Path]) -> Iterator[tuple[Path, dict[str, str]]]:
    """Of each file, where its rows are: {row's key: words}. Rows without an id are counted over all files."""
    before = 0
    for path in paths:
        if isinstance(source, Moses | Lines):
            words = [f"line {number}" for number in range(1, len(read_lines(path)) + 1)]
            keys = [str(before + number) for number in range(1, len(words) + 1)]
        elif isinstance(source, Alpaca | Bactrian):
            rows = rows_of(path)
            words = [where.removeprefix(f"{path}, ") for where, _ in rows]
            by_id = isinstance(source, Bactrian) or source.align == "id"
            keys = [str(row.get("id")) if by_id and isinstance(row, dict) else str(before + number)
                    for number, (_, row) in enumerate(rows, start=1)]  # fmt: skip
        else:
            return
        before += len(words)
        yield path, dict(zip(keys, words, strict=True))
