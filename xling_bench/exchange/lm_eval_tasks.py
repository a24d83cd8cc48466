"""Results of lm-eval's own tasks of the benchmarks that we have: other prompts, often other items; see the .toml."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from xling_bench.catalog import Benchmark, benchmarks
from xling_bench.core import languages
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DataError
from xling_bench.core.reading import read_toml
from xling_bench.core.text import flat
from xling_bench.core.unit import Unit
from xling_bench.exchange.outside import Outside
from xling_bench.metrics.registry import METRICS
from xling_bench.results.naming import recorded
from xling_bench.results.plain import declared_in
from xling_bench.results.record import in_shape

LM_EVAL = "lm_eval"
LEVEL_95 = 1.959963984540054  # of a normal distribution
SAME = {"acc": "acc", "f1": "f1", "exact_match": "exact", "em": "exact", "bleu": "bleu", "chrf": "chrf"}
POINTS = ("bleu", "chrf", "ter", "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte")  # no shares
BLANKS = {"language": r"(?P<language>\w+?)", "name": r"(?P<name>[a-z_ ]+?)", "any": r"\w+",
          "source": r"(?P<source>[a-z]+)", "target": r"(?P<target>[a-z]+)"}  # fmt: skip


class Own(Strict):
    """One of lm-eval's tasks, or a group of them: see the file's head."""

    task: str
    benchmark: str
    prompt: str
    language: str = ""
    metrics: dict[str, str] = Field(default={})

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the names of its tasks look like."""
        parts = re.split(r"\{(\w+)\}", self.task)
        return re.compile("".join(BLANKS[part] if i % 2 else re.escape(part) for i, part in enumerate(parts)))


@cache
def own_tasks() -> tuple[Own, ...]:
    """All of them, of benchmarks that are declared."""
    data = read_toml(Path(__file__).with_suffix(".toml"))
    return tuple(own for own in (Own(**entry) for entry in data["own"]) if own.benchmark in benchmarks())


def recognised(task: str) -> tuple[Own, Unit] | None:
    """Which of lm-eval's tasks a name is, and our unit of it; None for any other name, and for a language that the
    benchmark does not have here."""
    for own in own_tasks():
        found = own.pattern.fullmatch(task)
        if found:
            benchmark = benchmarks()[own.benchmark]
            unit = Unit(own.language) if own.language else _unit(benchmark, found.groupdict())
            if unit is not None and unit in benchmark.units():
                return own, unit
    return None


def _unit(benchmark: Benchmark, codes: Mapping[str, str]) -> Unit | None:
    keys = [_key(benchmark, code, named=blank == "name") for blank, code in codes.items()]
    if None in keys or not keys:
        return None
    return Unit("-".join(dict.fromkeys(map(str, keys))))


def _key(benchmark: Benchmark, code: str, *, named: bool) -> str | None:
    own = {theirs: key for codes in (benchmark.codes, benchmark.hub.codes) for key, theirs in codes.items()}
    if code in own:
        return own[code]
    if named:
        name = code.replace("_", " ")
        return next((k for k in benchmark.languages if languages.get(k).name.partition(" (")[0].lower() == name), None)
    language = languages.lookup(code)
    return None if language is None else language.key


def own_results(result: Mapping[str, Any], path: Path) -> Iterator[Outside]:
    """The numbers of lm-eval's own tasks and groups in one of its results files; tasks of ours, and those of benchmarks
    that we do not have, are passed over. Raises DataError where the file is not in the shape of results, or a number is
    none: not finite, a share beyond 0 to 1, a standard error below 0."""
    with in_shape(path):
        model, _ = recorded(result["config"])
        origin = f"{LM_EVAL} {result.get('lm_eval_version') or 'of unknown version'}, its own task"
        for task, scores in result["results"].items():
            config = result.get("configs", {}).get(task, {})
            known = None if declared_in(config) is not None else recognised(task)
            if known is not None:
                yield from _numbers(task, scores, config, result, known, (model, flat(origin)))


def _numbers(
    task: str,
    scores: Mapping[str, Any],
    config: Mapping[str, Any],
    result: Mapping[str, Any],
    known: tuple[Own, Unit],
    who: tuple[str, str],
) -> Iterator[Outside]:
    own, unit = known
    leaves = _leaves(task, result)
    counts = [result["n-samples"][leaf] for leaf in leaves if leaf in result.get("n-samples", {})]
    items = sum(int(count["effective"]) for count in counts) or None
    whole = sum(int(count["original"]) for count in counts)
    config = config or next((result["configs"][leaf] for leaf in leaves if leaf in result["configs"]), {})
    settings = {"prompt": own.prompt}
    shots = {int(result["n-shot"][leaf]) for leaf in leaves if leaf in result.get("n-shot", {})}
    if len(shots) == 1:
        settings["shots"] = str(shots.pop())
    if split := _split(benchmarks()[own.benchmark], config):
        settings["split"] = split
    if items is not None and items < whole:
        settings["limit"] = f"{items:,} of {whole:,} items"
    for name, value in scores.items():
        metric, sign, kept = name.partition(",")
        if not sign or metric.endswith("_stderr") or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if not math.isfinite(value):
            raise ValueError(f"{task} {name} is {value}, which is no number")
        scale = 1.0 if metric in POINTS else 100.0
        error = scores.get(f"{metric}_stderr,{kept}")
        if metric not in POINTS and not -1e-9 <= value <= 1 + 1e-9:
            raise DataError(f"{flat(task)} {flat(name)} is {value:g}; expected a share, from 0 to 1.")
        half = LEVEL_95 * error if isinstance(error, float) and math.isfinite(error) else None
        if half is not None and not (half >= 0 and math.isfinite(scale * (abs(value) + half))):
            raise DataError(f"{flat(task)}: the standard error of {flat(name)} is {error:g}; expected 0 or more.")
        shown = _metric(own, name)
        yield Outside(
            origin=who[1], model=who[0], task=flat(task), benchmark=own.benchmark, language=str(unit),
            metric=flat(shown), value=scale * value, low=None if half is None else scale * (value - half),
            high=None if half is None else scale * (value + half),
            error=None if half is None else scale * half / LEVEL_95, n=items, settings=settings,
        )  # fmt: skip


def _metric(own: Own, name: str) -> str:
    """Our name of a metric and the filter that answers went through; theirs where we have none."""
    if own.metrics.get(name) in METRICS:
        return own.metrics[name]
    metric, _, kept = name.partition(",")
    return SAME.get(metric, metric) if kept == "none" else f"{SAME.get(metric, metric)} ({kept})"


def _leaves(task: str, result: Mapping[str, Any]) -> list[str]:
    """The task itself, or the tasks of a group and of the groups in it."""
    below = result.get("group_subtasks", {}).get(task)
    if not below:
        return [task]
    return [leaf for each in below if each != task for leaf in _leaves(each, result)]


def _split(benchmark: Benchmark, config: Mapping[str, Any]) -> str:
    """Our name of the split that lm-eval scored: its test split, else its validation split."""
    theirs = config.get("test_split") or config.get("validation_split")
    return next((ours for ours, name in benchmark.hub.splits.items() if name == theirs), flat(theirs or ""))
