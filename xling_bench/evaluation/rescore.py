"""`xling-bench score`: metrics of answers that were kept, without the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Protocol

from filelock import FileLock

from xling_bench.benchmarks import expected
from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import (
    DataError,
    MissingMetricError,
    MissingPackageError,
    ModelError,
    UsageError,
    XlingError,
)
from xling_bench.core.reading import parse_json, read_bytes
from xling_bench.evaluation.code import code_hash
from xling_bench.evaluation.item_scores import write_items
from xling_bench.evaluation.quality import other_forms, undecidable
from xling_bench.evaluation.units import read_result
from xling_bench.evaluation.writing import read_json, result_texts, write_text
from xling_bench.harness.adapter import score
from xling_bench.harness.reported import check_headline, pick_metrics
from xling_bench.metrics.comet import RANDOM, is_random
from xling_bench.metrics.registry import METRICS, get_metric, rules
from xling_bench.results.doubts import UNTRAINED
from xling_bench.results.facts import Facts, item_ids
from xling_bench.results.folder import result_files
from xling_bench.results.items import FILE
from xling_bench.results.record import Record
from xling_bench.results.seal import AGAIN, RESULTS, SAMPLES, Sample, Sums, check_samples, of_answers


class Given(Protocol):
    """Scores of a given metric, as another program makes them of kept translations (`comet.scoring.Comet`)."""

    metric: str

    @property
    def rule(self) -> str:
        """How they are made."""

    def scores(self, segments: Sequence[Mapping[str, str]], what: str) -> list[float]:
        """A score for each segment (src, mt, ref); `what` is what progress calls them."""


def rescore(
    run: Path, wanted: Sequence[str], say: Callable[[str], None], given: Given | None = None
) -> tuple[list[Path], dict[str, str]]:
    """Score every generation unit of a run again, with its metrics and those `wanted` besides (all of its task, if
    none), as they are now. With `given`, its metric is added to the units of its tasks; others stay as they are, but
    for those `wanted`.

    Returns the folders changed (with `given`: or as they should be), and {folder: why} of those that could not be: the
    headline metric, or one the result has, cannot be computed here, or the samples are not the items the result was
    made from. Units that rank candidates, or have none of the metrics, are passed over. A result keeps the code that
    generated its answers; other code that scored them is named in `facts.scored_by`. Files are replaced one by one,
    samples first: interrupt it and start it again. Raises UsageError for a name that is no metric, DataError for a
    folder without results of `run`, MissingPackageError or ModelError where the given metric's program does not work.
    """
    for name in wanted:
        get_metric(name)
    gone: list[str] = []
    paths = result_files(run, gone)
    for sentence in gone:
        say(f"not scored: {sentence}")
    if not paths:
        raise DataError(f"{run} holds no results of `xling-bench run` (<task>/<shots>-<seed>-<demos>/results.json).")
    changed, left = list[Path](), dict[str, str]()
    try:
        for path in paths:
            folder = path.parent
            shown = folder.relative_to(run).as_posix()
            with FileLock(str(folder.parent / f".{folder.name}.lock")):
                try:
                    if done := _unit(folder, wanted, say, given):
                        changed.append(folder)
                        say(f"{shown}: {done}")
                except UsageError as error:
                    say(f"{shown}: not scored: {error}")
                except XlingError as error:
                    if given is not None and isinstance(error, MissingPackageError | ModelError):
                        raise  # the same for every unit that is left
                    left[shown] = str(error)
    finally:
        if changed:
            try:
                write_items(run, changed)
            except XlingError as error:  # of units that were not scored
                left[FILE] = f"not brought up to date: {error}"
    return changed, left


def _unit(folder: Path, wanted: Sequence[str], say: Callable[[str], None], given: Given | None) -> str:
    """Score one unit; returns what is said of it then, "" where it is passed over."""
    record = read_result(folder, samples=False)
    if record is None or record.facts is None:
        return ""
    facts, benchmark = record.facts, get_benchmark(record.benchmark)
    fits = given is not None and benchmark.task in METRICS[given.metric].tasks
    if given is not None and not (fits or wanted):
        return ""
    samples = _samples(record.samples, facts, record.checksums)
    if "golds" not in samples[0]["doc"]:
        return ""
    ours: dict[str, str] = {}
    if given is None or wanted:
        ours, unavailable = _ours(record, facts, wanted, say)
        facts = replace(facts, unavailable=unavailable, headline=next(iter(ours)),
                        scored_by=None if facts.code == code_hash() else code_hash())  # fmt: skip
    theirs = {name: rule for name, rule in facts.metrics.items() if METRICS[name].given}
    told = "scored"
    if given is not None and fits and "source" in samples[0]["doc"]:
        if not ours and _has(record, samples, given):
            return f"has {METRICS[given.metric].label} by this rule"
        theirs[given.metric] = given.rule
        values = given.scores([_segment(sample) for sample in samples], folder.parent.name)
        for sample, value in zip(samples, values, strict=True):
            sample[given.metric] = value
        told = f"{METRICS[given.metric].label} {METRICS[given.metric].scale * fmean(values):.2f}"
        told += f" ({RANDOM})" if is_random(given.rule) else ""
    elif not ours:
        return ""
    old = [name for name in facts.metrics if ours and name not in ours | theirs]
    facts = replace(facts, metrics={**(ours or facts.metrics), **theirs})
    try:
        for sample in samples:
            sample["doc"]["metrics"] = facts.metrics
            for name in (*old, *ours):
                sample.pop(name, None)
            if ours:
                sample.update(score(sample["doc"], sample["filtered_resps"]))
            sample["metrics"] = [name for name in facts.metrics if name in sample]
    except (KeyError, TypeError, IndexError) as error:
        raise DataError(f"{record.samples}: a sample is damaged ({error!r})") from error
    _write(folder, replace(record, facts=facts, rules=facts.metrics), samples, old, {**ours, **theirs})
    return told


def _ours(
    record: Record, facts: Facts, wanted: Sequence[str], say: Callable[[str], None]
) -> tuple[dict[str, str], dict[str, str]]:
    """({metric: rule} of what is computed anew, {metric: why} of what cannot be). Given metrics are left out."""
    benchmark = get_benchmark(record.benchmark)
    asked = [*facts.metrics, *pick_metrics(benchmark, "generate", record.unit, wanted)]
    names = pick_metrics(benchmark, "generate", record.unit, asked)
    known, unavailable = rules(names, expected(benchmark.key, benchmark.answer_language(record.unit)))
    unavailable = {name: why for name, why in unavailable.items() if not METRICS[name].given or name in wanted}
    check_headline(names, unavailable)
    for name, why in unavailable.items():
        if name in facts.metrics and not METRICS[name].given:
            raise MissingMetricError(f"it has {name}, which cannot be computed again here: {why}")
        say(f"{facts.task}: no {name}: {why}")
    return known, {name: why for name, why in unavailable.items() if not METRICS[name].given}


def _segment(sample: Sample) -> dict[str, str]:
    """A translation with its source and reference, all as they were read or said, but for blanks around the latter."""
    doc = sample["doc"]
    return {"src": doc["source"], "mt": str(sample["filtered_resps"][0]).strip(), "ref": doc["golds"][0]}


def _has(record: Record, samples: Sequence[Sample], given: Given) -> bool:
    """Whether a result has the given metric by this rule, as it was written."""
    try:
        check_samples(record.checksums, record.samples)
    except DataError:
        return False
    return record.rules.get(given.metric) == given.rule and all(given.metric in sample for sample in samples)


def _write(
    folder: Path, record: Record, samples: Sequence[Sample], old: Sequence[str], names: Mapping[str, str]
) -> None:
    """Write a unit's files with the numbers of `names` anew, without those of `old`."""
    said = [text for text in record.warnings if text != UNTRAINED]
    language = get_benchmark(record.benchmark).answer_language(record.unit)
    said += undecidable(samples, record.rules, language) + other_forms(samples, record.rules)
    if is_random(record.rules.get("comet", "")):
        said.append(UNTRAINED)
    result = read_json(record.path)
    rest = {name: value for name, value in result.items() if name != "xling"}
    numbers = _aggregated(result["results"][record.task], samples, old, names)
    rest["results"] = {**result["results"], record.task: numbers}
    texts = result_texts(rest, replace(record, warnings=tuple(dict.fromkeys(said))), samples)
    for name in (SAMPLES, RESULTS):  # interrupted between the two, it is started again
        write_text(folder / name, texts[name])


