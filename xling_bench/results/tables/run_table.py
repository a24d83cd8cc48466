"""The runner's own table: one line per language, the headline metric, and the gap to English."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.languages import PIVOT
from xling_bench.core.text import markdown as escaped
from xling_bench.core.unit import is_pair
from xling_bench.metrics.registry import digits_of, is_within_language, remarks, scale_of, sign_of
from xling_bench.results.doubts import Counted, counts_of, sentences
from xling_bench.results.folder import result_files
from xling_bench.results.marks import CONTAMINATED, marked, sentence, title_of
from xling_bench.results.mixing import limited
from xling_bench.results.record import read_record
from xling_bench.results.seal import RESULTS
from xling_bench.results.tables.rendering import aligned
from xling_bench.results.tables.rendering import to_csv as csv_of


@dataclass(frozen=True, slots=True)
class Cell:
    """One number: the headline metric of one finished unit, in percent or (chrF++) points of 100.

    `truncated` and `ties` of its items lost their beginning or have several best candidates, None where nobody counted;
    `ids` is a hash of the scored items' ids, in order: equal where two languages were scored on the same items. `model`
    is the model's fingerprint; `provenance` and `learnt` are as in `results.schema`.
    """

    benchmark: str
    unit: str
    family: str
    shots: int
    seed: int
    demos: str
    metric: str
    value: float
    items: int
    truncated: int | None
    ties: int | None
    ids: str
    source: str
    model: str
    signature: str
    folder: Path
    provenance: str = "unknown"
    learnt: str = ""


def read_run(folder: Path, lost: list[str] | None = None) -> list[Cell]:
    """All finished units of a run, in path order; `lost` is told what is gone, damaged or was changed.

    Raises DataError for a folder without any result, and, without `lost`, for what is lost.
    """
    cells = [cell for path in result_files(folder, lost) if (cell := _cell(path, lost)) is not None]
    if not cells:
        raise DataError(f"{folder} holds no results (<task>/<shots>-<seed>-<demos>/results.json).")
    if len({cell.model for cell in cells}) > 1:
        raise DataError(f"{folder} holds results of several models (fingerprints in xling.facts.model); sort them out.")
    return cells


def _cell(path: Path, lost: list[str] | None) -> Cell | None:
    try:
        record = read_record(path)
        if record is None or record.facts is None:
            return None  # a run folder may hold other things
        metric = record.headline
        value = record.values.get(metric)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError(f"{path}: {metric} is {value!r:.40}, which is no number")
    except DataError as error:
        if lost is None:
            raise
        lost.append(str(error))
        return None
    return Cell(
        benchmark=record.benchmark,
        unit=str(record.unit),
        family=record.family,
        shots=record.shots,
        seed=record.seed,
        demos=record.demos,
        metric=metric,
        value=scale_of(metric) * value,
        items=record.items,
        **counts_of(record, metric),
        ids=record.facts.ids,
        source=record.source,
        model=record.fingerprint,
        signature=record.signature,
        folder=path.parent,
        provenance=record.standing.state,
        learnt=record.standing.counts,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line: the mean over seeds, and the gap to English (percentage points, English minus this).

    `same_items` is False where English was scored on other items (untranslated ones missing, or a benchmark that is
    not parallel): the gap then also holds the difference between the items. `counted` are its cells', one a seed.
    `learnt` are texts of its items that the model learnt, `learnt_gap` those that the gap's two numbers are of; empty
    where the number is not contaminated.
    """

    benchmark: str
    family: str
    shots: int
    demos: str
    metric: str
    unit: str
    value: float
    gap: float | None
    same_items: bool
    items: int
    seeds: int
    source: str
    counted: tuple[Counted, ...]
    signature: str
    learnt: str
    learnt_gap: str


