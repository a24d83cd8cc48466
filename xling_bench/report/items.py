"""The drill-down: the same items in all languages with every model's answers, a capped choice, disagreements first."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.catalog import Benchmark, get_benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.languages import PIVOT
from xling_bench.core.reading import parse_json
from xling_bench.core.text import visible
from xling_bench.core.unit import is_pair
from xling_bench.metrics.registry import scale_of, sign_of
from xling_bench.report.payload import script_json
from xling_bench.report.select import Setting
from xling_bench.results.schema import CHOICES, ITEMS, SAMPLES
from xling_bench.results.seal import check_samples, sums_beside

if TYPE_CHECKING:
    import pandas as pd

# Our samples start so; a line that does not is parsed instead.
ID = re.compile(rb'"doc": \{"id": "([^"\\]+)"')
HEAD = 200  # bytes of a line within which the id stands
LONGEST_ANSWER = 300
MOST_PAIRED = 8  # models up to which every pair is counted
Json = dict[str, Any]


def drill_down(lead: pd.DataFrame, models: list[str], settings: list[Setting], most: int) -> dict[str, Json]:
    """{benchmark: its chosen items}, ready for JSON; benchmarks without item scores are left out.

    An entry has `of` (how many items there are), `languages`, `fields` (names of the item's texts) and `items`: each
    with `id`, `disagreement`, `texts` {language: [one per field]}, `gold` {language: text} and `answers`
    [model][setting][language index]: [answer, score], null where not measured. An answer of a ranking benchmark is the
    candidate's text or class name, of a generating one the text; a score is 0 to 100. Answers are those of the
    lowest seed. `changes` {"a b setting": [fixed, broken] per language, of all items that both models have}: B right
    (or better) where A is wrong (worse), and the other way round; of all pairs of models, or of those with the first
    one where there are more than eight.
    """
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

    def chosen(self, most: int) -> Json:
        """The `most` items on which answers differ most."""
        ranked = self._disagreements()
        ids = [name for name, _ in ranked[:most]]
        samples = self._texts(ids)
        answers = {key: self._answers(key, ids, samples.get(key[2], {})) for key in self.rows}
        items = []
        for number, (name, disagreement) in enumerate(ranked[:most]):
            have = {unit: texts[name] for unit, texts in samples.items() if name in texts}
            table = [
                [
                    [answers[m, s, u][number] if (m, s, u) in answers else None for u in self.units]
                    for s in self.settings
                ]
                for m in self.models
            ]
            texts = {unit: [visible(doc.get(field, "")) for field in self.fields] for unit, doc in have.items()}
            gold = {unit: visible(self._gold(doc, f"{unit}, {name}"), LONGEST_ANSWER) for unit, doc in have.items()}
            item = {"id": visible(name, 100), "disagreement": round(disagreement, 3)}
            items.append({**item, "texts": texts, "gold": gold, "answers": table})
        found = {"of": len(ranked), "languages": self.units, "fields": self.fields, "items": items}
        return found | {"changes": self._changes()}

    def _changes(self) -> Json:
        """{"a b setting": [[fixed, broken] per language, None where not measured]}, models and settings by number."""
        names = range(len(self.models))
        pairs = [(a, b) for a in names for b in names if a != b]
        if len(self.models) > MOST_PAIRED:
            pairs = [(a, b) for a, b in pairs if 0 in (a, b)]
        found: Json = {}
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

    def _texts(self, ids: Collection[str]) -> dict[str, dict[str, Json]]:
        """{language: {item id: its document}}, from the first model whose samples are there."""
        found: dict[str, dict[str, Json]] = {}
        for (_, _, unit), row in self.rows.items():
            path = getattr(row, SAMPLES)
            if unit not in found and path is not None:
                found[unit] = {name: sample["doc"] for name, sample in read_samples(path, ids).items()}
        return found

    def _answers(self, key: tuple[str, Setting, str], ids: list[str], docs: dict[str, Json]) -> list[list[Any] | None]:
        row = self.rows[key]
        scores, choices, path = getattr(row, ITEMS), getattr(row, CHOICES), getattr(row, SAMPLES)
        generated: dict[str, Json] = {}
        if path is not None and bool((choices < 0).any()):
            generated = read_samples(path, ids)
        scale = scale_of(row.metric)
        position = {str(name): i for i, name in enumerate(scores.index)}
        values, picks = np.asarray(scores, dtype=np.float64), np.asarray(choices)
        found: list[list[Any] | None] = []
        for name in ids:
            if name not in position:
                found.append(None)
                continue
            i = position[name]
            where = f"{key[0]}, {key[2]}, {name}"
            ranked = picks[i] >= 0
            answer = (
                self._candidate(int(picks[i]), docs.get(name), where) if ranked else _text(generated.get(name), where)
            )
            found.append([visible(answer, LONGEST_ANSWER), round(scale * float(values[i]), 1)])
        return found

    def _candidate(self, index: int, doc: Json | None, where: str) -> str:
        """The candidate's class name or text; its number where the texts were not kept."""
        names = self.benchmark.labels
        if not names and doc is not None:
            fields = self.benchmark.choices
            try:
                names = tuple(map(str, doc[fields[0]] if len(fields) == 1 else [doc[field] for field in fields]))
            except (KeyError, TypeError) as error:
                raise DataError(f"samples of {self.benchmark.key}, {where}: no candidates ({error!r})") from error
        return names[index] if index < len(names) else f"candidate {index + 1}"

    def _gold(self, doc: Json, where: str) -> str:
        if self.benchmark.gold:
            gold = doc.get(self.benchmark.gold, "")
            texts = gold if isinstance(gold, list) else [gold]
            return " | ".join(dict.fromkeys(map(str, texts))) or "(no answer)"
        try:
            label = int(doc["label"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"samples of {self.benchmark.key}, {where}: no label ({error!r})") from error
        return self._candidate(label, doc, where)


def _text(sample: Json | None, where: str) -> str:
    try:
        return "(not kept)" if sample is None else str(sample["filtered_resps"][0])
    except (KeyError, IndexError, TypeError) as error:
        raise DataError(f"samples, {where}: no answer ({error!r})") from error


def read_samples(path: Path, ids: Collection[str]) -> dict[str, Json]:
    """{item id: sample} of these ids. Raises DataError naming file and line for what is no sample."""
    wanted, found = set(ids), {}
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
                    found[name] = {"doc": sample["doc"], "filtered_resps": sample["filtered_resps"]}
            except (KeyError, TypeError) as error:
                raise DataError(f"{path}, line {number}: not a sample ({error!r})") from error
    return found


def within(found: dict[str, Json], budget: int) -> dict[str, Json]:
    """The same with as many items per benchmark as fit into `budget` bytes of JSON, in turns, first ones first."""
    sizes = {key: [_bytes(item) for item in entry["items"]] for key, entry in found.items()}
    kept = dict.fromkeys(found, 0)
    for turn in range(max((len(s) for s in sizes.values()), default=0)):
        for key, each in sizes.items():
            if turn < len(each) and each[turn] <= budget and kept[key] == turn:
                kept[key], budget = turn + 1, budget - each[turn]
    return {key: {**entry, "items": entry["items"][: kept[key]]} for key, entry in found.items()}


def _bytes(item: Json) -> int:
    """As the page holds it, with the comma after it."""
    return len(script_json(item).encode("utf-8", errors="replace")) + 1
