"""The drill-down: the same items in all languages with every model's answers, a capped choice, disagreements first."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from xling_bench.catalog import Benchmark, get_benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.languages import PIVOT
from xling_bench.core.reading import parse_json
from xling_bench.core.text import visible
from xling_bench.core.unit import is_pair
from xling_bench.metrics.registry import scale_of, sign_of
from xling_bench.report.payload import script_json
from xling_bench.report.setting import Setting
from xling_bench.results.schema import CHOICES, ITEMS, SAMPLES
from xling_bench.results.seal import check_samples, sums_beside

if TYPE_CHECKING:
    import pandas as pd

# Our samples start so; a line that does not is parsed instead.
ID = re.compile(rb'"doc": \{"id": "([^"\\]+)"')
HEAD = 200  # bytes of a line within which the id stands
LONGEST_ANSWER = 300
MOST_PAIRED = 8  # models up to which every pair is counted
Answer = list[str | float]  # [answer, score]
Changes = dict[str, list[list[int] | None]]


class Item(TypedDict):
    """One item. `texts` {language: [one per field]}, `gold` {language: text}, `answers` [model][setting][language]:
    [answer, score], null where not measured. An answer of a ranking benchmark is the candidate's text or class name, of
    a generating one the text; a score is 0 to 100. Answers are those of the lowest seed."""

    id: str
    disagreement: float
    texts: dict[str, list[str]]
    gold: dict[str, str]
    answers: list[list[list[Answer | None]]]


class Items(TypedDict):
    """A benchmark's chosen items, `of` how many there are; `fields` are the names of their texts.

    `changes` {"a b setting": [fixed, broken] per language, of all items that both models have}: B right (or better)
    where A is wrong (worse), and the other way round; of all pairs of models, or of those with the first one where
    there are more than eight.
    """

    of: int
    languages: list[str]
    fields: list[str]
    items: list[Item]
    changes: Changes


@dataclass(frozen=True, slots=True)
class Sample:
    """A line of samples.jsonl: the item as it was given, and the answers (a text first, or a score a candidate)."""

    doc: dict[str, Any]
    answers: Any


def drill_down(lead: pd.DataFrame, models: list[str], settings: list[Setting], most: int) -> dict[str, Items]:
    """{benchmark: its chosen items}, ready for JSON; benchmarks without item scores are left out."""
    found = {}
    for benchmark, rows in lead[lead[ITEMS].notna()].groupby("benchmark", sort=True):
        if most > 0:
            found[str(benchmark)] = _Drill(get_benchmark(str(benchmark)), rows, models, settings).chosen(most)
    return found


class _Drill:
    """One benchmark's items."""

    def __init__(self, benchmark: Benchmark, rows: pd.DataFrame, models: list[str], settings: list[Setting]) -> None:
        self.benchmark, self.models, self.settings = benchmark, models, settings
        units = sorted(set(rows["language"]), key=lambda unit: (unit != PIVOT, is_pair(unit), unit))
        self.units = [str(unit) for unit in units]
        rows = rows.sort_values("seed", kind="stable")
        key = ["model", "shots", "demos", "language"]
        first = rows.drop_duplicates(key)
        self.rows: dict[tuple[str, Setting, str], Any] = {
            (str(row.model), Setting(int(str(row.shots)), str(row.demos)), str(row.language)): row
            for row in first.itertuples(index=False)
        }
        self.fields = [name for name, form in benchmark.fields.items() if form == "text" and name != benchmark.gold]

    def chosen(self, most: int) -> Items:
        """The `most` items on which answers differ most."""
        ranked = self._disagreements()
        ids = [name for name, _ in ranked[:most]]
        samples = self._texts(ids)
        answers = {key: self._answers(key, ids, samples.get(key[2], {})) for key in self.rows}
        items: list[Item] = []
        for number, (name, disagreement) in enumerate(ranked[:most]):
            have = {unit: texts[name] for unit, texts in samples.items() if name in texts}
            table = [
                [
                    [answers[m, s, u][number] if (m, s, u) in answers else None for u in self.units]
                    for s in self.settings
                ]
                for m in self.models
            ]
            texts = {unit: [visible(one.doc.get(field, "")) for field in self.fields] for unit, one in have.items()}
            gold = {unit: visible(self._gold(one, f"{unit}, {name}"), LONGEST_ANSWER) for unit, one in have.items()}
            shown, apart = visible(name, 100), round(disagreement, 3)
            items.append(Item(id=shown, disagreement=apart, texts=texts, gold=gold, answers=table))
        return Items(of=len(ranked), languages=self.units, fields=self.fields, items=items, changes=self._changes())

    def _changes(self) -> Changes:
        """{"a b setting": [[fixed, broken] per language, None where not measured]}, models and settings by number."""
        names = range(len(self.models))
        pairs = [(a, b) for a in names for b in names if a != b]
        if len(self.models) > MOST_PAIRED:
            pairs = [(a, b) for a, b in pairs if 0 in (a, b)]
        found: Changes = {}
        for number, setting in enumerate(self.settings):
            for a, b in pairs:
                counts = [self._changed(self.models[a], self.models[b], setting, unit) for unit in self.units]
                if any(counts):
                    found[f"{a} {b} {number}"] = counts
        return found

    def _changed(self, a: str, b: str, setting: Setting, unit: str) -> list[int] | None:
        import pandas as pd

        rows = [self.rows.get((model, setting, unit)) for model in (a, b)]
        if rows[0] is None or rows[1] is None:
            return None
        both = pd.concat([getattr(row, ITEMS) for row in rows], axis=1, join="inner").to_numpy()
        change = sign_of(rows[0].metric) * (both[:, 1] - both[:, 0])
        return [int((change > 0).sum()), int((change < 0).sum())]

    def _disagreements(self) -> list[tuple[str, float]]:
        """[(item id, disagreement)], largest first: the variance of the items' scores over models (with one model, over
        languages), summed over the languages and settings that have the item."""
        import pandas as pd

        columns: dict[tuple[Any, ...], list[pd.Series[float]]] = {}
        for (model, setting, unit), row in self.rows.items():
            apart = (setting, unit) if len(self.models) > 1 else (setting, model)
            scores = getattr(row, ITEMS)
            columns.setdefault(apart, []).append(scores / (100.0 / scale_of(row.metric)))
        variances = [pd.concat(parts, axis=1).var(axis=1, ddof=0) for parts in columns.values()]
        total = pd.concat(variances, axis=1).sum(axis=1)
        pairs = [(str(name), round(float(value), 6)) for name, value in total.items()]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def _texts(self, ids: Collection[str]) -> dict[str, dict[str, Sample]]:
        """{language: {item id: its sample}}, from the first model whose samples are there."""
        found: dict[str, dict[str, Sample]] = {}
        for (_, _, unit), row in self.rows.items():
            path = getattr(row, SAMPLES)
            if unit not in found and path is not None:
                found[unit] = read_samples(path, ids)
        return found

    def _answers(self, key: tuple[str, Setting, str], ids: list[str], texts: dict[str, Sample]) -> list[Answer | None]:
        row = self.rows[key]
        scores, choices, path = getattr(row, ITEMS), getattr(row, CHOICES), getattr(row, SAMPLES)
        generated: dict[str, Sample] = {}
        if path is not None and bool((choices < 0).any()):
            generated = read_samples(path, ids)
        scale = scale_of(row.metric)
        position = {str(name): i for i, name in enumerate(scores.index)}
        values, picks = np.asarray(scores, dtype=np.float64), np.asarray(choices)
        found: list[Answer | None] = []
        for name in ids:
            if name not in position:
                found.append(None)
                continue
            i = position[name]
            where = f"{key[0]}, {key[2]}, {name}"
            ranked = picks[i] >= 0
            answer = (
                self._candidate(int(picks[i]), texts.get(name), where) if ranked else _text(generated.get(name), where)
            )
            found.append([visible(answer, LONGEST_ANSWER), round(scale * float(values[i]), 1)])
        return found

    def _candidate(self, index: int, sample: Sample | None, where: str) -> str:
        """The candidate's class name or text; its number where the texts were not kept."""
        names = self.benchmark.labels
        if not names and sample is not None:
            doc, fields = sample.doc, self.benchmark.choices
            try:
                names = tuple(map(str, doc[fields[0]] if len(fields) == 1 else [doc[field] for field in fields]))
            except (KeyError, TypeError) as error:
                raise DataError(f"samples of {self.benchmark.key}, {where}: no candidates ({error!r})") from error
        return names[index] if index < len(names) else f"candidate {index + 1}"

    def _gold(self, sample: Sample, where: str) -> str:
        if self.benchmark.gold:
            gold = sample.doc.get(self.benchmark.gold, "")
            texts = gold if isinstance(gold, list) else [gold]
            return " | ".join(dict.fromkeys(map(str, texts))) or "(no answer)"
        try:
            label = int(sample.doc["label"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"samples of {self.benchmark.key}, {where}: no label ({error!r})") from error
        return self._candidate(label, sample, where)


def _text(sample: Sample | None, where: str) -> str:
    try:
        return "(not kept)" if sample is None else str(sample.answers[0])
    except (KeyError, IndexError, TypeError) as error:
        raise DataError(f"samples, {where}: no answer ({error!r})") from error


def read_samples(path: Path, ids: Collection[str]) -> dict[str, Sample]:
    """{item id: sample} of these ids. Raises DataError naming file and line for what is no sample."""
    wanted = set(ids)
    found: dict[str, Sample] = {}
    check_samples(sums_beside(path), path)
    try:
        lines = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    with lines:
        for number, line in enumerate(lines, start=1):
            start = ID.search(line[:HEAD])
            if start is not None and start[1].decode(errors="replace") not in wanted:
                continue
            try:
                sample = parse_json(line.decode("utf-8", errors="surrogateescape"), str(path), line=number)
                name = str(sample["doc"]["id"])
                if name in wanted:
                    found[name] = Sample(sample["doc"], sample["filtered_resps"])
            except (KeyError, TypeError) as error:
                raise DataError(f"{path}, line {number}: not a sample ({error!r})") from error
    return found


def within(found: dict[str, Items], budget: int) -> dict[str, Items]:
    """The same with as many items per benchmark as fit into `budget` bytes of JSON, in turns, first ones first."""
    sizes = {key: [_bytes(item) for item in entry["items"]] for key, entry in found.items()}
    taken = dict.fromkeys(found, 0)
    for turn in range(max((len(s) for s in sizes.values()), default=0)):
        for key, each in sizes.items():
            if turn < len(each) and each[turn] <= budget and taken[key] == turn:
                taken[key], budget = turn + 1, budget - each[turn]
    return {key: {**entry, "items": entry["items"][: taken[key]]} for key, entry in found.items()}


def _bytes(item: Item) -> int:
    """As the page holds it, with the comma after it."""
    return len(script_json(item).encode("utf-8", errors="replace")) + 1
