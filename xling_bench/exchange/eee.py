"""Results as records of every_eval_ever, one a model: `xling-bench export --format eee`, `table -o FILE.eee.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from xling_bench.core import languages
from xling_bench.core.errors import UsageError
from xling_bench.exchange import eee_shapes as shapes
from xling_bench.exchange.measured import ANALYTIC, CLUSTERED, EXACT, RESAMPLED, SAMPLE, Number
from xling_bench.results.matrix import DRAWS, LEVEL
from xling_bench.results.schema import COLUMNS
from xling_bench.results.tables.uncertainty import BELOW

NAME, SUFFIX = "xling-bench", ".eee.json"
RELATIONS = ("first_party", "third_party", "collaborative", "other")
# Columns that are the model's, or the number itself; all others stand in the number's details, by their names.
OF_MODEL = ("fingerprint", "ancestors")
APART = ("model", "value", *OF_MODEL)
KINDS = {"acc": "accuracy", "exact": "exact_match", "chrf": "chrf", "spbleu": "bleu", "spbleu101": "bleu"}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who publishes: an organisation, how it stands to the model's makers, and when the numbers were written, in
    seconds since 1970."""

    organization: str = "unknown"
    relationship: str = "other"
    written: int = 0


def records(numbers: Sequence[Number], sender: Sender) -> dict[str, shapes.EvalRecord]:
    """{model: its record}, models in the order of their numbers.

    Scores are in the metric's own range (shares of 1, points of 100). A number's details hold all that the results
    table has of it, in texts; a language as its key, its code (`deu_Latn`) and its BCP 47 tag (`de-Latn`). What was cut
    to its first items, or is invented, says so in its name.
    """
    found: dict[str, list[Number]] = {}
    for number in numbers:
        found.setdefault(str(number.row["model"]), []).append(number)
    return {model: _record(model, own, sender) for model, own in found.items()}


