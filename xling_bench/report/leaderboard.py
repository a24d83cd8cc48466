"""The leaderboard: one row per model and setting; a model that lacks cells is marked, never ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xling_bench.catalog import get_benchmark
from xling_bench.core.languages import PIVOT
from xling_bench.core.unit import is_pair
from xling_bench.metrics.registry import is_within_language, sign_of
from xling_bench.report.measure import Measured
from xling_bench.report.missing import missing
from xling_bench.report.setting import Setting
from xling_bench.results.gaps import gap_is
from xling_bench.results.marks import CONTAMINATED
from xling_bench.results.matrix import of_languages
from xling_bench.stats import population_std

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Rank:
    """A place in the order, and how sure it is: `best` to `worst` hold the central 95 %, `tied` names the models whose
    difference from this one has an interval that holds zero."""

    place: int
    best: int
    worst: int
    tied: str


@dataclass(frozen=True, slots=True)
class Score:
    """One number of the leaderboard, in percent or points: a mean over languages, or pairs.

    `low` and `high` are its 95 % interval, None for corpus scores and published numbers; `measured` of `of` languages;
    `at_chance` how many are, None where nobody knows; `std` their population standard deviation, as papers print it;
    `gap` English minus the mean of the others and `gap_is` how it is to be read (`results.gaps`);
    `rank` the place among the models complete on this benchmark; `declared` how many languages the benchmark has;
    `contaminated` whether the model learnt the items of any number that it is made of; `family` of which prompts it is,
    "" where nobody knows, or of several benchmarks.
    """

    value: float
    low: float | None = None
    high: float | None = None
    measured: int = 0
    of: int = 0
    at_chance: int | None = None
    std: float | None = None
    gap: float | None = None
    rank: Rank | None = None
    declared: int = 0
    gap_is: str | None = None
    contaminated: bool = False
    family: str = ""

    @property
    def complete(self) -> bool:
        """Whether all languages were measured that any model has."""
        return self.measured == self.of


@dataclass(frozen=True, slots=True)
class Row:
    """One model in one setting. `overall` is the mean of chance-corrected accuracies, where there are several.

    `rank` None: not ranked; `missing` says what lacks, `unranked` why else. `published`: taken from a paper, not
    measured here.
    """

    model: str
    setting: Setting
    overall: Score | None = None
    rank: Rank | None = None
    missing: str = ""
    unranked: str = ""
    published: str = ""
    scores: dict[str, Score] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """Why it is not ranked, or what lacks besides; empty where there is nothing to say."""
        if self.published:
            return f"published, not measured here: {self.published}"
        lacks = f"lacks {self.missing}" if self.missing else ""
        if self.unranked:
            return "; ".join(filter(None, [f"not ranked: {self.unranked}", lacks]))
        return f"not ranked: {lacks}" if lacks and self.rank is None else lacks


def leaderboard(measured: Measured) -> list[Row]:
    """All rows, by setting, ranked models first, then by name."""
    rows = [_row(measured, model, setting) for setting in measured.settings for model in measured.models]
    there = set(zip(*(measured.frame[name] for name in ("model", "shots", "demos")), strict=True))
    rows = [row for row in rows if row.scores or (row.missing and (row.model, *_shots(row.setting)) in there)]
    return sorted(rows, key=_order)


def _order(row: Row) -> tuple[Any, ...]:
    place = row.rank.place if row.rank else 10**6
    return (row.setting.shots, row.setting.demos, bool(row.published), place, row.model)


def _row(measured: Measured, model: str, setting: Setting) -> Row:
    ranks = None if measured.ranks is None else setting.rows(measured.ranks)
    pooled = ranks[(ranks["family"] == "") & (ranks["model"] == model)] if ranks is not None else None
    single = ranks[(ranks["family"] != "") & (ranks["model"] == model)] if ranks is not None else None
    scores = {}
    for benchmark, part in setting.rows(_across(measured.cells[measured.cells["leading"]])).groupby("benchmark"):
        mine = part[part["model"] == model]
        if not mine.empty:
            ranked = single[single["benchmark"] == benchmark] if single is not None else None
            scores[str(benchmark)] = _score(str(benchmark), mine, part, ranked, _of_model(measured.spread, mine))
    rank, overall, lacks, why = None, None, "", ""
    if pooled is not None and not pooled.empty:
        overall = _overall(pooled.iloc[0])
        (rank, lacks), why = _rank(pooled.iloc[0]), _unranked(pooled.iloc[0], measured.models)
    elif single is not None and single["benchmark"].nunique() == 1:
        (rank, lacks), why = _rank(single.iloc[0]), _unranked(single.iloc[0], measured.models)
    lacking = [f"{get_benchmark(b).title}: {s.of - s.measured} of {s.of}" for b, s in scores.items() if not s.complete]
    absent = sorted(set(setting.rows(_across(measured.lead))["benchmark"]) - set(scores))
    lacking += [f"{get_benchmark(str(b)).title}: all" for b in absent]
    if lacking:
        lacks = "; ".join(lacking)
    elif single is not None and single.empty:
        lacks = "item scores"
    return Row(model, setting, overall, rank, lacks, why, scores=scores)


def _across(rows: pd.DataFrame) -> pd.DataFrame:
    """Those that have a mean over languages: not those of metrics that compare within a language only."""
    return rows[~rows["metric"].map(is_within_language).astype(bool)]


def _shots(setting: Setting) -> tuple[int, str]:
    return setting.shots, setting.demos


def _overall(row: pd.Series[Any]) -> Score | None:
    if missing(row["mean"]):
        return None
    chance = None if missing(row["at_chance"]) else int(row["at_chance"])
    bounds, learnt = (_float(row["low"]), _float(row["high"])), bool(row[CONTAMINATED])
    return Score(row["mean"], *bounds, int(row["languages"]), int(row["of"]), chance, contaminated=learnt)


def _rank(row: pd.Series[Any]) -> tuple[Rank | None, str]:
    lacks = "" if missing(row["missing"]) else str(row["missing"])
    if missing(row["rank"]):
        return None, lacks
    return Rank(int(row["rank"]), int(row["rank_best"]), int(row["rank_worst"]), str(row["tied_with"] or "")), lacks


def _unranked(row: pd.Series[Any], models: Sequence[str]) -> str:
    """Why a complete model has no rank: most of its cells are at chance, or of several models none is left to be ranked
    against."""
    if not missing(row["rank"]) or not missing(row["missing"]):
        return ""
    chance, of = 0 if missing(row["at_chance"]) else int(row["at_chance"]), int(row["of"])
    if 2 * chance > of:
        return f"{chance} of {of} cells at chance"
    return "no other model to be ranked against" if len(models) > 1 else ""


def _of_model(spread: pd.DataFrame | None, mine: pd.DataFrame) -> pd.Series[Any] | None:
    """The row of `spread_intervals` that these cells are."""
    if spread is None:
        return None
    same = spread
    for name in ("model", "benchmark", "shots", "demos"):
        same = same[same[name] == mine[name].iloc[0]]
    return None if same.empty else same.iloc[0]


def _score(benchmark: str, mine: pd.DataFrame, part: pd.DataFrame, ranked: Any, spread: Any) -> Score:
    """The mean of a model's cells: over languages, or over pairs where a benchmark has no single languages.

    The interval is `spread_intervals`', or that of the ranking where there are pairs only.
    """
    units = of_languages(sorted({str(unit) for unit in part["language"]}))
    mine = mine[mine["language"].isin(units)]
    values = [float(value) for value in mine["value"]]
    low = high = rank = None
    if ranked is not None and not ranked.empty:
        low, high = _float(ranked.iloc[0]["low"]), _float(ranked.iloc[0]["high"])
        rank, _ = _rank(ranked.iloc[0])
    if spread is not None and not is_pair(units[0]):
        low, high = _float(spread["low"]), _float(spread["high"])
    sign = sign_of(str(part["metric"].iloc[0]))
    english = mine.loc[mine["language"] == PIVOT, "value"]
    others = mine.loc[mine["language"] != PIVOT, "value"]
    known = mine[mine["at_chance"].notna()]
    at_chance = dict(zip(known["language"], known["at_chance"].astype(bool), strict=True)) or None
    gap = None if english.empty or others.empty or is_pair(units[0]) else sign * float(english.iloc[0] - others.mean())
    return Score(
        value=sum(values) / len(values) if values else float("nan"),
        low=low,
        high=high,
        measured=len(values),
        of=len(units),
        at_chance=sum(at_chance.values()) if at_chance else None,
        std=population_std(values) if values else None,
        gap=gap,
        gap_is=None if gap is None else gap_is(at_chance, units),
        rank=rank,
        declared=len(of_languages(get_benchmark(benchmark).units())),
        contaminated=bool(mine[CONTAMINATED].any()),
        family=str(part["family"].iloc[0]),
    )


def _float(value: Any) -> float | None:
    return None if missing(value) else float(value)
