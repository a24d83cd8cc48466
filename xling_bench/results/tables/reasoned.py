"""Scores given the language that a model reasoned in: the item's own, English, another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.languages import PIVOT
from xling_bench.metrics.registry import scale_of
from xling_bench.results.clusters import FEW_ITEMS, TOO_FEW, clusters_in, codes_for
from xling_bench.results.matrix import DRAWS, counted, percentiles, with_items
from xling_bench.results.schema import ABSENT, ITEMS
from xling_bench.stats import bootstrap_mean

if TYPE_CHECKING:
    import pandas as pd

RUN = ["model", "benchmark", "family", "shots", "demos"]
COLUMNS = [*RUN, "language", "metric", "reasoned_in", "items", "share", "value", "low", "high"]
SHARES = {"target": "reasoning_target", "english": "reasoning_english", "other": "reasoning_other"}
SCORE = "exact_number"  # of answers whose reasoning can have a language
CURE = f"pip install '.[langid]', then `xling-bench score RUN --metrics {','.join((SCORE, *SHARES.values()))}`"
TARGET, NOT_ENGLISH, MIXED, UNDECIDED = "target", "not english", "mixed", "undecided"
ORDER = (TARGET, "english", "other", NOT_ENGLISH, MIXED, UNDECIDED)
MOST = 0.5  # of an answer's decidable text is more than this in a language, it was reasoned in it


def reasoned_scores(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """One row per model, benchmark, ..., language and language of reasoning: items, their share of all, the headline's
    mean over them with a 95 % interval (all in percent). Seeds are pooled, an item's answers drawn together.

    `reasoned_in`: `target` (the item's language), `english` or `other` where more than half of an answer's decidable
    text is in it; `not english` where that is known, but the item's language is not recognised; `mixed` where none has
    half; `undecided` where less than half could be decided (numbers, too short). Which items stand in a row depends on
    the model, so that rows of different models, or of one, are of different items: descriptive, no effect of the
    language.
    Raises DataError where no result has shares of reasoning (`reasoning_...`).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    whole = with_items(frame)
    for key, run in whole.groupby(RUN, sort=True):
        if not asked(run):
            continue
        declared = get_benchmark(str(key[1])).metrics["generate"]
        metric = next(name for name in (*declared, *run["metric"]) if name in set(run["metric"]) - {*SHARES.values()})
        for language in sorted(set(run["language"]), key=lambda unit: (unit != PIVOT, unit)):
            of_language = run[run["language"] == language]
            head = {**dict(zip(RUN, key, strict=True)), "language": language, "metric": metric}
            rows += [{**head, **row} for row in _rows(of_language, metric, draws, seed)]
    if not rows:
        raise DataError(
            "no result says in which language a model reasoned: run MGSM or AfriMGSM with a chain of thought "
            "(xling_mgsm), with the metrics reasoning_target and reasoning_english."
            if frame[frame["metric"] == SCORE].empty
            else f"no result says in which language a model reasoned, but there are answers that can: {CURE}."
        )
    return counted(pd.DataFrame(rows, columns=COLUMNS))


def asked(frame: pd.DataFrame) -> bool:
    """Whether any result was to say in which language the model reasoned, be it that no answer could be decided."""
    absent = {name for names in frame.get(ABSENT, ()) for name in names}
    return bool({*frame["metric"], *absent} & set(SHARES.values()))


def too_few(table: pd.DataFrame) -> list[str]:
    """A sentence, where rows of `reasoned_scores` are of few items; empty if none."""
    few = int((table["items"] < FEW_ITEMS).sum())
    return [f"{TOO_FEW}: {few} of {len(table)} rows; all right or all wrong is no certainty."] if few else []


def _rows(results: pd.DataFrame, metric: str, draws: int, seed: int) -> list[dict[str, Any]]:
    import pandas as pd

    pooled = []
    for _, part in results.groupby("seed", sort=True):
        by_metric = dict(zip(part["metric"], part[ITEMS], strict=True))
        if metric in by_metric:
            scores = by_metric[metric]
            shares = {name: by_metric[of].reindex(scores.index) for name, of in SHARES.items() if of in by_metric}
            pooled.append(pd.DataFrame({"score": scores, "reasoned_in": _reasoned_in(shares, len(scores))}))
    if not pooled:
        return []
    table = pd.concat(pooled)
    clusters = clusters_in(results)
    found = []
    for name in ORDER:
        mine = table[table["reasoned_in"] == name]
        if mine.empty:
            continue
        scores = scale_of(metric) * mine["score"].to_numpy(dtype=np.float64)
        codes = codes_for(clusters, mine.index)
        if codes is None and len(pooled) > 1:
            codes = pd.factorize(mine.index)[0].astype(np.int64)
        low, high = percentiles(bootstrap_mean(scores, draws, seed, codes))
        found.append({"reasoned_in": name, "items": len(mine), "share": 100 * len(mine) / len(table),
                      "value": float(scores.mean()), "low": low, "high": high})  # fmt: skip
    return found


def _reasoned_in(shares: dict[str, pd.Series[float]], items: int) -> list[str]:
    """The language of each item's reasoning, from the shares that exist."""
    missing = [float("nan")] * items
    found = [shares[name].to_numpy(dtype=np.float64) if name in shares else missing for name in SHARES]
    return [_named(target, english, other) for target, english, other in zip(*found, strict=True)]


def _named(target: float, english: float, other: float) -> str:
    if np.isnan(target) and np.isnan(english):
        return UNDECIDED
    for name, share in zip(SHARES, (target, english, other), strict=True):
        if share > MOST:
            return name
    return NOT_ENGLISH if np.isnan(target) and english < MOST else MIXED
