"""Numbers that were not measured here: read from records of every_eval_ever, shown beside ours, never among them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from xling_bench.catalog.benchmark import benchmarks, plain_name
from xling_bench.core.errors import DataError
from xling_bench.core.reading import parse_json, read_bytes
from xling_bench.core.text import flat, line
from xling_bench.exchange import eee_shapes as shapes
from xling_bench.exchange.eee import APART, NAME
from xling_bench.metrics.registry import METRICS
from xling_bench.results.foreign import PUBLISHED, is_eee
from xling_bench.results.mixing import signature_fields
from xling_bench.results.schema import COLUMNS, Row

LARGEST = 64 << 20  # bytes of one record: 20,000 numbers with all that is known of them
OURS = "xling|"  # what our signatures begin with
SHARES = ("proportion", "ratio", "fraction")
BOUNDED = ("proportion", "fraction")  # a ratio may be above 1
SLACK = 1e-9  # of what is added up in doubles
MOST = 2**53  # what is counted, and its deviations


@dataclass(frozen=True, slots=True)
class Outside:
    """One number from elsewhere.

    `origin` says whose it is; `task` what it is called there. `benchmark` and `language` are our keys, empty where
    nobody can tell; `metric` is ours where it is the same, else theirs. `value`, `low`, `high` and `error` (standard)
    are in percent, or in points where the metric is no share. `settings` are what is known of how it was measured, by
    the names of a signature's fields.
    """

    origin: str
    model: str
    task: str
    benchmark: str
    language: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    error: float | None = None
    n: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def read_record(path: Path) -> shapes.EvalRecord:
    """The record in a file. Raises DataError naming file and field: for what is no JSON, holds a key twice or a number
    that is none, is too large, of another version of the schema, or not as the schema says."""
    data = parse_json(read_bytes(path, most=LARGEST), str(path), exact=True)
    if not is_eee(data):
        raise DataError(f"{path}: no record of every_eval_ever: expected an object with schema_version and results.")
    version = data["schema_version"]
    if version != shapes.VERSION:
        raise DataError(f"{path}: schema_version is {version!r:.40}; records of {shapes.VERSION} are read.")
    try:
        return shapes.EvalRecord.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "record"
        raise DataError(f"{path}: {line(where, 200)}: {line(first['msg'], 200)}; see eval.schema.json.") from error


def numbers_of(record: shapes.EvalRecord, path: Path) -> list[Outside]:
    """A record's numbers, in its order. Raises DataError naming the file, `path`, and the number, for one that the
    record itself contradicts: outside its range or its interval, an error below 0, a signature that is none or says
    something else than its details, a second number under one name."""
    said = record.source_metadata
    names = dict.fromkeys((said.source_name or said.source_organization_name, said.source_organization_name))
    origin = f"{PUBLISHED}: {', '.join(name for name in names if name != 'unknown') or 'unknown'}"
    origin += f" ({said.evaluator_relationship.replace('_', ' ')})"
    found, seen = [], set[str]()
    for place, result in enumerate(record.evaluation_results):
        wrong = next(_contradictions(result), "")
        if (own := result.evaluation_result_id) is not None:
            wrong = wrong or (f"evaluation_result_id {line(own)} stands twice." if own in seen else "")
            seen.add(own)
        try:
            found.append(_number(result, record, flat(origin)))
        except DataError as error:
            wrong = wrong or str(error)
        if wrong:
            raise DataError(f"{path}: evaluation_results.{place} ({line(result.evaluation_name)}): {wrong}")
    return found


def _contradictions(result: shapes.Result) -> Iterator[str]:
    """In what a number is at odds with what is said of it."""
    config, score = result.metric_config, result.score_details.score
    low = -math.inf if config.min_score is None else float(config.min_score)
    high = math.inf if config.max_score is None else float(config.max_score)
    if config.metric_unit in BOUNDED:
        low, high = 0.0 if config.min_score is None else low, min(high, 1.0)
    sure = result.score_details.uncertainty or shapes.Uncertainty()
    if _above(low, score) or _above(score, high):
        yield f"score is {score:g}; its metric ({config.metric_unit or 'no unit'}) goes from {low:g} to {high:g}."
    if (error := sure.standard_error) is not None and error.value < 0:
        yield f"standard_error is {error.value:g}; expected 0 or more."
    if (interval := sure.confidence_interval) is not None:
        if interval.lower > interval.upper:
            yield f"confidence_interval goes from {interval.lower:g} to {interval.upper:g}; expected lower, then upper."
        elif _above(interval.lower, score) or _above(score, interval.upper):
            yield f"score is {score:g}, outside its interval from {interval.lower:g} to {interval.upper:g}."
    for name, value in (
        ("num_samples", sure.num_samples),
        ("num_bootstrap_samples", sure.num_bootstrap_samples),
        ("standard_deviation", sure.standard_deviation),
    ):
        if value is not None and not 0 <= value < MOST:
            yield f"{name} is {value:g}; expected 0 or more." if value < MOST else f"{name} is too large."
    metric = (result.score_details.details or {}).get("metric", "")
    if metric in METRICS and config.lower_is_better != METRICS[metric].lower_is_better:
        yield f"lower_is_better is {config.lower_is_better}; of {metric} it is {METRICS[metric].lower_is_better}."


def _above(value: float, bound: float) -> bool:
    """Whether a value is above a bound by more than rounding."""
    return value > bound and not math.isclose(value, bound, rel_tol=SLACK, abs_tol=SLACK)


def _number(result: shapes.Result, record: shapes.EvalRecord, origin: str) -> Outside:
    details = result.score_details.details or {}
    metric = _metric(result, details)
    share = result.metric_config.metric_unit in SHARES or result.metric_config.max_score == 1
    scale = METRICS[metric].scale if metric in METRICS and share == METRICS[metric].share else 100.0 if share else 1.0
    sure = result.score_details.uncertainty or shapes.Uncertainty()
    interval, error = sure.confidence_interval, sure.standard_error
    ours = details.get("signature", "").startswith(OURS)
    if ours:
        _check_details(details, result.metric_config.metric_name)
    count = details.get("n", "") if ours else ""
    if count and not (count.isascii() and count.isdecimal() and len(count) < 12):
        raise DataError(f"n is {line(count)!r}; expected a number of items.")
    if count and sure.num_samples not in (None, int(count)):
        raise DataError(f"n is {count}; num_samples is {sure.num_samples}.")
    values = [result.score_details.score, *(() if interval is None else (interval.lower, interval.upper))]
    if not all(math.isfinite(scale * value) for value in (*values, 0.0 if error is None else error.value)):
        raise DataError(f"score, interval or error is too large a number for {metric}: {max(values, key=abs):g}.")
    return Outside(
        origin=origin,
        model=flat(record.model_info.name),
        task=flat(result.evaluation_name),
        benchmark=_benchmark(result, details),
        language=flat(details.get("language", "")),
        metric=metric,
        value=scale * result.score_details.score,
        low=None if interval is None else scale * interval.lower,
        high=None if interval is None else scale * interval.upper,
        error=None if error is None else scale * error.value,
        n=int(count) if count else sure.num_samples,
        settings=_settings(result, details),
    )


def _check_details(details: Mapping[str, str], metric: str | None) -> None:
    """Raise DataError where a number of ours has details that its signature or its metric's name contradicts."""
    signed = signature_fields(details["signature"])
    for name in ("task", "split", "shots", "demos", "source"):
        if name in details and name in signed and details[name] != signed[name]:
            raise DataError(f"{name} is {line(details[name])}; its signature says {line(signed[name])}.")
    task, benchmark, unit = (details.get(name, "") for name in ("task", "benchmark", "language"))
    ends = (f"_{benchmark}_{unit}".replace("-", "_"), f"_{benchmark}_{unit}_{unit}")  # MLQA's tasks are pairs
    if task and benchmark and unit and not task.endswith(ends):
        raise DataError(f"task is {line(task)}; its benchmark and language are {line(benchmark)} and {line(unit)}.")
    if metric is not None and details.get("metric", metric) != metric:
        raise DataError(f"metric is {line(details['metric'])}; metric_name is {line(metric)}.")


