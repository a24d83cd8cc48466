"""Pairs out of files: aligned by line or by id, checked, and everything left out counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations, islice
from pathlib import Path

from xling_bench.benchmarks.rows import rows_hash
from xling_bench.benchmarks.textfiles import locate, read_lines
from xling_bench.core.errors import DataError
from xling_bench.training.corpora.data_config import DataConfig
from xling_bench.training.corpora.data_report import Dropped, PairRows, SourceReport, Unmatched
from xling_bench.training.corpora.instructions import read_tasks, shown
from xling_bench.training.corpora.scripts import foreign
from xling_bench.training.corpora.sources import Alpaca, Bactrian, Lines, Moses, PairSource, Tsv
from xling_bench.training.corpora.texts import Pair
from xling_bench.training.corpora.undamaged import undamaged

Languages = tuple[str, str]
Columns = dict[str, dict[str, str]]  # language -> row id -> text
EXAMPLES = 3


@dataclass
class Counts:
    """What became of the rows of one pair of languages: read = kept + all dropped."""

    read: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, number: int = 1) -> None:
        """Count rows as left out for a reason."""
        self.dropped[reason] = self.dropped.get(reason, 0) + number


def wanted_pairs(config: DataConfig) -> list[Languages]:
    """The pairs of languages a configuration asks for, the pivot first, else in the order of `languages`."""
    if config.pairing == "pivot":
        return [(config.pivot, key) for key in config.languages if key != config.pivot]
    return list(combinations(config.languages, 2))


def read_pairs(
    source: PairSource, root: Path, config: DataConfig, seen: set[tuple[str, ...]]
) -> tuple[dict[Languages, list[Pair]], SourceReport]:
    """The source's pairs, and its entry in the report. `seen` has the pairs of sources before it, and gets these.

    Rows that only one side has are left out and named; empty, identical and repeated ones are left out and counted.
    Raises DataError for files that are not aligned or give no pair of the languages asked for.
    """
    columns, files, dropped = _columns(source, root, config.languages)
    found: dict[Languages, list[Pair]] = {}
    counts: dict[str, PairRows] = {}
    unmatched: dict[str, Unmatched] = {}
    for first, last in wanted_pairs(config):
        if first in columns and last in columns:
            name = f"{first}-{last}"
            rows, tally = _paired(source, columns, (first, last), seen, config)
            found[first, last] = rows
            counts[name] = {"read": tally.read, "kept": tally.kept, "dropped": tally.dropped}
            unmatched |= unmatched_ids(columns, (first, last))
    if not found:
        raise DataError(
            f"{source.title}: it pairs {', '.join(_named(source))}, but {config.pairing!r} pairing of "
            f"{', '.join(config.languages)} (pivot {config.pivot}) has no such pair. Change `languages`, `pairing` or "
            "`pivot`, or leave the source out."
        )
    entry: SourceReport = {
        "source": source.title,
        "kind": source.kind,
        "files": files,
        "hash": rows_hash(_canonical(pair) for rows in found.values() for pair in rows),
        "rows": counts,
        "dropped_in_reading": dropped,
        "foreign_script": {
            key: share
            for key, texts in columns.items()
            if key in config.languages and (share := foreign(key, texts.values())) is not None
        },
        "unmatched_ids": unmatched,
    }
    return found, entry


def _named(source: PairSource) -> list[str]:
    return list(source.columns if isinstance(source, Tsv) else source.files)


def _canonical(pair: Pair) -> dict[str, str]:
    return {
        "id": pair.id,
        "source": pair.source,
        "target": pair.target,
        "source_language": pair.source_language,
        "target_language": pair.target_language,
    }


def _paired(
    source: PairSource, columns: Columns, pair: Languages, seen: set[tuple[str, ...]], config: DataConfig
) -> tuple[list[Pair], Counts]:
    first, last = pair
    reverse = config.reverse if source.reverse is None else source.reverse
    translation = config.translation if source.translation is None else source.translation
    monolingual = config.monolingual if source.monolingual is None else source.monolingual
    uses = translation and "translations" in config.uses, monolingual and "texts" in config.uses
    counts = Counts()
    kept = []
    shared = (key for key in columns[first] if key in columns[last])
    for number, key in enumerate(islice(shared, source.limit)):
        counts.read += 1
        texts = columns[first][key], columns[last][key]
        identity = (*pair, *texts)
        if not all(text.strip() for text in texts):
            counts.drop("empty side")
        elif texts[0] == texts[1]:
            counts.drop("identical sides")
        elif identity in seen:
            counts.drop("repeated pair")
        else:
            seen.add(identity)
            kept.append(Pair(f"{source.title}:{key}", *texts, *pair, reverse, *uses, number))
    counts.kept = len(kept)
    return kept, counts


def unmatched_ids(columns: Mapping[str, Mapping[str, object]], pair: Languages) -> dict[str, Unmatched]:
    """Ids that only one of two languages has: how many, and the first of them."""
    found: dict[str, Unmatched] = {}
    for here, there in (pair, pair[::-1]):
        alone = [key for key in columns[here] if key not in columns[there]]
        if alone:
            found[f"in {here}, not in {there}"] = {"count": len(alone), "first": alone[:EXAMPLES]}
    return found


def _columns(
    source: PairSource, root: Path, wanted: tuple[str, ...]
) -> tuple[Columns, dict[str, list[str]], Dropped | dict[str, Dropped]]:
    """Texts by language and row id, the files they came from, and rows left out on the way."""
    if isinstance(source, Tsv):
        return _tsv(source, root)
    if isinstance(source, Alpaca | Bactrian):
        tasks, files, dropped = read_tasks(source, root, wanted)
        texts = {
            language: {key: getattr(task, source.field) for key, task in rows.items()}
            for language, rows in tasks.items()
        }
        return texts, files, dropped
    return _aligned(source, root, wanted)


def _aligned(
    source: Moses | Lines, root: Path, wanted: tuple[str, ...]
) -> tuple[Columns, dict[str, list[str]], Dropped | dict[str, Dropped]]:
    columns: Columns = {}
    files: dict[str, list[str]] = {}
    for language, names in source.files.items():
        if language not in wanted:
            continue
        paths = [locate(root, [name]) for name in names]
        lines = [line for path in paths for line in undamaged(path, read_lines(path))]
        if not any(line.strip() for line in lines):
            raise DataError(f"{paths[0]}: expected sentences in {language}, but every line is empty. Fetch it again.")
        columns[language] = {str(number): line.strip() for number, line in enumerate(lines, start=1)}
        files[language] = shown(paths, root)
    check_counts(source.title, {language: len(lines) for language, lines in columns.items()}, "lines")
    return columns, files, {}


def check_counts(title: str, counts: dict[str, int], what: str) -> None:
    """Raise DataError unless all languages have as many rows."""
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{language} has {count}" for language, count in counts.items())
        raise DataError(
            f"{title}: the files should be aligned by their {what}, but {said}. Is one truncated, or from another "
            "version? Nothing is paired by guessing."
        )


def _tsv(source: Tsv, root: Path) -> tuple[Columns, dict[str, list[str]], Dropped]:
    path = locate(root, [source.file])
    lines = undamaged(path, read_lines(path))
    header = lines[0].split("\t") if source.header else None
    width = len(lines[0].split("\t"))
    places = {language: _place(path, column, header, width) for language, column in source.columns.items()}
    score = None if source.score is None else _place(path, source.score, header, width)
    columns: Columns = {language: {} for language in places}
    dropped: Dropped = {}
    for number, line in enumerate(lines, start=1):
        if source.header and number == 1:
            continue
        cells = line.split("\t")
        if len(cells) != width:
            raise DataError(f"{path}, line {number}: expected {width} tab-separated columns, got {len(cells)}")
        if score is not None and _number(cells[score], f"{path}, line {number}") < (source.least_score or 0.0):
            dropped["score too low"] = dropped.get("score too low", 0) + 1
            continue
        for language, place in places.items():
            columns[language][str(number)] = cells[place].strip()
    for language, texts in columns.items():
        if texts and not any(texts.values()):
            raise DataError(f"{path}: expected sentences in {language}, but its whole column is empty")
    if not any(columns.values()):
        raise DataError(f"{path}: no row reaches the score {source.least_score}" if dropped else f"{path}: no rows")
    return columns, {"all": shown([path], root)}, dropped


def _place(path: Path, column: int | str, header: list[str] | None, width: int) -> int:
    if isinstance(column, int):
        if column > width:
            raise DataError(f"{path}: column {column} was asked for, but line 1 has {width}")
        return column - 1
    if header is None or column not in header:
        raise DataError(f"{path}: no column {column!r}; the header has {', '.join(header or [])}")
    return header.index(column)


def _number(cell: str, where: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{where}: expected a finite number as score, got {cell!r:.40}")
    return number
