"""Runs for tests of the report: two models, four languages, texts in their scripts, outcomes made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from runs import outcomes, turned, write_run

UNITS = ("en", "ar", "sw", "zh")
WORDS = {"en": "The dog barks", "ar": "الكلب ينبح", "sw": "Mbwa anabweka", "zh": "狗在叫"}
HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    '<img src=x onerror="window.pwned = 1">',
    "\"'><svg/onload=window.pwned=1>",
    "<!--<script>",
    "\u202eevil\u202d \u2066isolated\u2069",
    "NUL \x00 and \x1b[31m and \x7f",
    '=HYPERLINK("http://example.com")',
    "{{ 7*7 }} {% raw %}",
    "x" * 1_000_000,
    "\ud800 lone",
)


def xnli_texts(unit: str, number: int) -> tuple[dict[str, Any], list[Any]]:
    """An item of XNLI's shape."""
    doc = {"premise": f"{WORDS[unit]} {number}", "hypothesis": f"{WORDS[unit]}?", "label": number % 3}
    return doc, [[-1.0, False], [-2.0, False], [-3.0, False]]


def xquad_texts(unit: str, number: int) -> tuple[dict[str, Any], list[Any]]:
    """An item of XQuAD's shape."""
    doc = {"context": WORDS[unit] * 3, "question": f"{WORDS[unit]} {number}?", "answers": [WORDS[unit]]}
    return doc, [f"{WORDS[unit]} {number}"]


def two_runs(folder: Path, items: int = 60) -> list[Path]:
    """Runs `base` and `tuned`: XNLI at 0 and 5 shots and XQuAD; tuned lost a tenth of Swahili's XNLI."""
    base, graded = outcomes(items, UNITS), outcomes(items, UNITS, seed=2)
    tuned = base | {"sw": turned(base["sw"], 0.1)}
    runs = []
    for name, scores in (("base", base), ("tuned", tuned)):
        run = folder / name
        for shots in (0, 5):
            write_run(run, scores, model=f"./{name}", shots=shots, texts=xnli_texts, choices=choices(scores))
        half = {unit: values / 2 for unit, values in graded.items() if unit != "sw"}  # XQuAD has no Swahili
        write_run(run, half, benchmark="xquad", metric="f1", family="xllama", model=f"./{name}", texts=xquad_texts,
                  choices={unit: np.full(items, -1) for unit in half})  # fmt: skip
        runs.append(run)
    return runs


def choices(scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Candidates that give these scores for items whose label is their number modulo 3."""
    return {
        unit: np.where(values == 1, np.arange(values.size) % 3, (np.arange(values.size) + 1) % 3)
        for unit, values in scores.items()
    }


def hostile_runs(folder: Path) -> list[Path]:
    """Items and answers that try to break the page, from models whose names do."""

    def ranked(unit: str, number: int) -> tuple[dict[str, Any], list[Any]]:
        text = HOSTILE[number % len(HOSTILE)]
        return {"premise": text, "hypothesis": f"{unit} {text}"[:2000], "label": 0}, [[-1.0, False]] * 3

    def generated(unit: str, number: int) -> tuple[dict[str, Any], list[Any]]:
        text = HOSTILE[number % len(HOSTILE)]
        return {"context": text, "question": text, "answers": [text]}, [text]

    runs = []
    for number, name in enumerate(('<b>bold</b> & "quoted" | pipe $x_1$', "</script>\u202e\x00" + "y" * 3000)):
        run, scores = folder / f"run{number}", outcomes(20, ("en", "ar"), seed=number)
        write_run(run, scores, name=name, texts=ranked, choices=choices(scores))
        graded = {unit: values / 2 for unit, values in scores.items()}
        none = {unit: np.full(20, -1) for unit in scores}
        write_run(
            run, graded, benchmark="xquad", metric="f1", family="xllama", name=name, texts=generated, choices=none
        )
        runs.append(run)
    return runs
