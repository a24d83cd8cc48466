"""Which models of a table were trained from which: pairs of before and after, by the records of their trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xling_bench.results.marks import ANCESTORS

if TYPE_CHECKING:
    import pandas as pd


def trained_from(frame: pd.DataFrame) -> dict[str, str]:
    """{model: the nearest model of the table that it was trained from, by the fingerprint in its record}, in the order
    of the table; models of plain lm-eval, which has no fingerprints, are in no pair."""
    if ANCESTORS not in frame:
        return {}
    models = frame.drop_duplicates(["model"])
    prints = {str(print_): str(model) for print_, model in zip(models["fingerprint"], models["model"], strict=True)}
    prints.pop("", None)
    found = {}
    for model, ancestors in zip(models["model"], models[ANCESTORS], strict=True):
        nearest = next((prints[each] for each in str(ancestors).split() if each in prints), None)
        if nearest is not None and nearest != str(model):
            found[str(model)] = nearest
    return found
