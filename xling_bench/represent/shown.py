"""What the command prints: a line a model and pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

COLUMNS = ("model", "pair", "retrieval, best layer", "at layer", "MEXA mean", "MEXA max", "gamma", "alignment, last")
MEASURES = ("retrieval_weak", "mexa", "mexa_mean", "mexa_max", "gamma", "alignment")


def table(records: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table of records as alignment.json has them: of every model and pair the weak retrieval at its best
    layer with its interval, MEXA over layers (of all sentences), gamma, and the last layer's alignment; `-` for what
    was not measured."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        if record["measure"] in MEASURES:
            pair = "-".join(sorted(record["pair"].split("-")))
            change = record.get("intervention")
            called = f"{record['model']}, {change}" if change else str(record["model"])
            groups.setdefault((called, pair), []).append(record)
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for (model, _), found in groups.items():
        lines.append("| " + " | ".join([model, *_cells(found)]) + " |")
    return "\n".join(lines) + "\n"


def _cells(found: list[Mapping[str, Any]]) -> list[str]:
    pair = found[0]["pair"]
    best = max(_of(found, pair, "retrieval_weak"), key=lambda record: record["value"])
    low, high = best["interval"]
    shown = f"{best['value']:.1%} [{low:.1%}, {high:.1%}]"
    layer = "-" if best["layer"] is None else str(best["layer"])
    mexa = [_last(_of(found, pair, name)) for name in ("mexa_mean", "mexa_max")]
    if mexa == ["-", "-"]:
        mexa = ["-", _last(_of(found, pair, "mexa"))]
    return [pair, shown, layer, *mexa, _last(_of(found, pair, "gamma")), _last(_of(found, pair, "alignment"))]


def _of(found: list[Mapping[str, Any]], pair: str, measure: str) -> list[Mapping[str, Any]]:
    """A measure's records of most sentences, by layer."""
    these = [record for record in found if record["measure"] == measure and record["pair"] == pair]
    most = max((record["n"] for record in these), default=0)
    return [record for record in these if record["n"] == most]


def _last(these: list[Mapping[str, Any]]) -> str:
    return f"{these[-1]['value']:.3f}" if these and these[-1]["value"] is not None else "-"
