"""From a configuration to streams and a report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from xling_bench.benchmarks.rows import rows_hash
from xling_bench.core.errors import DataError, UsageError
from xling_bench.data.source import Source, current_source
from xling_bench.training.corpora.data_config import DataConfig, caps
from xling_bench.training.corpora.data_report import (
    Allocated,
    Allocation,
    DataReport,
    LanguageRows,
    Lost,
    OverlapReport,
    SourceReport,
    Unmatched,
)
from xling_bench.training.corpora.evaluation import checker
from xling_bench.training.corpora.instructions import Tasks, read_tasks
from xling_bench.training.corpora.missing import check_there
from xling_bench.training.corpora.mix_report import mixer_of, mixing_report
from xling_bench.training.corpora.mixing import Mixer
from xling_bench.training.corpora.monolingual import read_texts, sides
from xling_bench.training.corpora.order import key_of, permuted
from xling_bench.training.corpora.overlaps import settle
from xling_bench.training.corpora.pairs import Languages, read_pairs, unmatched_ids, wanted_pairs
from xling_bench.training.corpora.scripts import foreign
from xling_bench.training.corpora.sources import InstructionSource
from xling_bench.training.corpora.streams import (
    Crossing,
    Group,
    InstructionStream,
    Learnable,
    PairStream,
    Shared,
    Streams,
)
from xling_bench.training.corpora.templates import Template, template
from xling_bench.training.corpora.texts import Pair, Text
from xling_bench.training.corpora.unlearnable import Screen, check_left

T = TypeVar("T")
Pairs = dict[Languages, list[Pair]]


def load(
    config: DataConfig, *, seed: int, root: Path | None = None, source: Source | None = None,
    screen: Screen | None = None,
) -> Streams:  # fmt: skip
    """Read, check and order the data of a run.

    `root` is the folder the configuration's paths start from (default: XLING_DATA_DIR), `source` where evaluation data
    come from (default: the environment's), `screen` says which rows the model cannot learn from: they are left out.
    Equal arguments and equal files give equal streams, on any machine.

    Raises DataError for files that are missing, misaligned or empty, languages without a row, and training texts that
    overlap with evaluation texts unless the configuration says what to do about them.
    """
    root = root or _root()
    compared = source or _source(config)
    check_there(config, root)
    mixer = mixer_of(config, root, seed)
    pairs, pair_entries = _pairs(config, root)
    shared, task_entries = _instructions(config, root)
    texts, text_entries = _texts(config, root)
    overlaps: OverlapReport = {"policy": "unchecked", "checked": {}, "missing": {}}
    allocation: Allocation = {}
    if config.decontaminate != ():
        check, what = checker(config, compared)
        pairs, shared, texts, found = settle(config, check, root, pairs, shared, texts)
        overlaps = {**what, **found}
    if config.allocation is not None:
        others = tuple(key for key in config.languages if key != config.pivot)
        capped = caps(config.allocation, others, root)
        pairs, allocation["allocation"] = _allocated(pairs, capped, seed)
    texts += sides(config, pairs)
    around = template(config.template)
    made = _streams(config, around, mixer, pairs, shared, texts, seed)
    lost: dict[str, dict[str, Lost]] = {}
    if screen is not None and (bad := screen(*made)):
        lost = bad.report([*config.pairs, *config.instructions], root)
        pairs, shared, texts = bad.without(pairs, shared, texts, _crossing(config))
        before, made = made, _streams(config, around, mixer, pairs, shared, texts, seed)
        for name, was, now in zip(("pairs", "instructions"), before, made, strict=True):
            check_left(was, now, name, lost)
    report: DataReport = {
        "seed": seed,
        "config": config.model_dump(mode="json"),
        "template": around.model_dump(mode="json"),
        "pairs": pair_entries,
        "instructions": task_entries,
        "texts": text_entries,
        "mixing": None if mixer is None or made[1] is None else mixing_report(config, root, mixer, made[1]),
        "links": {},
        "overlaps": overlaps,
        **allocation,
        "unlearnable": lost,
        "languages": _counts(config, pairs, shared, texts),
    }
    return Streams(*made, report)


def _streams(
    config: DataConfig, around: Template, mixer: Mixer | None, pairs: Pairs, shared: list[Shared], texts: list[Text],
    seed: int,
) -> tuple[PairStream | None, InstructionStream | None]:  # fmt: skip
    pair_groups = _pair_groups(config, pairs)
    groups = [*_task_groups(config, shared), *_translations(pair_groups), *_text_groups(config, texts)]
    return (
        PairStream(pair_groups, seed=seed) if any(pairs.values()) else None,
        InstructionStream(groups, _crossing(config), around, mixer, seed=seed) if groups else None,
    )


def _crossing(config: DataConfig) -> Crossing:
    return Crossing(config.p_src, config.pivot if config.pairing == "pivot" else None, config.reverse, config.weights)


def _root() -> Path:
    root = os.environ.get("XLING_DATA_DIR", "")
    if not root:
        raise UsageError("The data's paths start from a folder: give `root`, or set XLING_DATA_DIR.")
    if not Path(root).is_dir():
        raise UsageError(f"XLING_DATA_DIR={root}: no such folder.")
    return Path(root)


def _source(config: DataConfig) -> Source:
    """The environment's, where evaluation texts are; made-up ones are none to compare with."""
    source = current_source()
    if source.kind == "sample" and config.decontaminate != ():
        raise UsageError(
            "Training texts are compared with benchmarks' test splits, and the sample's (XLING_DATA=sample, --data "
            "sample) are made up. Unset it, or say `data.decontaminate = []` to train unchecked."
        )
    return source


def _pairs(config: DataConfig, root: Path) -> tuple[Pairs, list[SourceReport]]:
    pairs: Pairs = {languages: [] for languages in wanted_pairs(config)} if config.pairs else {}
    entries = []
    seen: set[tuple[str, ...]] = set()
    for source in config.pairs:
        found, entry = read_pairs(source, root, config, seen)
        entries.append(entry)
        for languages, rows in found.items():
            pairs[languages] += rows
    return pairs, entries


def _instructions(config: DataConfig, root: Path) -> tuple[list[Shared], list[SourceReport]]:
    shared: list[Shared] = []
    entries: list[SourceReport] = []
    wanted = config.instruction_languages
    for source in config.instructions if config.offers("instructions") else ():
        tasks, files, dropped = read_tasks(source, root, wanted)
        if not tasks:
            languages = f"`languages` ({', '.join(wanted)})"
            raise DataError(f"{source.title}: it has {', '.join(source.files)}, none of them in {languages}")
        rows, alone = _shared(source, tasks, config)
        unmatched: dict[str, Unmatched] = {}
        for first, last in wanted_pairs(config):
            if first in tasks and last in tasks:
                unmatched |= unmatched_ids(tasks, (first, last))
        shared += rows
        entries.append(
            {
                "source": source.title,
                "kind": source.kind,
                "files": files,
                "hash": rows_hash(
                    {"id": row.id, "language": key, **asdict(task)} for row in rows for key, task in row.tasks.items()
                ),
                "kept": {key: sum(key in row.tasks for row in rows) for key in tasks},
                "dropped_in_reading": dropped,
                "dropped_without_partner": alone,
                "foreign_script": {
                    key: share
                    for key, found in tasks.items()
                    if (share := foreign(key, (task.output for task in found.values()))) is not None
                },
                "unmatched_ids": unmatched,
            }
        )
    return shared, entries


def _texts(config: DataConfig, root: Path) -> tuple[list[Text], list[SourceReport]]:
    texts: list[Text] = []
    entries: list[SourceReport] = []
    seen: set[str] = set()
    for source in config.texts if "texts" in config.uses else ():
        found, entry = read_texts(source, root, config.languages, seen)
        texts += found
        entries.append(entry)
    return texts, entries


def _shared(source: InstructionSource, tasks: Tasks, config: DataConfig) -> tuple[list[Shared], dict[str, int]]:
    """Rows by id over languages. Where responses may cross, a language without a partner in a row is left out of it."""
    crossing = Crossing(config.p_src, config.pivot if config.pairing == "pivot" else None, 0.0, {})
    rows = []
    alone: dict[str, int] = {}
    ids = list(dict.fromkeys(key for found in tasks.values() for key in found))
    for key in ids[: source.limit]:
        row = Shared(f"{source.title}:{key}", {name: found[key] for name, found in tasks.items() if key in found})
        row, lonely = crossing.possible(row)
        for language in lonely:
            alone[language] = alone.get(language, 0) + 1
        if row.tasks:
            rows.append(row)
    if not rows:
        raise DataError(
            f"{source.title}: no row stands in two languages that may cross, but p_src = {config.p_src}. Are the ids "
            "those of one data set? With p_src = 1 every response stays in its prompt's language."
        )
    return rows, alone


def _allocated(pairs: Pairs, capped: dict[str, int], seed: int) -> tuple[Pairs, dict[str, Allocated]]:
    kept: Pairs = {}
    told: dict[str, Allocated] = {}
    for languages, rows in pairs.items():
        cap = capped[languages[1]]
        key = key_of(seed, "allocation", languages[1])
        places = sorted(permuted(place, len(rows), key) for place in range(min(cap, len(rows))))
        kept[languages] = [rows[place] for place in places]
        told[languages[1]] = {"cap": cap, "there": len(rows), "taken": len(places)}
    return kept, told


def _counts(config: DataConfig, pairs: Pairs, shared: list[Shared], texts: list[Text]) -> dict[str, LanguageRows]:
    """Rows of each language. Raises DataError for one that has none, unless its allocation may be 0, its instructions
    are not wanted, its words are mixed in, or it is the pivot of texts only."""
    excused = config.languages if config.mix is not None or config.allocation is not None else ()
    if not config.offers("instructions") and not config.pairs:
        excused = (*excused, config.pivot)
    documents = Counter(text.language for text in texts)
    counts: dict[str, LanguageRows] = {}
    for key in config.languages:
        of_pairs = sum(len(rows) for languages, rows in pairs.items() if key in languages)
        of_tasks = sum(key in row.tasks for row in shared)
        of_texts = documents[key]
        wanted = key in config.instruction_languages and key not in excused
        if wanted and not of_pairs and not of_tasks and not of_texts:
            raise DataError(
                f"{key} is one of the `languages`, but no source has a row of it that stays. Add a source, or leave "
                "the language out."
            )
        counts[key] = {"pairs": of_pairs, "instructions": of_tasks, "texts": of_texts}
    return counts


def _pair_groups(config: DataConfig, pairs: Pairs) -> list[Group[Pair]]:
    weights = config.weights
    return _weighted(
        [
            Group(f"{a}-{b}", rows, weights[a] * weights[b] if weights else len(rows))
            for (a, b), rows in pairs.items()
            if rows
        ]
    )


def _translations(groups: list[Group[Pair]]) -> Iterator[Group[Learnable]]:
    for group in groups:
        if rows := [pair for pair in group.rows if pair.translation]:
            yield Group(f"translation {group.name}", rows, group.weight * len(rows) / len(group.rows))


def _task_groups(config: DataConfig, shared: list[Shared]) -> list[Group[Learnable]]:
    groups: list[Group[Learnable]] = []
    for key in config.languages:
        rows = [(row, key) for row in shared if key in row.tasks]
        if rows:
            groups.append(Group(key, rows, config.weights.get(key, len(rows))))
    return _weighted(groups)


def _text_groups(config: DataConfig, texts: list[Text]) -> list[Group[Learnable]]:
    by_language: dict[str, list[Learnable]] = {key: [] for key in config.languages}
    for text in texts:
        by_language[text.language].append(text)
    return _weighted(
        [Group(f"text {key}", rows, config.weights.get(key, len(rows))) for key, rows in by_language.items() if rows]
    )


def _weighted(groups: list[Group[T]]) -> list[Group[T]]:
    """The same with weights that sum to the number of rows: pairs and instructions then mix by their rows."""
    scale = sum(len(group.rows) for group in groups) / (sum(group.weight for group in groups) or 1)
    return [Group(group.name, group.rows, group.weight * scale) for group in groups]
