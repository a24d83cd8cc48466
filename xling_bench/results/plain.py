"""Results files of plain `lm_eval`: the records of the tasks of ours in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xling_bench.catalog import get_benchmark
from xling_bench.catalog.benchmark import BY_ITEM
from xling_bench.catalog.prompt import Form
from xling_bench.core.errors import DataError
from xling_bench.core.languages import PIVOT
from xling_bench.core.reading import parse_json
from xling_bench.core.unit import Unit
from xling_bench.results.chance import chance_by_item
from xling_bench.results.naming import recorded
from xling_bench.results.record import Record
from xling_bench.results.seal import Result

ENGLISH = ("semantic", "afp")  # demonstrations that are English unless said otherwise
HARNESS = "lm_eval"
TRANSFORMERS = ("hf", "hf-auto", "huggingface", "hf-multimodal", "xling-hf", "unknown")  # its models that are
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Data:
    """What our documents carry: source, hash and form of the data, the metrics' rules; unknown without samples."""

    source: str = UNKNOWN
    data: str = UNKNOWN
    form: str = UNKNOWN
    rules: Mapping[str, str] | None = None


def plain_records(result: Result, path: Path) -> Iterator[Record]:
    """Tasks of ours in a results file of plain lm_eval; its own tasks are passed over."""
    stamp = path.stem.removeprefix("results_")
    for task, config in result["configs"].items():
        declared = declared_in(config)
        if declared is None:
            continue
        metadata, found = config["metadata"], result["results"][task]
        metrics = [e["metric"] for e in config["metric_list"] if f"{e['metric']},none" in found]
        samples = path.with_name(f"samples_{task}_{stamp}.jsonl")
        shots, counts = int(result["n-shot"][task]), result["n-samples"][task]
        model, identity = recorded(result["config"])
        data = _data_of(samples)
        demos = demos_label(metadata) if shots else "none"
        seed = int(metadata.get("demo_seed", 0)) if shots else 0
        fields = {
            "task": task,
            "language": metadata["language"],
            "split": metadata.get("split", "test"),
            "form": data.form,
            "data": data.data,
            "ns": "keep" if metadata.get("ns") == "keep" else None,
            "source": data.source,
            "template": Form(**declared["form"]).digest(),  # a copy may have been edited
            "declaration": metadata.get("declaration"),
            "shots": shots,
            "demos": demos,
            "seed": seed if shots else None,
            "limit": counts["effective"] if counts["effective"] < counts["original"] else None,
            "decoding": _decoding(config),
            "engine": _engine(result["config"]),
            "lm_eval": result.get("lm_eval_version"),
        }
        yield Record(
            path=path,
            samples=samples,
            harness=HARNESS,
            model=model,
            identity=identity,
            benchmark=declared["benchmark"],
            unit=Unit(declared["unit"]),
            family=metadata["family"],
            task=task,
            split=fields["split"],
            shots=shots,
            demos=demos,
            seed=seed,
            source=data.source,
            items=counts["effective"],
            values={name: found[f"{name},none"] for name in metrics},
            rules={name: (data.rules or {}).get(name, UNKNOWN) for name in metrics},
            headline=next((name for name in data.rules or metrics if name in metrics), ""),
            chance=_chance(declared["benchmark"], samples),
            signature="|".join(["xling", *(f"{name}:{value}" for name, value in fields.items() if value is not None)]),
        )


def declared_in(config: Mapping[str, Any]) -> Any:
    """What a task of ours declares in the configuration that lm_eval writes; None for one of its own."""
    return (config.get("dataset_kwargs") or {}).get("xling")


def own_tasks_in(result: Result) -> list[str]:
    """The names of lm-eval's own tasks in a results file of plain lm_eval."""
    return [task for task, config in result["configs"].items() if declared_in(config) is None]


def _chance(key: str, samples: Path) -> float | None:
    """What guessing gets of the items in a file of samples, where the benchmark does not say it; None without them."""
    if get_benchmark(key).chance != BY_ITEM or not samples.is_file():
        return None
    with samples.open(encoding="utf-8", errors="surrogateescape") as lines:
        docs = (parse_json(line, str(samples), line=number)["doc"] for number, line in enumerate(lines, start=1))
        return chance_by_item(get_benchmark(key), (len(doc["texts"]) for doc in docs))


def demos_label(metadata: Mapping[str, object]) -> str:
    """What our runner calls these demonstrations (`harness.demos.Demos.label`)."""
    policy = metadata.get("demos", "fixed")
    language = metadata.get("demo_lang") or (PIVOT if policy in ENGLISH else "")
    return "-".join(filter(None, ("" if policy == "fixed" else str(policy), str(language)))) or "same"


def _data_of(samples: Path) -> _Data:
    if not samples.is_file():
        return _Data()
    with samples.open(encoding="utf-8", errors="surrogateescape") as lines:
        first = lines.readline()
    if not first.strip():
        raise DataError(f"{samples} is empty")
    doc = parse_json(first, str(samples), line=1)["doc"]
    return _Data(doc["data_source"], doc["data_hash"], doc["id"].partition("-")[0], doc["metrics"])


def _engine(config: object) -> str | None:
    """Which of lm-eval's models computed, where that is not transformers: vllm, sglang, an API."""
    model = config.get("model") if isinstance(config, dict) else None
    return model if isinstance(model, str) and model not in TRANSFORMERS else None


def _decoding(config: Mapping[str, object]) -> str | None:
    """A hash of the generation settings, which --gen_kwargs may have changed; None for a task that ranks."""
    settings = config.get("generation_kwargs")
    if not settings or config.get("output_type") != "generate_until":
        return None
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:8]