def language_table(cells: Iterable[Cell], shown: Collection[Path] | None = None) -> list[Line]:
    """Cells averaged over seeds, by benchmark, shots and language; `shown` limits the lines to these result folders.

    The gap stands where English was scored in the same way, among the lines shown or not. Pairs have none: a
    translation into English and one out of it are different tasks.
    """
    groups: dict[tuple[str, str, int, str, str, str], list[Cell]] = {}
    for cell in cells:
        key = (cell.benchmark, cell.family, cell.shots, cell.demos, cell.metric, cell.unit)
        groups.setdefault(key, []).append(cell)
    lines = []
    for key, found in groups.items():
        if shown is not None and not any(cell.folder in shown for cell in found):
            continue
        english = groups.get((*key[:5], PIVOT))
        mean = fmean(cell.value for cell in found)
        gap = None
        if english and not is_pair(key[5]) and not is_within_language(key[4]):
            gap = sign_of(key[4]) * (fmean(cell.value for cell in english) - mean)
        same = english is None or {c.ids for c in english} == {c.ids for c in found}
        first = found[0]
        learnt = _learnt(found), "" if gap is None else _learnt([*found, *(english or [])])
        known = (first.source, _counts(found), first.signature, *learnt)
        lines.append(Line(*key, mean, gap, same, first.items, len(found), *known))
    return sorted(lines, key=lambda x: (x.benchmark, x.family, x.shots, x.demos, x.unit != PIVOT, x.unit))


def further_metrics(folders: Iterable[Path]) -> list[str]:
    """Metrics that these units have besides the headline, as they come; what cannot be read has none."""
    found: dict[str, None] = {}
    for folder in folders:
        try:
            record = read_record(folder / RESULTS, samples=False)
        except DataError:
            continue  # `read_run` has said so
        found |= dict.fromkeys(name for name in record.values if name != record.headline) if record else {}
    return list(found)


def _learnt(cells: Iterable[Cell]) -> str:
    return next((cell.learnt for cell in cells if cell.provenance == CONTAMINATED), "")


def _counts(cells: Iterable[Cell]) -> tuple[Counted, ...]:
    return tuple(
        Counted(
            f"{get_benchmark(c.benchmark).title} {c.metric}", f"{c.unit} {c.shots}-shot", c.items, c.truncated, c.ties
        )
        for c in sorted(cells, key=lambda cell: cell.seed)
    )


HEADER = ("benchmark", "family", "shots", "demos", "seeds", "metric", "language", "score", "gap to en", "items")


def _cells(line: Line) -> tuple[str, ...]:
    gap = "" if line.gap is None else f"{line.gap + 0.0:.1f}{'' if line.same_items else '*'}"
    gap = marked(gap, contaminated=bool(line.learnt_gap))
    seeds = str(line.seeds) if line.shots else "-"
    head = (get_benchmark(line.benchmark).title, line.family, str(line.shots), line.demos, seeds, line.metric)
    score = marked(f"{line.value:.{digits_of(line.metric)}f}", contaminated=bool(line.learnt))
    return (*head, line.unit, score, gap, str(line.items))


def markdown(lines: Sequence[Line]) -> str:
    """The table as Markdown, columns aligned so that it reads well in a terminal too."""
    rows = [HEADER, *map(_cells, lines)]
    notes = ["score: percent (chrf, bleu: points), mean over seeds. gap to en: English minus this; positive is behind."]
    notes += remarks(line.metric for line in lines)
    if any(line.gap is not None and not line.same_items for line in lines):
        notes.append("*: English was scored on other items, so the gap is not only one of language.")
    if legend := sentence((title_of(line.benchmark), line.learnt) for line in lines if line.learnt):
        notes.append(f"**{escaped(legend)}.**")
    notes += [f"{said}." for said in sentences(number for line in lines for number in line.counted)]
    if parts := limited((line.benchmark, line.signature) for line in lines):
        notes.append(f"Not the whole benchmarks (--limit): {parts}.")
    if any(line.source == "sample" for line in lines):
        notes.append("**Sample data: invented items that show how things work. These are not benchmark scores.**")
    return aligned(rows) + "\n" + "  \n".join(notes) + "\n"


def to_csv(cells: Iterable[Cell]) -> str:
    """Every number with its signature, one per line, values in full."""
    names = [name for name in Cell.__slots__ if name != "folder"]
    return csv_of([names, *([getattr(cell, name) for name in names] for cell in cells)])
