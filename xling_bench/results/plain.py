"""Rows of the results table from results files of plain `lm_eval`: of the tasks of ours in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xling_bench.core.reading import is_there, parse_json
from xling_bench.errors import DataError
from xling_bench.results.doubts import counts_of
from xling_bench.results.items import item_scores, rows_frame
from xling_bench.results.naming import recorded
from xling_bench.results.schema import IDENTITY, SAMPLES
from xling_bench.results.series import NOTHING, counted, series_of

Row = dict[str, Any]
ENGLISH = ("semantic", "afp")  # demonstrations that are English unless said otherwise


def plain_rows(result: Row, path: Path) -> Iterator[Row]:
    """Tasks of ours in a results file of plain lm_eval; its own tasks are passed over."""
    stamp = path.stem.removeprefix("results_")
    for task, config in result["configs"].items():
        declared = (config.get("dataset_kwargs") or {}).get("xling")
        if declared is None:
            continue
        metadata = config["metadata"]
        found = result["results"][task]
        metrics = [e["metric"] for e in config["metric_list"] if f"{e['metric']},none" in found]
        samples = path.with_name(f"samples_{task}_{stamp}.jsonl")
        scores = series_of(rows_frame(item_scores(samples, metrics))) if is_there(samples) else {}
        shots = int(result["n-shot"][task])
        model, identity = recorded(result["config"])
        common = {
            "model": model,
            IDENTITY: identity,
            "fingerprint": "",
            "benchmark": declared["benchmark"],
            "language": declared["unit"],
            "family": metadata["family"],
            "task": task,
            "split": metadata.get("split", "test"),
            "shots": shots,
            "demos": demos_label(metadata) if shots else "none",
            "seed": int(metadata.get("demo_seed", 0)) if shots else 0,
            "harness": "lm_eval",
            SAMPLES: samples if is_there(samples) else None,
            **_data_of(samples),
        }
        signature = _signature(common, metadata, result)
        known = {name: value for name, value in common.items() if name not in ("data", "form", "rules")}
        for metric in metrics:
            rule = common["rules"].get(metric, "unknown")
            yield {
                **known,
                "metric": metric,
                "value": found[f"{metric},none"],
                "n": counted(metric, scores, result["n-samples"][task]["effective"]),
                **counts_of({}, metric),
                "signature": f"{signature}|metric:{metric}|rule:{rule}",
                **scores.get(metric, NOTHING),
            }


def demos_label(metadata: Row) -> str:
    """What our runner calls these demonstrations (`harness.demos.Demos.label`)."""
    policy = metadata.get("demos", "fixed")
    language = metadata.get("demo_lang") or ("en" if policy in ENGLISH else "")
    return "-".join(filter(None, ("" if policy == "fixed" else str(policy), str(language)))) or "same"


def _data_of(samples: Path) -> dict[str, Any]:
    """Source and hash of the data and the metrics' rules, which our documents carry; unknown without samples."""
    if not samples.is_file():
        return {"source": "unknown", "data": "unknown", "form": "unknown", "rules": {}}
    with samples.open(encoding="utf-8", errors="surrogateescape") as lines:
        first = lines.readline()
    if not first.strip():
        raise DataError(f"{samples} is empty")
    doc = parse_json(first, str(samples), line=1)["doc"]
    form = doc["id"].partition("-")[0]
    return {"source": doc["data_source"], "data": doc["data_hash"], "form": form, "rules": doc["metrics"]}


def _signature(common: Row, metadata: Row, result: Row) -> str:
    counts = result["n-samples"][common["task"]]
    fields = {
        "task": common["task"],
        "language": metadata["language"],
        "split": common["split"],
        "form": common["form"],
        "data": common["data"],
        "ns": "keep" if metadata.get("ns") == "keep" else None,
        "source": common["source"],
        "template": metadata["template"],
        "shots": common["shots"],
        "demos": common["demos"],
        "seed": common["seed"] if common["shots"] else None,
        "limit": counts["effective"] if counts["effective"] < counts["original"] else None,
        "decoding": _decoding(result["configs"][common["task"]]),
        "lm_eval": result.get("lm_eval_version"),
    }
    return "|".join(["xling", *(f"{name}:{value}" for name, value in fields.items() if value is not None)])


def _decoding(config: Row) -> str | None:
    """A hash of the generation settings, which --gen_kwargs may have changed; None for a task that ranks."""
    settings = config.get("generation_kwargs")
    if not settings or config.get("output_type") != "generate_until":
        return None
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:8]
