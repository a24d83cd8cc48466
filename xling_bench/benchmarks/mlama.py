"""mLAMA, factual knowledge: in whichever form is there, and its balanced versions BMLAMA53 / BMLAMA17."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from xling_bench.benchmarks.implementation import (
    Dropped,
    Implementation,
    Item,
    Read,
    Records,
    Text,
    in_one_language,
    jsonl_beside,
)
from xling_bench.benchmarks.textfiles import locate_any, read_lines, unquoted
from xling_bench.benchmarks.triples import Triple, mpararel, original, relation_rows
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError, MissingDataError, UsageError
from xling_bench.core.row import Record, Row, text_in, texts_in
from xling_bench.core.unit import Unit
from xling_bench.metrics.qa import SQUAD_1

MASK = "<mask>"


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The first of SOURCES that has the language, or the one the environment variable XLING_MLAMA names.

    Raises UsageError for another word there, MissingDataError where the language is not to be had.
    """
    chosen = os.environ.get("XLING_MLAMA", "")
    if chosen and chosen not in SOURCES:
        raise UsageError(
            f"XLING_MLAMA={chosen!r}: expected {', '.join(SOURCES)}, or leave it unset for the first there."
        )
    names = [chosen] if chosen else list(SOURCES)
    for name in names:
        if found := SOURCES[name](root, unit):
            return found
    looked = " nor ".join(FILES[name].format(unit=unit) for name in names)
    raise MissingDataError(f"no {looked} below {root}" + (f" (XLING_MLAMA={chosen})" if chosen else ""))


def _balanced(name: str, root: Path, unit: Unit) -> Read | None:
    """BMLAMA `<lang>.tsv`: prompt with `<mask>`, answer, candidates joined by ", ", subject; None without the file.

    Rows are parallel by line, and candidates by position: in the published files candidate i of a row is the
    translation of candidate i of the English row, the right answer is the last one, and no list repeats a name
    (BMLAMA17: 6792 rows in 17 languages; BMLAMA53: 3070 in 53, 34 of them with a single candidate).

    The relation is the English prompt with the subject taken out, since the file does not name it: 38 in BMLAMA17, 27
    in BMLAMA53. Raises MissingDataError without the English file, DataError where the two are not parallel.
    """
    folder = name.upper()
    path = locate_any(root, [f"mlama/{folder}/{unit}.tsv", f"{folder}/{unit}.tsv"])
    if path is None:
        return None
    lines = list(_lines(path))
    relations = _relations(path.parent)
    if len(lines) != len(relations):
        raise DataError(
            f"{path}: {len(lines)} rows, but en.tsv beside it has {len(relations)}; they should be parallel"
        )
    rows: list[Record] = []
    dropped: dict[str, int] = {}
    for (number, (prompt, answer, listed, subject)), relation in zip(lines, relations, strict=True):
        candidates = split_candidates(listed, answer)
        reason = "answer not among the candidates" if answer not in candidates else ""
        reason = reason or ("no single <mask>" if prompt.count(MASK) != 1 else "")
        if reason:
            dropped[reason] = dropped.get(reason, 0) + 1
            continue
        before, after = prompt.split(MASK)
        rows.append(
            {
                "id": f"{name}-{number - 1:05d}",
                "relation": relation,
                "subject": subject,
                "before": before,
                "after": after,
                "answer": answer,
                "candidates": candidates,
                "label": candidates.index(answer),
            }
        )
    return rows, str(path.relative_to(root)), dropped


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    # The header is skipped unread: BMLAMA17's Chinese one has five names for four columns.
    for number, line in enumerate(read_lines(path)[1:], start=2):
        cells = line.split("\t")
        if len(cells) != 4:
            raise DataError(f"{path}, line {number}: expected 4 tab-separated columns, got {len(cells)}")
        yield number, [unquoted(cell) for cell in cells]  # he, one row of ca


def _relations(folder: Path) -> list[str]:
    path = locate_any(folder, ["en.tsv"])
    if path is None:
        raise MissingDataError(f"no en.tsv in {folder}: BMLAMA's relations are read from its English prompts")
    relations = []
    for number, (prompt, _, _, subject) in _lines(path):
        if not subject or prompt.count(subject) != 1:
            raise DataError(f"{path}, line {number}: the subject {subject!r} should stand once in the prompt")
        relations.append(prompt.replace(subject, "[X]").replace(MASK, "[Y]"))
    return relations


def split_candidates(listed: str, answer: str) -> list[str]:
    """Split "a, b, c" at ", " but keep `answer` whole where it has a comma itself.

    A name that stands twice stays twice: leaving one out would shift the candidates against the other languages.
    """
    parts = listed.split(", ")
    answer_parts = answer.split(", ")
    n = len(answer_parts)
    for i in range(len(parts) - n + 1):
        if parts[i : i + n] == answer_parts:
            parts[i : i + n] = [answer]
            break
    return parts


# In order of preference; each returns None where its files lack the language.
SOURCES: dict[str, Callable[[Path, Unit], Read | None]] = {
    "mlama1.1": original,
    "bmlama53": partial(_balanced, "bmlama53"),
    "bmlama17": partial(_balanced, "bmlama17"),
    "mpararel": mpararel,
}
FILES = {
    "mlama1.1": "mlama1.1/{unit}/ (or in mlama1.1.zip)",
    "bmlama53": "BMLAMA53/{unit}.tsv",
    "bmlama17": "BMLAMA17/{unit}.tsv",
    "mpararel": "mpararel_reviewed/{unit}.tar.gz",
}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`cis-lmu/m_lama` has all languages in one configuration; relations about dates are skipped, see `triples`."""
    language = benchmark.codes.get(unit, unit)
    relations: dict[str, list[Record]] = {}
    for record in records(unit):
        if record["language"] == language and "date" not in (relation := text_in(record, "predicate_id")):
            relations.setdefault(relation, []).append(record)
    if not relations:
        raise MissingDataError(f"mLAMA on the hub has no rows with language {language!r}")
    dropped: Dropped = {}
    rows: list[Record] = []
    for relation, found in relations.items():
        rows += relation_rows(relation, text_in(found[0], "template"), map(Triple.of, found), [], dropped)
    return rows, dropped


def texts(unit: Unit, row: Row) -> Iterator[Text]:
    """The sentence with its answer; candidates are names, found everywhere."""
    yield Text(unit, text_in(row, "before") + text_in(row, "answer") + text_in(row, "after"))


def sample_row(benchmark: Benchmark, item: Item, unit: Unit) -> Record:
    """The sample's gap is `[MASK]`."""
    row = in_one_language(benchmark, item, unit)
    before, after = text_in(row, "sentence").split("[MASK]")
    del row["sentence"]
    label = texts_in(row, "candidates").index(text_in(row, "answer"))
    return row | {"before": before, "after": after, "label": label}


IMPLEMENTATION = Implementation(
    read=read,
    from_hub=from_hub,
    texts=texts,
    sample=jsonl_beside(__file__),
    sample_row=sample_row,
    answer_rule=SQUAD_1,
)
