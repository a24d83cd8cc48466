"""Items and answers as instances of every_eval_ever: one line an item and metric, `instance_level_eval.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.reading import parse_json
from xling_bench.exchange import eee_shapes as shapes
from xling_bench.exchange.eee import result_id
from xling_bench.exchange.measured import Number
from xling_bench.metrics.registry import METRICS
from xling_bench.results.schema import CHOICES, ITEMS, SAMPLES
from xling_bench.results.seal import check_samples, sums_beside

if TYPE_CHECKING:
    import pandas as pd

Instance = dict[str, Any]
UNDEFINED = "not defined for this metric: is_correct says nothing"


def instances(frame: pd.DataFrame, numbers: Sequence[Number], record: shapes.EvalRecord) -> Iterator[str]:
    """Lines of JSON: of each number of `frame` (whose rows are `numbers`' in their order), its items in the order kept.

    A ranked item's output is the candidate that the metric chose. `is_correct` is a score of 1, where the metric is a
    share. Raises DataError for numbers whose samples were not kept (named), or are not those that were written.
    """
    results = {each.evaluation_result_id: each for each in record.evaluation_results}
    for row, number in zip(frame.to_dict(orient="records"), numbers, strict=True):
        path = row[SAMPLES]
        if path is None or row[ITEMS] is None:
            raise DataError(
                f"{row['task']} {row['metric']} of {row['model']}: its samples were not kept, which instances are made "
                "of. Leave --instances out, or give a run's folder (of lm_eval: with --log_samples)."
            )
        result = results[result_id(number)]
        head = {
            "schema_version": shapes.VERSION,
            "evaluation_id": record.evaluation_id,
            "model_id": record.model_info.id,
            "evaluation_name": result.evaluation_name,
            "evaluation_result_id": result.evaluation_result_id,
        }
        scores, choices = dict(row[ITEMS].items()), dict(row[CHOICES].items())
        for sample in _samples(path):
            item = str(sample["doc"]["id"])
            if item in scores:
                kept = head | _instance(sample, number, float(scores[item]), int(choices[item]))
                yield json.dumps(kept, ensure_ascii=False, allow_nan=False) + "\n"


def _samples(path: Path) -> Iterator[Mapping[str, Any]]:
    check_samples(sums_beside(path), path)
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, start=1):
            sample = parse_json(line, str(path), line=number)
            if not isinstance(sample, dict) or not isinstance(sample.get("doc"), dict) or "id" not in sample["doc"]:
                raise DataError(f"{path}, line {number}: not a sample: no doc with an id")
            yield sample


def _instance(sample: Mapping[str, Any], number: Number, score: float, chosen: int) -> Instance:
    doc = sample["doc"]
    try:
        asked, references, choices = _raw(doc, number), _references(doc), doc.get("texts")
        answer = str(choices[chosen]) if choices else _text(sample)
        given = sample.get("arguments", {}).get("gen_args_0", {}).get("arg_0")
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f"item {doc['id']} of {number.row['task']}: not in the shape of samples ({error!r})") from error
    found: Instance = {
        "sample_id": str(doc["id"]),
        "sample_hash": sha256((asked + "".join(references)).encode(errors="backslashreplace")).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": asked, "reference": references},
        "output": {"raw": [answer]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": answer,
                "extraction_method": f"highest by {number.metric.name}" if choices else "whole text",
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": score, "is_correct": number.metric.share and score == 1.0},
        "metadata": {"language": str(number.unit), "metric": number.metric.name},
    }
    if isinstance(given, str):
        found["input"]["formatted"] = given
    if choices:
        found["input"]["choices"] = list(map(str, choices))
    if not METRICS[number.metric.name].share:
        found["metadata"]["is_correct"] = UNDEFINED
    if doc.get("cluster"):
        found["metadata"]["cluster"] = str(doc["cluster"])
    return found


def _raw(doc: Mapping[str, Any], number: Number) -> str:
    """The item's texts without its answer: `premise: ...`, a line each."""
    benchmark = get_benchmark(number.benchmark.key)
    names = [
        n for n, kind in benchmark.fields.items() if kind == "text" and n not in (benchmark.gold, *benchmark.choices)
    ]
    return "\n".join(f"{name}: {doc[name]}" for name in names if name in doc)


def _references(doc: Mapping[str, Any]) -> list[str]:
    if "texts" in doc:
        return [str(doc["texts"][doc["gold"]])]
    return list(map(str, doc["golds"]))


def _text(sample: Mapping[str, Any]) -> str:
    answer = sample["filtered_resps"][0]
    return str(answer[0] if isinstance(answer, list) else answer)