def _samples(path: Path, facts: Facts, sums: Sums | None) -> list[Sample]:
    """The samples, checked to be the items the result was made from, with the answers that the model gave."""
    try:
        lines = read_bytes(path).decode().split("\n")
        samples = [parse_json(line, str(path), line=number) for number, line in enumerate(lines, 1) if line]
        found = item_ids([str(sample["doc"]["id"]) for sample in samples])
        if not samples or not all("filtered_resps" in sample for sample in samples):
            raise ValueError("a line is no sample")
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not the samples of a run: {error!r}") from error
    if len(samples) != facts.items or found != facts.ids:
        raise DataError(f"{path}: {len(samples)} samples, not the {facts.items} items the result was made from")
    if sums is not None and sums.get("answers") != of_answers(samples):
        raise DataError(f"{path}: an item or an answer was changed after it was written. {AGAIN}")
    return samples


def _aggregated(
    numbers: Mapping[str, object], samples: Sequence[Sample], old: Sequence[str], names: Mapping[str, str]
) -> dict[str, object]:
    """lm-eval's numbers of a task with those of `names` made anew; standard errors where the value is a mean."""
    gone = {f"{name}{suffix},none" for name in (*old, *names) for suffix in ("", "_stderr")}
    kept = {key: value for key, value in numbers.items() if key not in gone}
    for name in names:
        values = [sample[name] for sample in samples if name in sample]
        if not values:
            continue
        error: float | str = "N/A"
        if METRICS[name].is_mean and len(values) > 1:
            error = stdev(values) / math.sqrt(len(values))
        kept |= {f"{name},none": METRICS[name].aggregate(values), f"{name}_stderr,none": error}
    return kept
