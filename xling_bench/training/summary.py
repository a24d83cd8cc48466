"""What a run is about to do, in lines for a person: model and objective, data, what was left out, two samples."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xling_bench.training.corpora import Streams

TEXT = 100  # characters of a sample that are shown


def summary(plan: dict[str, Any], streams: Streams) -> list[str]:
    """Lines without line breaks. `plan` is that of `training.run.plan`."""
    return [
        _model(plan),
        *_data(plan["data"]),
        *_overlaps(plan["data"]["overlaps"]),
        _amount(plan),
        *_samples(plan, streams),
    ]


def _model(plan: dict[str, Any]) -> str:
    recipe, base, wanted = plan["recipe"], plan["model"], plan["objective"]
    parts = []
    if wanted["contrastive_weight"]:
        parts.append(
            f"{wanted['contrastive_weight']:g} x contrastive loss (layer {wanted['layer']} of {base['layers']}, "
            f"pooling {wanted['pooling']}, temperature {wanted['temperature']:g})"
        )
    if wanted["instruction_weight"]:
        learnt = "causal LM of whole texts" if recipe["method"]["learn"] == "text" else "loss of responses"
        parts.append(f"{wanted['instruction_weight']:g} x {learnt} (per {wanted['per']})")
    model, mode = recipe["model"]["path"], recipe["method"]["mode"]
    return f"model: {model} ({base['type']}); learns {' + '.join(parts)}; mode {mode}"


def _data(report: dict[str, Any]) -> list[str]:
    counts = {
        key: f"{key} {found['pairs']:,} / {found['instructions']:,}" for key, found in report["languages"].items()
    }
    lines = [f"data: pairs / instructions by language: {', '.join(counts.values())}"]
    left: Counter[str] = Counter()
    for source in (*report["pairs"], *report["instructions"]):
        for rows in source.get("rows", {}).values():
            left.update(rows["dropped"])
        for key, value in source["dropped_in_reading"].items():
            left.update(value if isinstance(value, dict) else {key: value})  # by language, then reason; or by reason
        left["instruction without a partner"] += sum(source.get("dropped_without_partner", {}).values())
    told = [f"{count:,} {reason}" for reason, count in sorted(left.items()) if count]
    return [*lines, f"left out in reading: {', '.join(told)}"] if told else lines


def _overlaps(report: dict[str, Any]) -> list[str]:
    if report["policy"] == "unchecked":
        return ["overlaps with benchmarks: not looked for (data.decontaminate is empty)"]
    found = ", ".join(
        f"{benchmark} {language} {entry['exact'] + entry['ngram']}"
        for benchmark, languages in report["found"].items()
        for language, entry in languages.items()
    )
    rows = report["rows"]
    kept = "left out" if report["policy"] == "drop" else "KEPT (data.overlap)"
    what = f"{rows['pairs']:,} pairs, {rows['instructions']:,} instructions {kept}: {found}" if found else "none found"
    lines = [f"overlaps with {', '.join(report['checked'])}: {what}"]
    if missing := [key for key in report["missing"] if key not in report["checked"]]:
        lines.append(f"not compared, for their data are not here: {', '.join(missing)}")
    return lines


def _amount(plan: dict[str, Any]) -> str:
    run = plan["recipe"]["run"]
    drawn = [
        f"{plan[name]:,} {name} (each row {plan['epochs'][name]:.2g} times)"
        for name in ("pairs", "instructions")
        if plan[name]
    ]
    return f"{run['steps']:,} updates: {', '.join(drawn)}"


def _samples(plan: dict[str, Any], streams: Streams) -> list[str]:
    lines = []
    if plan["pairs"] and streams.pairs is not None:
        pair = streams.pairs[0]
        lines.append(
            f"first pair: {pair.source_language} {_shown(pair.source)} = {pair.target_language} {_shown(pair.target)}"
        )
    if plan["instructions"] and streams.instructions is not None:
        drawn = streams.instructions[0]
        lines.append(f"first instruction: {_shown(drawn.prompt)} -> {_shown(drawn.response)}")
    return lines


def _shown(text: str) -> str:
    return repr(text if len(text) <= TEXT else text[: TEXT - 1] + "…")
