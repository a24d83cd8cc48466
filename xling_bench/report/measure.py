"""Everything the page shows, computed once: cells with intervals, spreads, ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xling_bench.core.unit import is_pair
from xling_bench.metrics.registry import is_within_language, scale_of
from xling_bench.report.select import leading, main_families, models_of, resampleable
from xling_bench.report.setting import Setting, settings_of
from xling_bench.results.marks import CONTAMINATED, cells_of, with_marks
from xling_bench.results.matrix import DRAWS, GROUP
from xling_bench.results.mixing import refuse_mixed, refuse_unequal_seeds
from xling_bench.results.tables.overview import overview
from xling_bench.results.tables.ranks import rank_models
from xling_bench.results.tables.uncertainty import cell_intervals, flags_of, spread_intervals

if TYPE_CHECKING:
    import pandas as pd

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """The tables of a report. All values are percent, or points for metrics that are no shares.

    cells: every number, averaged over seeds: model, benchmark, language, family, shots, demos, metric, value, n, low,
    high, at_chance, predicted, leading (whether the leaderboard is made of it), contaminated, signature (of the lowest
    seed). lead: the leaderboard's rows of the frame. spread, overview, ranks: of the leaderboard's rows; None where
    there are no languages, or no item scores. They have a column `contaminated`, too: the sign of those, or "".
    """

    frame: pd.DataFrame
    lead: pd.DataFrame
    models: list[str]
    settings: list[Setting]
    families: dict[str, str]
    cells: pd.DataFrame
    spread: pd.DataFrame | None
    overview: pd.DataFrame | None
    ranks: pd.DataFrame | None


def measure(frame: pd.DataFrame, *, draws: int = DRAWS, step: Step = lambda _: None) -> Measured:
    """Compute a report's tables from the long table; `step` is called with the name of each part before it starts.

    Raises DataError for numbers that were measured differently, and for unequal seeds.
    """
    refuse_mixed(frame)
    refuse_unequal_seeds(frame)
    lead = leading(frame)
    across = lead[~lead["metric"].map(is_within_language).astype(bool)]
    single = across[~across["language"].map(is_pair).astype(bool)]
    step("intervals")
    cells = _cells(frame, lead, draws)
    means = resampleable(across)
    single_means = resampleable(single)
    flags = flags_of(cells)
    step("spread over languages")
    spread = spread_intervals(single_means, draws=draws, flags=flags) if not single_means.empty else None
    table = overview(single, flags=flags) if not single.empty else None
    step("ranks")
    ranks = rank_models(means, draws=draws, flags=flags) if not means.empty else None
    return Measured(
        frame=frame,
        lead=lead,
        models=models_of(frame),
        settings=settings_of(frame),
        families=main_families(frame),
        cells=cells,
        spread=_signed(spread, frame),
        overview=_signed(table, frame),
        ranks=_signed(ranks, frame),
    )


def measures(measured: Measured, benchmarks: Sequence[str]) -> dict[str, str]:
    """{benchmark: its headline metric and the prompt family that stands for it}: `acc, cf`; in the order given."""
    metrics = measured.lead.groupby("benchmark")["metric"].first()
    return {key: f"{metrics[key]}, {measured.families[key]}" for key in benchmarks}


def _signed(table: pd.DataFrame | None, frame: pd.DataFrame) -> pd.DataFrame | None:
    """With the column `contaminated`, empty where nothing is."""
    return None if table is None else with_marks(table.assign(**{CONTAMINATED: ""}), frame)


def _cells(frame: pd.DataFrame, lead: pd.DataFrame, draws: int) -> pd.DataFrame:
    """Every number once, averaged over seeds, with its interval where it is a mean of kept item scores."""
    import pandas as pd

    key = [*GROUP, "language"]
    scale = frame["metric"].map(scale_of).astype("float64")
    rows = frame.assign(value=scale * frame["value"]).sort_values("seed", kind="stable")
    means = {"value": ("value", "mean"), "n": ("n", "first"), "signature": ("signature", "first")}
    cells = rows.groupby(key, sort=True, as_index=False).agg(**means, seeds=("seed", "nunique"))
    scored = resampleable(frame)
    columns = [*key, "low", "high", "chance", "at_chance", "predicted"]
    bounds = cell_intervals(scored, draws=draws)[columns] if not scored.empty else pd.DataFrame(columns=columns)
    for name in key:
        bounds[name] = bounds[name].astype(cells[name].dtype)
    cells = cells.merge(bounds, on=key, how="left")
    learnt = cells_of(frame)
    heads = zip(*(cells[name] for name in ("model", "benchmark", "language")), strict=True)
    cells[CONTAMINATED] = [head in learnt for head in heads]
    leads = set(zip(*(lead[name] for name in key), strict=True))
    cells["leading"] = [row in leads for row in zip(*(cells[name] for name in key), strict=True)]
    return cells
