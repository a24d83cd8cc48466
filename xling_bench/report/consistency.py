"""Does a model answer alike in all languages? Agreement of the candidates chosen, whether right or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xling_bench.catalog import get_benchmark
from xling_bench.core.languages import PIVOT
from xling_bench.results.schema import CHOICES

if TYPE_CHECKING:
    import pandas as pd

HEAD = ["model", "benchmark", "shots", "demos"]


def agreement_with_english(lead: pd.DataFrame) -> pd.DataFrame:
    """One row per model, benchmark and setting: the share (percent) of the items both have for which the model chose
    the same candidate as in English, averaged over seeds: `mean` over languages, and a column per language.

    Ranking tasks of parallel benchmarks only, whose candidates mean the same at the same place.
    """
    import numpy as np
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for key, part in lead[lead[CHOICES].notna()].groupby([*HEAD, "seed"], sort=True):
        benchmark = get_benchmark(str(key[1]))
        if not benchmark.parallel or benchmark.chance_of(str(part["metric"].iloc[0])) is None:
            continue  # generated, or (mLAMA) with candidates of each language's own
        by_language = {str(unit): choices for unit, choices in zip(part["language"], part[CHOICES], strict=True)}
        english = by_language.get(PIVOT)
        if english is None or bool((english < 0).any()):
            continue
        for unit, choices in by_language.items():
            both = pd.concat([english, choices], axis=1, join="inner").to_numpy()
            if unit == PIVOT or both.shape[0] == 0:
                continue
            same = 100.0 * float(np.mean(both[:, 0] == both[:, 1]))
            rows.append({**dict(zip(HEAD, key, strict=False)), "language": unit, "same": same})
    table = pd.DataFrame(rows, columns=[*HEAD, "language", "same"])
    if table.empty:
        return table
    wide = table.pivot_table(index=HEAD, columns="language", values="same", aggfunc="mean")
    wide.insert(0, "mean", wide.mean(axis=1))
    flat = wide.reset_index()
    flat.columns.name = None
    return flat
