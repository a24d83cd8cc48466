"""Does a model answer alike in all languages? Agreement of the candidates chosen, whether right or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xling_bench.catalog import get_benchmark
from xling_bench.core.languages import PIVOT
from xling_bench.report.measure import Measured
from xling_bench.report.printed import HEAD as TITLES
from xling_bench.report.printed import PROMPTS, Table, in_order, printed, titled
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.results.given import Run, given
from xling_bench.results.matrix import reordered
from xling_bench.results.schema import CHOICES, PATH, SAMPLES
from xling_bench.results.tables.rankc import rankc_table

if TYPE_CHECKING:
    import pandas as pd

HEAD = ["model", "benchmark", "family", "shots", "demos"]


def context(report: Report) -> Context:
    """`consistency` and `rankc`, each None where nothing was measured of which it could be said."""
    agreement = agreement_with_english(report.measured.lead)
    return {
        "consistency": _agreement(agreement, report.measured),
        "reordered": agreement.attrs["reordered"],
        "rankc": _rankc(report.runs, report.measured, report.options.seeds),
    }


def _agreement(table: pd.DataFrame, measured: Measured) -> Table | None:
    if table.empty:
        return None
    units = [str(name) for name in table.columns if name not in (*HEAD, "mean")]
    names = {name: TITLES[name] for name in ("model", "benchmark", "setting")} | PROMPTS | {"mean": "Mean"}
    return printed(titled(in_order(table, measured.models)), names | {unit: unit for unit in units})


def _rankc(runs: Sequence[Run], measured: Measured, seeds: Sequence[int]) -> Table | None:
    """Means over pairs of mLAMA's rankings, of run folders whose form of the data has parallel candidates."""
    frame = measured.frame
    ranked = frame[(frame["metric"] == "p1") & (frame["harness"] == "xling-bench")]
    parallel = ranked[ranked["signature"].str.contains("|form:bmlama", regex=False).astype(bool)]
    whole = {int(str(n)) for n, part in parallel.groupby(PATH) if part[SAMPLES].notna().all()}
    folders = [run for i in sorted(whole) if (run := given(runs[i])).path.is_dir()]
    pairs = parallel[parallel[PATH].isin(whole)].groupby(["model", "family", "shots", "demos", "seed"])["language"]
    if not folders or int(pairs.nunique().max()) < 2:
        return None
    table = rankc_table(folders, seeds)
    return printed(table[table["other"] == "(mean)"].drop(columns=["other", "items"]))


def agreement_with_english(lead: pd.DataFrame) -> pd.DataFrame:
    """One row per model, benchmark, prompt family and setting: the share (percent) of the items both have for which the model chose
    the same candidate as in English, averaged over seeds: `mean` over languages, and a column per language.

    Ranking tasks of parallel benchmarks only, whose candidates mean the same at the same place: languages whose
    candidates stand in another order are named in `attrs["reordered"]`.
    """
    import numpy as np
    import pandas as pd

    rows: list[dict[str, object]] = []
    left_out: dict[str, None] = {}
    for key, part in lead[lead[CHOICES].notna()].groupby([*HEAD, "seed"], sort=True):
        benchmark = get_benchmark(str(key[1]))
        if not benchmark.parallel or not benchmark.guessable(str(part["metric"].iloc[0])):
            continue  # generated, or (mLAMA) with candidates of each language's own
        by_language = {str(row["language"]): row for row in part.to_dict(orient="records")}
        english = by_language.pop(PIVOT, None)
        if english is None or bool((english[CHOICES] < 0).any()):
            continue
        for unit, row in by_language.items():
            both = pd.concat([english[CHOICES], row[CHOICES]], axis=1, join="inner").to_numpy()
            if both.shape[0] == 0:
                continue
            if reordered(english, row):
                left_out[f"{benchmark.title} {unit}"] = None
                continue
            same = 100.0 * float(np.mean(both[:, 0] == both[:, 1]))
            rows.append({**dict(zip(HEAD, key, strict=False)), "language": unit, "same": same})
    table = pd.DataFrame(rows, columns=[*HEAD, "language", "same"])
    table.attrs["reordered"] = list(left_out)
    if table.empty:
        return table
    wide = table.pivot_table(index=HEAD, columns="language", values="same", aggfunc="mean")
    wide.insert(0, "mean", wide.mean(axis=1))
    flat = wide.reset_index()
    flat.columns.name = None
    flat.attrs["reordered"] = list(left_out)
    return flat


HTML = """
<p>Share of items for which a model chooses the same candidate as for the English item, right or wrong (ranking tasks of parallel benchmarks). A model that always gives one answer is perfectly consistent: read it beside the scores.</p>
{% if consistency %}{{ plain_table("consistency", consistency) }}{% else %}<p>No ranking task of a parallel benchmark with English and another language.</p>{% endif %}
{% if reordered %}<p>Left out, for their candidates stand in another order than the English ones: {{ reordered|join("; ")|line(2000) }}.</p>{% endif %}
{% if rankc %}<h3>RankC (mLAMA)</h3><p>Whether the candidates are ranked alike, mean over pairs of languages (Qi et al. 2023), percent.</p>{{ plain_table("rankc", rankc) }}{% endif %}
"""

SECTION = Section("consistency", "Consistency", 80, HTML, context=context, heading="Answer consistency")
