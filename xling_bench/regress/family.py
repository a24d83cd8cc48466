"""How many tests a gate makes, and what each p is worth among them.

A gate over 11 benchmarks at two numbers of shots makes hundreds of tests, any of which may fail a build. Held to 5 %
for each benchmark and number of shots, it failed every second candidate that was no worse. Here alpha is the chance
that the gate as a whole does: half of it is spent on cells, half on averages, each adjusted by Holm over all of its
kind (`benchmarks/gate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xling_bench.regress.settings import GateConfig
from xling_bench.results.tables.compare import GAP, MEAN
from xling_bench.stats import holm


@dataclass(frozen=True, slots=True)
class Judged:
    """What decides on one row: its p, adjusted over so many `tests`."""

    p: float
    tests: int


def over_gate(rows: Sequence[Mapping[Any, Any]], config: GateConfig) -> list[Judged]:
    """Each row of `compare_models`, adjusted over the whole gate, or as `alpha_over` says.

    Tests are two-sided at alpha, and a loss is one side: cells fail a gate of equals in half of alpha at most, averages
    in the other half. Averages that are only reported fail nothing and are adjusted among themselves.
    """
    families: dict[tuple[Any, ...], list[int]] = {}
    for number, row in enumerate(rows):
        families.setdefault(_family(row, config), []).append(number)
    found: dict[int, Judged] = {}
    for members in families.values():
        adjusted = holm([rows[i]["p"] for i in members])
        found |= {i: Judged(p, len(members)) for i, p in zip(members, adjusted, strict=True)}
    return [found[number] for number in range(len(rows))]


def _family(row: Mapping[Any, Any], config: GateConfig) -> tuple[Any, ...]:
    """What a row is adjusted together with."""
    name = row["language"]
    if config.alpha_over == "benchmark":
        group = tuple(row[key] for key in ("benchmark", "family", "shots", "demos", "metric"))
        return (*group, name if name in (MEAN, GAP) else "cells")
    if name not in (MEAN, GAP):
        return ("cells",)
    return ("averages",) if config.action(name) == "gate" else ("reported", name)
