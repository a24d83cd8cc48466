"""Overlaps of training rows with evaluation texts: found, reported, and refused, dropped or allowed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xling_bench.core.errors import DataError
from xling_bench.training.corpora.contamination import Checker, Hit
from xling_bench.training.corpora.data_config import DataConfig
from xling_bench.training.corpora.data_report import OverlapCount, Settled
from xling_bench.training.corpora.pairs import EXAMPLES, Languages
from xling_bench.training.corpora.places import Source, place_of
from xling_bench.training.corpora.streams import Shared
from xling_bench.training.corpora.texts import Pair, Text

SHOWN = 60  # characters of a training text in the report


@dataclass
class Overlaps:
    """What was found. `found` counts different training texts per benchmark and its language, with three examples, and
    `first` has of each the first training row and that text's language."""

    checker: Checker
    found: dict[str, dict[str, OverlapCount]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=lambda: {"pairs": 0, "instructions": 0, "texts": 0})
    first: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def touches(self, identifier: str, texts: Iterable[tuple[str, str]]) -> bool:
        """Whether any of a training row's (language, text) overlaps; what does is noted."""
        touched = False
        for spoken, text in texts:
            hits = self.checker.hits(text)
            touched = touched or bool(hits)
            if not hits or text in self._seen:
                continue
            self._seen.add(text)
            by_language: dict[tuple[str, str], list[Hit]] = {}
            for hit in hits:
                by_language.setdefault((hit.place.benchmark, hit.place.language), []).append(hit)
            for (benchmark, language), found in by_language.items():
                self.first.setdefault((benchmark, language), (identifier, spoken))
                self._note(benchmark, language, identifier, text, found)
        return touched

    def _note(self, benchmark: str, language: str, identifier: str, text: str, hits: list[Hit]) -> None:
        """A text that items of a benchmark's language hold; `hits`: one of each split that has such items."""
        entry = self.found.setdefault(benchmark, {}).setdefault(
            language, {"exact": 0, "ngram": 0, "splits": {}, "examples": []}
        )
        nearest = next((hit for hit in hits if hit.kind == "exact"), hits[0])
        entry[nearest.kind] += 1
        for hit in hits:
            entry["splits"][hit.place.split] = entry["splits"].get(hit.place.split, 0) + 1
        if len(entry["examples"]) < EXAMPLES:
            shown = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
            evaluation = f"{nearest.place.item} ({nearest.place.split})"
            entry["examples"].append(
                {"training": identifier, "evaluation": evaluation, "how": nearest.kind, "text": shown}
            )


def settle(
    config: DataConfig, checker: Checker, root: Path, pairs: dict[Languages, list[Pair]], shared: list[Shared],
    texts: list[Text],
) -> tuple[dict[Languages, list[Pair]], list[Shared], list[Text], Settled]:
    """The rows that stay, and the report. Raises DataError where `overlap = "refuse"` and any row overlaps.

    An instruction goes in all its languages: the translation of an evaluation item tells as much as the item.
    """
    overlaps = Overlaps(checker)
    clean: dict[Languages, list[Pair]] = {}
    for languages, rows in pairs.items():
        clean[languages] = [pair for pair in rows if not overlaps.touches(pair.id, _sides(pair))]
        overlaps.rows["pairs"] += len(rows) - len(clean[languages])
    kept = [row for row in shared if not overlaps.touches(row.id, row.named_texts)]
    overlaps.rows["instructions"] = len(shared) - len(kept)
    read = [text for text in texts if not overlaps.touches(text.id, [(text.language, text.text)])]
    overlaps.rows["texts"] = len(texts) - len(read)
    report = Settled(policy=config.overlap, ngram=config.ngram, rows=overlaps.rows, found=overlaps.found)
    if config.overlap == "refuse" and overlaps.found:
        raise DataError(_refusal(overlaps, [*config.pairs, *config.instructions], root))
    return (clean, kept, read, report) if config.overlap == "drop" else (pairs, shared, texts, report)


def _sides(pair: Pair) -> tuple[tuple[str, str], ...]:
    return (pair.source_language, pair.source), (pair.target_language, pair.target)


def _refusal(overlaps: Overlaps, sources: Sequence[Source], root: Path) -> str:
    lines = [
        f"{benchmark} {language}: {entry['exact']} exact, {entry['ngram']} by n-gram, such as "
        f"{place_of(*overlaps.first[benchmark, language], sources, root)} = {entry['examples'][0]['evaluation']}"
        for benchmark, languages in overlaps.found.items()
        for language, entry in languages.items()
    ]
    return (
        f"Training texts overlap with evaluation texts ({overlaps.rows['pairs']} pairs, "
        f"{overlaps.rows['instructions']} instructions and {overlaps.rows['texts']} texts would be learnt):\n  "
        + "\n  ".join(lines)
        + '\nSet data.overlap = "drop" to leave these rows out, data.overlap = "allow" to train on them and have it '
        "reported, or limit data.decontaminate to the benchmarks you will evaluate."
    )
