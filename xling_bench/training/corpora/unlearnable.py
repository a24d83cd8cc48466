"""Rows that a model cannot learn from, which its tokenizer knows before the first update: left out, counted, shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from xling_bench.core.errors import DataError
from xling_bench.training.corpora.data_report import Lost
from xling_bench.training.corpora.pairs import EXAMPLES, Languages
from xling_bench.training.corpora.places import Source, place_of
from xling_bench.training.corpora.streams import Crossing, InstructionStream, PairStream, Shared
from xling_bench.training.corpora.texts import Pair, Text

Row = tuple[str, ...]  # its identifier and its languages
Fault = tuple[str, str]  # why it cannot be learnt, and the language at fault


@dataclass
class Unlearnable:
    """{row: why}, of sentence pairs, of pairs as translation tasks, of instructions in one language, of texts."""

    pairs: dict[Row, Fault] = field(default_factory=dict)
    translations: dict[Row, Fault] = field(default_factory=dict)
    instructions: dict[Row, Fault] = field(default_factory=dict)
    texts: dict[Row, Fault] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.pairs or self.translations or self.instructions or self.texts)

    def without(
        self, pairs: Mapping[Languages, list[Pair]], shared: Sequence[Shared], texts: Sequence[Text], crossing: Crossing
    ) -> tuple[dict[Languages, list[Pair]], list[Shared], list[Text]]:
        """The rows that stay. A pair that can only be no translation task stays a pair; an instruction stays in its
        other languages, where these have one to cross with."""
        kept = {
            languages: [
                replace(pair, translation=False) if row_of(pair) in self.translations else pair
                for pair in rows
                if row_of(pair) not in self.pairs
            ]
            for languages, rows in pairs.items()
        }
        left = []
        for row in shared:
            tasks = {key: task for key, task in row.tasks.items() if (row.id, key) not in self.instructions}
            stays, _ = crossing.possible(row if len(tasks) == len(row.tasks) else Shared(row.id, tasks))
            left += [stays] if stays.tasks else []
        return kept, left, [text for text in texts if (text.id, text.language) not in self.texts]

    def report(self, sources: Sequence[Source], root: Path) -> dict[str, dict[str, Lost]]:
        """What is left out: by stream and reason, how many rows, and where the first stand."""
        told: dict[str, dict[str, Lost]] = {}
        for name in ("pairs", "translations", "instructions", "texts"):
            rows: dict[Row, Fault] = getattr(self, name)
            for row, (reason, language) in rows.items():
                entry = told.setdefault(name, {}).setdefault(reason, {"count": 0, "first": []})
                entry["count"] += 1
                if len(entry["first"]) < EXAMPLES:
                    entry["first"].append(place_of(row[0], language, sources, root))
        return told


class Screen(Protocol):
    """Looks at all that may be drawn."""

    def __call__(self, pairs: PairStream | None, instructions: InstructionStream | None) -> Unlearnable: ...


def row_of(pair: Pair) -> Row:
    """What tells a pair from all others."""
    return pair.id, pair.source_language, pair.target_language


def check_left(before: object, after: object, name: str, told: Mapping[str, Mapping[str, Lost]]) -> None:
    """Raise DataError where a stream has lost everything."""
    if before is None or after is not None:
        return
    reasons = [
        f"{reason} {lost['count']:,} (first: {lost['first'][0]})"
        for stream, found in told.items()
        if (stream == "pairs") == (name == "pairs")
        for reason, lost in found.items()
    ]
    raise DataError(
        f"data.{name}: the model can learn from none of them, by its tokenizer: {'; '.join(reasons)}. Is it a "
        "model of these languages? If so, allow longer texts (run.length), or name other data."
    )
