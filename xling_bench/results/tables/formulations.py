"""Cloze form against letter form: the same questions, models and items, scored by answers' texts and by letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xling_bench.metrics.registry import is_within_language, scale_of, sign_of
from xling_bench.results.clusters import clusters_in, codes_for
from xling_bench.results.matrix import DRAWS, columns, counted, noise_of, of_languages, with_items
from xling_bench.results.schema import Row
from xling_bench.results.tables.compare import ALPHA, MEAN, Settings, difference_of, over_languages

if TYPE_CHECKING:
    import pandas as pd

# Families that ask the same in the same words, once with and once without the list of answers.
PAIRS = (("cf", "mcf"), ("cf-native", "mcf-native"))
HEAD = ["benchmark", "shots", "demos", "metric", "model"]
NAMES = ["families", "language", "cloze", "letters", "difference", "low", "high", "p", "items"]


def formulations(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """One row per model, benchmark, shots, demonstrations, metric and language measured in both forms, with their
    scores, the difference letters minus cloze, its 95 % interval and p (paired by item, clusters resampled together,
    not adjusted for the number of rows); then `(mean)` over the languages. Percentage points of shares.

    `families` names the two. Empty where nothing was measured in both. Raises DataError as `with_items`.
    """
    import pandas as pd

    rows: list[Row] = []
    have = with_items(frame)
    for cloze, letters in PAIRS:
        both = have[have["family"].isin([cloze, letters])]
        for key, group in both.groupby(HEAD, sort=True):
            head = {**dict(zip(HEAD, key, strict=True)), "families": f"{cloze}, {letters}"}
            parts = [group[group["family"] == name] for name in (cloze, letters)]
            rows += [head | row for row in _compared(parts[0], parts[1], draws, seed)]
    return counted(pd.DataFrame(rows, columns=[*HEAD, *NAMES]))


def _compared(cloze: pd.DataFrame, letters: pd.DataFrame, draws: int, seed: int) -> list[Row]:
    """The rows of one benchmark's languages, and of their mean."""
    import pandas as pd

    first, second, sides = columns(cloze), columns(letters), dict[str, pd.DataFrame]()
    for unit in first.keys() & second.keys():
        side = pd.concat([first[unit], second[unit]], axis=1, join="inner").sort_index()
        if not side.empty:
            sides[unit] = side
    if not sides:
        return []
    sides = {unit: sides[unit] for unit in first if unit in sides}  # English first
    metric, clusters = str(cloze["metric"].iloc[0]), clusters_in(pd.concat([cloze, letters]))
    settings = Settings(scale_of(metric), sign_of(metric), draws, seed, ALPHA, noise_of(metric))
    cells = [difference_of(x, side, codes_for(clusters, side.index), settings) for x, side in sides.items()]
    averages = [] if is_within_language(metric) else over_languages(sides, clusters, settings)
    cells += [cell for cell in averages if cell["language"] == MEAN]
    means = pd.DataFrame({unit: side.to_numpy().mean(axis=0) for unit, side in sides.items()})
    means[MEAN] = means[of_languages(sides)].mean(axis=1)
    found: list[Row] = []
    for cell in cells:
        both: Row = dict(zip(("cloze", "letters"), means[cell["language"]].tolist(), strict=True))
        found.append({name: value for name, value in {**both, **cell}.items() if name in NAMES})
    return found
