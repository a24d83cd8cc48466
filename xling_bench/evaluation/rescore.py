"""`xling-bench score`: metrics of answers that were kept, without the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import stdev
from typing import Any

from filelock import FileLock

from xling_bench.benchmarks import expected
from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import DataError, MissingMetricError, UsageError, XlingError
from xling_bench.core.reading import parse_json, read_bytes
from xling_bench.evaluation.code import code_hash
from xling_bench.evaluation.item_scores import write_items
from xling_bench.evaluation.quality import other_forms
from xling_bench.evaluation.units import read_result
from xling_bench.evaluation.writing import read_json, result_texts, write_text
from xling_bench.harness.adapter import score
from xling_bench.harness.reported import check_headline, pick_metrics
from xling_bench.metrics.registry import METRICS, get_metric, rules
from xling_bench.results.facts import Facts, item_ids
from xling_bench.results.folder import result_files
from xling_bench.results.items import FILE
from xling_bench.results.seal import AGAIN, RESULTS, SAMPLES, of_answers


def rescore(run: Path, wanted: Sequence[str], say: Callable[[str], None]) -> tuple[list[Path], dict[str, str]]:
    """Score every generation unit of a run again, with its metrics and those `wanted` besides (all of its task, if
    none), as they are now.

    Returns the folders changed, and {folder: why} of those that could not be: the headline metric, or one the result
    has, cannot be computed here, or the samples are not the items the result was made from. Units that rank candidates,
    or have none of the metrics, are passed over. A result keeps the code that generated its answers; other code that
    scored them is named in `facts.scored_by`. Files are replaced one by one, samples first: interrupt it and start it
    again. Raises UsageError for a name that is no metric, DataError for a folder without results of `run`.
    """
    for name in wanted:
        get_metric(name)
    gone: list[str] = []
    paths = result_files(run, gone)
    for sentence in gone:
        say(f"not scored: {sentence}")
    if not paths:
        raise DataError(f"{run} holds no results of `xling-bench run` (<task>/<shots>-<seed>-<demos>/results.json).")
    changed, left = [], {}
    for path in paths:
        folder = path.parent
        shown = folder.relative_to(run).as_posix()
        with FileLock(str(folder.parent / f".{folder.name}.lock")):
            try:
                if _unit(folder, wanted, say):
                    changed.append(folder)
                    say(f"{shown}: scored")
            except UsageError as error:
                say(f"{shown}: not scored: {error}")
            except XlingError as error:
                left[shown] = str(error)
    if changed:
        (run / FILE).unlink(missing_ok=True)  # its rows are known by keys, which scoring again may leave as they were
        try:
            write_items(run)
        except XlingError as error:  # of units that were not scored
            left[FILE] = f"not brought up to date: {error}"
    return changed, left


def _unit(folder: Path, wanted: Sequence[str], say: Callable[[str], None]) -> bool:
    record = read_result(folder, samples=False)
    if record is None or record.facts is None:
        return False
    facts, benchmark = record.facts, get_benchmark(record.benchmark)
    samples = _samples(record.samples, facts, record.checksums)
    if "golds" not in samples[0]["doc"]:
        return False
    asked = [*facts.metrics, *pick_metrics(benchmark, "generate", record.unit, wanted)]
    names = pick_metrics(benchmark, "generate", record.unit, asked)
    known, unavailable = rules(names, expected(benchmark.key, benchmark.answer_language(record.unit)))
    check_headline(names, unavailable)
    for name, why in unavailable.items():
        if name in facts.metrics:
            raise MissingMetricError(f"it has {name}, which cannot be computed again here: {why}")
        say(f"{folder.parent.name}: no {name}: {why}")
    old = [name for name in facts.metrics if name not in known]
    try:
        for sample in samples:
            sample["doc"]["metrics"] = known
            for name in (*old, *known):
                sample.pop(name, None)
            found = score(sample["doc"], sample["filtered_resps"])
            sample.update(found, metrics=list(found))
    except (KeyError, TypeError, IndexError) as error:
        raise DataError(f"{record.samples}: a sample is damaged ({error!r})") from error
    code = code_hash()
    facts = replace(facts, metrics=known, headline=names[0], unavailable=unavailable,
                    scored_by=code if facts.code != code else None)  # fmt: skip
    warnings = dict.fromkeys([*record.warnings, *other_forms(samples, known)])
    result = read_json(record.path)
    numbers = _aggregated(result["results"][facts.task], samples, old, known)
    rest = {name: value for name, value in result.items() if name != "xling"}
    rest["results"] = {**result["results"], facts.task: numbers}
    texts = result_texts(rest, replace(record, facts=facts, rules=known, warnings=tuple(warnings)), samples)
    for name in (SAMPLES, RESULTS):  # interrupted between the two, it is started again
        write_text(folder / name, texts[name])
    return True


def _samples(path: Path, facts: Facts, sums: dict[str, Any] | None) -> list[dict[str, Any]]:
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
    numbers: dict[str, Any], samples: Sequence[dict[str, Any]], old: Sequence[str], names: dict[str, str]
) -> dict[str, Any]:
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