def text_of(record: shapes.EvalRecord) -> str:
    """A record as its file holds it: the same bytes for the same record."""
    return json.dumps(record.written(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def uuid_of(record: shapes.EvalRecord) -> str:
    """A name for the record's files in the form of a random UUID (version 4), made of what the record holds."""
    digits = sha256(text_of(record).encode(errors="backslashreplace")).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def place_of(record: shapes.EvalRecord) -> Path:
    """The record's folder below the datastore's root. Raises UsageError for a model without an organisation."""
    maker, _, name = record.model_info.id.partition("/")
    if not name or maker in (".", "..") or name.strip(".") == "":
        raise UsageError(
            f"model {record.model_info.id!r}: a folder of records files models under their makers; say ORG/NAME=RUN, "
            "as on the hub, or write one record: -o FILE.eee.json."
        )
    return Path("data", NAME, _portable(maker), _portable(name))


def _portable(part: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_.+" else "_" for c in part)
    return kept.rstrip(".") or "_"


def _record(model: str, numbers: list[Number], sender: Sender) -> shapes.EvalRecord:
    first = numbers[0]
    ours = first.row["harness"] == NAME
    seconds = str(sender.written)
    versions = {name: _listed(numbers, name) for name in ("v", "lm_eval", "code")}
    library = {"xling_bench": versions["v"], "lm_eval": versions["lm_eval"], "code": versions["code"]}
    measured = sha256("\n".join(str(number.row["signature"]) for number in numbers).encode()).hexdigest()
    details = {"deployment_type": "self_deployed", "model_availability": "unknown"}
    details |= {name: str(first.row[name]) for name in OF_MODEL if first.row[name]}
    more: dict[str, Any] = {"developer": model.partition("/")[0]} if "/" in model else {}
    if first.facts.get("engine"):
        more["inference_engine"] = shapes.Engine(name=_listed(numbers, "engine"))
    return shapes.EvalRecord(
        schema_version=shapes.VERSION,
        evaluation_id=f"{NAME}/{model}/{seconds}/{measured[:12]}",
        evaluation_timestamp=seconds,
        retrieved_timestamp=seconds,
        source_metadata=shapes.Source(
            source_name=NAME,
            source_type="evaluation_run",
            source_organization_name=sender.organization,
            evaluator_relationship=sender.relationship,  # type: ignore[arg-type] # the shape checks it
        ),
        eval_library=shapes.Library(
            name=NAME if ours else "lm_eval",
            version=(versions["v"] if ours else versions["lm_eval"]) or "unknown",
            additional_details={name: value for name, value in library.items() if value},
        ),
        model_info=shapes.Model(name=model, id=model, additional_details=details, **more),
        evaluation_results=[_result(number) for number in numbers],
    )


def _listed(numbers: Sequence[Number], name: str) -> str:
    """A field of signatures: its values, where there are several."""
    return ", ".join(sorted({number.facts[name] for number in numbers if number.facts.get(name)}))


def result_id(number: Number) -> str:
    """`xling_xnli_de/test/5-0-same/acc`: what instances refer to."""
    row = number.row
    return f"{row['task']}/{row['split']}/{row['shots']}-{row['seed']}-{row['demos']}/{row['metric']}"


def _result(number: Number) -> shapes.Result:
    row = number.row
    name = str(row["task"])
    marks = [number.cut, SAMPLE if number.sample else ""]
    said = "; ".join(mark for mark in marks if mark)
    scored: dict[str, Any] = {"score": float(row["value"]), "details": _details(number)}
    if number.interval is not None:
        scored["uncertainty"] = _uncertainty(number)
    shots = {"num_fewshot": str(row["shots"]), "demonstrations": str(row["demos"])}
    if row["shots"]:
        shots["seed"] = str(row["seed"])
    return shapes.Result(
        evaluation_result_id=result_id(number),
        evaluation_name=f"{name} ({said})" if said else name,
        source_data=_dataset(number),
        metric_config=_metric(number),
        score_details=shapes.Scored(**scored),
        generation_config={"additional_details": shots},
    )


def _dataset(number: Number) -> shapes.Dataset:
    row, benchmark = number.row, number.benchmark
    details = {"data_hash": number.facts.get("data", "unknown"), "licence": benchmark.licence}
    if number.sample:
        return shapes.Dataset(dataset_name=SAMPLE, source_type="other", additional_details=details)
    if row["source"] != "hub":
        return shapes.Dataset(
            dataset_name=benchmark.title, source_type="url", url=[benchmark.url], additional_details=details
        )
    known: dict[str, Any] = {} if number.published is None else {"samples_number": number.published}
    return shapes.Dataset(
        dataset_name=benchmark.title,
        source_type="hf_dataset",
        hf_repo=benchmark.hub.path,
        hf_split=benchmark.hub.splits.get(row["split"], row["split"]),
        additional_details=details,
        **known,
    )


def _metric(number: Number) -> shapes.MetricConfig:
    metric = number.metric
    low, high = bounds(number)
    parameters: dict[str, str | float | bool | None] = {"rule": number.facts.get("rule", "unknown")}
    chance = number.benchmark.chance_of(metric.name)
    if chance is not None:
        parameters["chance"] = chance
    return shapes.MetricConfig(
        evaluation_description=metric.meaning,
        metric_id="accuracy" if metric.name == "acc" else f"{NAME}.{metric.name}",
        metric_name=metric.name,
        metric_kind=KINDS.get(metric.name, metric.name),
        metric_unit="proportion" if metric.share else metric.unit or ("score" if metric.times_100 else "points"),
        metric_parameters=parameters,
        lower_is_better=metric.lower_is_better,
        score_type="continuous",
        min_score=low,
        max_score=high,
    )


def bounds(number: Number) -> tuple[shapes.Bound, shapes.Bound]:
    """The range of a metric's values: shares of 1, points of 100 of a corpus score, from 0 on what is made of a
    probability, any number of a trained one."""
    if number.metric.share:
        return 0.0, 1.0
    if number.metric.over == "corpus" and not number.metric.lower_is_better:
        return 0.0, 100.0
    if number.metric.likelihood is not None and number.metric.lower_is_better:
        return 0.0, "Infinity"
    return "-Infinity", "Infinity"


def _details(number: Number) -> dict[str, str]:
    row = number.row
    found = {c.name: str(row[c.name]) for c in COLUMNS if c.name not in APART and row[c.name] is not None}
    known = [languages.registry().get(key) for key in number.unit.languages]
    for part, language in zip(("source_", "target_") if number.unit.is_pair else ("",), known, strict=True):
        if language is not None:
            tag = f"{language.key.partition('_')[0]}-{language.script}"
            found |= {f"{part}language_code": language.code, f"{part}language_tag": tag}
    if number.published is not None:
        found["items_published"] = str(number.published)
    if number.cut:
        found["limit"] = number.cut
    if number.sample:
        found["sample_data"] = SAMPLE
    interval = number.interval
    if interval is not None:
        found["clusters"] = str(interval.clusters)
        if interval.at_chance is not None:
            found["at_chance"] = BELOW if interval.at_chance == BELOW else "yes" if interval.at_chance else "no"
        if interval.predicted:
            found["predicted"] = interval.predicted
    return found


def _uncertainty(number: Number) -> shapes.Uncertainty:
    interval = number.interval
    assert interval is not None  # noqa: S101 - the caller looked
    alone = interval.clusters == interval.items
    found: dict[str, Any] = {
        "confidence_interval": shapes.Interval(
            lower=interval.low,
            upper=interval.high,
            confidence_level=LEVEL,
            method=(EXACT if interval.exact else RESAMPLED).format(what=interval.drawn),
        ),
        "standard_deviation": interval.deviation,
        "num_samples": interval.items,
        "num_bootstrap_samples": DRAWS,
    }
    if interval.error is not None:
        found["standard_error"] = shapes.StandardError(value=interval.error, method=ANALYTIC if alone else CLUSTERED)
    return shapes.Uncertainty(**found)