def _settings(result: shapes.Result, details: Mapping[str, str]) -> dict[str, str]:
    """What is said of how it was measured; the split and the demonstrations where others say them."""
    found = {name: flat(value) for name, value in details.items()}
    benchmark = benchmarks().get(_benchmark(result, details))
    theirs = result.source_data.hf_split
    if theirs and benchmark is not None:
        ours = {name: split for split, name in benchmark.hub.splits.items()}
        found.setdefault("split", ours.get(theirs, flat(theirs)))
    more = (result.generation_config or {}).get("additional_details")
    if isinstance(more, dict) and isinstance(more.get("num_fewshot"), str):
        found.setdefault("shots", flat(more["num_fewshot"]))
    return found


def _metric(result: shapes.Result, details: Mapping[str, str]) -> str:
    """Ours where it is the same; `accuracy` is `acc`."""
    config = result.metric_config
    if details.get("metric") in METRICS:
        return details["metric"]
    names = (config.metric_name, config.metric_id, config.metric_kind)
    if any(name and name.lower() in ("acc", "accuracy") for name in names):
        return "acc"
    return flat(next(filter(None, names), "score"))


def _benchmark(result: shapes.Result, details: Mapping[str, str]) -> str:
    """Our key of what it was measured on, by what we wrote, or its data set on the hub, or its title."""
    known = benchmarks()
    if details.get("benchmark") in known:
        return details["benchmark"]
    data = result.source_data
    found = [key for key, each in known.items() if data.hf_repo and each.hub.path.lower() == data.hf_repo.lower()]
    names = {plain_name(data.dataset_name), plain_name(result.evaluation_name)}
    found = found or [key for key, each in known.items() if names & {plain_name(key), plain_name(each.title)}]
    return found[0] if len(found) == 1 else ""


def row_of(result: shapes.Result, record: shapes.EvalRecord) -> Row:
    """The row of the results table that a number of ours was written from, without its items.

    Raises DataError for a number that is not ours.
    """
    details = dict(result.score_details.details or {})
    if not details.get("signature", "").startswith(OURS):
        raise DataError(f"{result.evaluation_name}: not written by {NAME}; it has no signature.")
    found: dict[str, object] = {"model": record.model_info.name, "value": result.score_details.score}
    for column in COLUMNS:
        if column.name in ("fingerprint", "ancestors"):
            found[column.name] = record.model_info.additional_details.get(column.name, "")
        elif column.name not in APART:
            text = details.get(column.name)
            found[column.name] = int(text) if text is not None and column.dtype.lower() == "int64" else text
    return {column.name: found[column.name] for column in COLUMNS}
