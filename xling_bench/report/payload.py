"""What the page's script reads: cells with signatures, languages, items. One JSON object, names short."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xling_bench.catalog import get_benchmark
from xling_bench.core import languages
from xling_bench.core.text import line
from xling_bench.core.unit import Unit
from xling_bench.metrics.registry import digits_of, get_metric, is_within_language, sign_of
from xling_bench.report.labels import chance_of
from xling_bench.report.measure import Measured
from xling_bench.report.missing import missing
from xling_bench.report.published import PublishedCell
from xling_bench.report.setting import Setting

Json = dict[str, object]
CELL = ("model", "benchmark", "family", "setting", "language", "metric", "value", "low", "high", "n", "seeds",
        "at_chance", "predicted", "leading", "contaminated", "signature")  # fmt: skip


def payload(
    measured: Measured,
    benchmarks: list[str],
    published: list[PublishedCell],
    items: Mapping[str, object],
    pair: list[int],
) -> Json:
    """What the scripts read: `models`, `settings`, `benchmarks` (in the order given), `languages`, `cells` with their
    `columns`, `tokens` (a cell's signature is a list of indices into them, to be joined by `|`), `published` cells of
    papers, `items` (see `drill_down`), `pair`, the two models the drill-down opens with, and, where there are any,
    metrics of which `lower_is_better`, those that compare `within_language` only, and the `digits` of those printed
    with others than one.
    """
    tokens: dict[str, int] = {}
    metrics = sorted(set(map(str, measured.cells["metric"])))
    errors = [name for name in metrics if sign_of(name) < 0]
    within = [name for name in metrics if is_within_language(name)]
    digits = {name: digits_of(name) for name in metrics if digits_of(name) != 1}
    return {
        "models": [line(name) for name in measured.models],
        "settings": [{"key": s.key, "label": s.label} for s in measured.settings],
        "benchmarks": _benchmarks(measured, benchmarks),
        "languages": _languages(measured, published),
        "columns": list(CELL),
        "cells": _cells(measured, tokens),
        "tokens": list(tokens),
        "published": published,
        "items": items,
        "pair": pair,
        **({"lower_is_better": errors} if errors else {}),
        **({"within_language": within} if within else {}),
        **({"digits": digits} if digits else {}),
    }


def script_json(data: object) -> str:
    """JSON that may stand in a `<script>` element: no `<`, `>` or `&` that could end it or start a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _benchmarks(measured: Measured, benchmarks: list[str]) -> Json:
    found: Json = {}
    for key in benchmarks:
        declared = get_benchmark(str(key))
        lead = measured.lead[measured.lead["benchmark"] == key]
        metric = get_metric(str(lead["metric"].iloc[0]))
        found[str(key)] = {
            "title": declared.title,
            "family": measured.families[str(key)],
            "metric": metric.name,
            "chance": None if (chance := chance_of(str(key), metric.name)) is None else round(chance, 2),
            "ranks": metric.ranks,
            "top": 100,
            "percent": metric.share,
            "parallel": declared.parallel,
        }
    return found


def _languages(measured: Measured, published: list[PublishedCell]) -> Json:
    units = {str(unit) for unit in measured.cells["language"]} | {str(cell["language"]) for cell in published}
    keys = sorted({part for unit in units for part in Unit(unit).languages})
    found: Json = {}
    for key in keys:
        language = languages.get(key)
        found[key] = {
            "name": language.name,
            "autonym": language.autonym,
            "dir": language.direction,
            "tag": language.code.replace("_", "-"),
            "resource": language.resource,
            "script": language.script,
            "family": language.family,
            "seen": list(language.seen_by),
        }
    return found


def _cells(measured: Measured, tokens: dict[str, int]) -> list[list[Any]]:
    models = {name: i for i, name in enumerate(measured.models)}
    settings = {setting: i for i, setting in enumerate(measured.settings)}
    rows = []
    for cell in measured.cells.itertuples(index=False):
        signature = [tokens.setdefault(token, len(tokens)) for token in _hidden(str(cell.signature)).split("|")]
        setting = settings[Setting(int(str(cell.shots)), str(cell.demos))]
        flag = None if missing(cell.at_chance) else int(bool(cell.at_chance))
        numbers = [_round(cell.value), _round(cell.low), _round(cell.high), int(str(cell.n)), int(str(cell.seeds))]
        predicted = "" if missing(cell.predicted) else str(cell.predicted)
        head = [models[str(cell.model)], str(cell.benchmark), str(cell.family), setting, str(cell.language)]
        rows.append(
            [
                *head,
                str(cell.metric),
                *numbers,
                flag,
                predicted,
                int(bool(cell.leading)),
                int(bool(cell.contaminated)),
                signature,
            ]
        )
    return rows


def _hidden(signature: str) -> str:
    return line(signature, 2000)


def _round(value: Any) -> float | None:
    """Short, and printed with one decimal the same number as in full."""
    if missing(value):
        return None
    short = round(float(value), 6) + 0.0
    return short if round(short, 1) == round(float(value), 1) else float(value)
