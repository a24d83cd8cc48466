"""What the layout `page.html.j2` is given: tables as text, notes, prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xling_bench.catalog import get_benchmark
from xling_bench.core.text import line, number_of
from xling_bench.core.unit import Unit
from xling_bench.report import consistency, methods, sensitivity
from xling_bench.report.leaderboard import Row, missing
from xling_bench.report.measure import Measured
from xling_bench.report.page import Table, printed
from xling_bench.report.select import Setting, resampleable
from xling_bench.results.clusters import too_few, unclustered
from xling_bench.results.doubts import doubtful
from xling_bench.results.gaps import AT_LEAST, NOTHING
from xling_bench.results.given import Run, given
from xling_bench.results.mixing import limits
from xling_bench.results.schema import ITEMS, NOTES, PATH, SAMPLES
from xling_bench.results.tables.compare import ALPHA, compare_models, left_out
from xling_bench.results.tables.rankc import rankc_table

if TYPE_CHECKING:
    import pandas as pd

HEAD = {"model": "Model", "benchmark": "Benchmark", "setting": "Setting", "metric": "Metric"}

MODEL_HEAD = {
    "model": "Model",
    "fingerprint": "Fingerprint of its files",
    "revision": "Revision",
    "scoring": "Scored by",
    "lm_eval": "lm-eval",
    "v": "xling-bench",
    "code": "Code",
    "joiner": "After each demonstration",
    "dtype": "Numbers",
    "peft": "Adapter",
}


def page_context(measured: Measured, title: str, board: list[Row], benchmarks: list[str], draws: int) -> dict[str, Any]:
    """What the layout names, but for figures, the two models held against each other, sensitivity and RankC."""
    frame, lead = measured.frame, measured.lead
    units = {str(unit) for unit in frame["language"]}
    titles = [
        {"key": key, "title": get_benchmark(key).title, "metric": lead.loc[lead["benchmark"] == key, "metric"].iloc[0]}
        for key in benchmarks
    ]
    settings = list(dict.fromkeys(row.setting for row in board))
    return {
        "title": line(title, 120),
        "models": [line(name) for name in measured.models],
        "benchmarks": titles,
        "language_count": len({key for unit in units for key in Unit(unit).languages}),
        "pair_count": len({unit for unit in units if Unit(unit).is_pair}),
        "cell_count": len(measured.cells),
        "sample": bool((frame["source"] == "sample").any()),
        "ranked_by": _ranked_by(measured),
        "board": [(setting, [row for row in board if row.setting == setting]) for setting in settings],
        "spread": _spread(measured),
        "consistency": _consistency(measured),
        "chance_note": _chance_note(board),
        "published_note": _published_note(board),
        "gap_note": _gap_note(measured),
        "prompts": methods.prompts(frame),
        "model_table": printed(_frame(methods.model_rows(frame, measured.models)), MODEL_HEAD),
        "data_rows": methods.benchmark_rows(frame),
        "metrics": methods.metric_rows(frame),
        "at_chance": _at_chance(measured),
        "draws": f"{draws:,}",
    }


def _ranked_by(measured: Measured) -> str:
    """What the ranks are of: one sentence, or one for each setting where they differ."""
    ranks = measured.ranks
    if ranks is None:
        return "Not ranked: no benchmark has item scores."
    said: dict[str, list[str]] = {}
    for setting in measured.settings:
        here = ranks[(ranks["shots"] == setting.shots) & (ranks["demos"] == setting.demos)]
        said.setdefault(_ranked_in(here), []).append(setting.label)
    if len(said) == 1:
        return next(iter(said))
    return " ".join(f"{', '.join(at)}: {text}" for text, at in said.items() if text)


def _ranked_in(ranks: pd.DataFrame) -> str:
    ranked = sorted({str(key) for key in ranks.loc[ranks["family"] != "", "benchmark"]})
    if not ranked:
        return "Not ranked: no benchmark has item scores."
    accuracy = [get_benchmark(key).title for key in ranked if get_benchmark(key).chance is not None]
    if len(accuracy) > 1 and (ranks["family"] == "").any():  # else by different metrics, which have no common mean
        overall = f"chance-corrected accuracy, mean over {', '.join(accuracy)}."
        return f"Ranked by overall: {overall}" if ranks["model"].nunique() > 1 else f"Overall: {overall}"
    if ranks["model"].nunique() == 1:
        return ""
    if len(ranked) == 1:
        return f"Ranked by {get_benchmark(ranked[0]).title}."
    return "Not ranked: an order over benchmarks needs at least two with accuracies. Sort by a column."


def notes_of(frame: pd.DataFrame) -> list[str]:
    """What a reader must know before any number: limits, other splits, results of plain lm_eval, items of which
    nobody knows which belong together."""
    notes = []
    limited = limits(frame)
    if limited:
        notes.append(f"Not the whole benchmarks (--limit): {limited}.")
    splits = sorted(set(frame["split"]) - {"test"})
    if splits:
        notes.append(f"Some numbers are of the split {', '.join(splits)}, not of test.")
    if (frame["harness"] == "lm_eval").any():
        notes.append("Some results come from plain lm_eval, whose signatures hold no dtype and no chat template.")
    notes += [line(note, 400) for note in frame.attrs.get(NOTES, [])]
    bare = int(((frame["harness"] == "xling-bench") & frame[ITEMS].notna() & frame[SAMPLES].isna()).sum())
    if bare:
        notes.append(f"{number_of(bare, 'number')} without samples.jsonl: items' texts and answers are not shown.")
    notes += too_few(resampleable(frame))
    return notes + unclustered(frame) + [line(f"{note}.", 400) for note in doubtful(frame)]


def change(measured: Measured, pair: tuple[str, str], draws: int) -> dict[str, Any]:
    """`before`, `after`, `table` of paired differences (None where they share no cell with items), `notes` on what only
    one of the two has."""
    kept = resampleable(measured.lead)
    both = kept[kept["model"].isin(pair)]
    cells = both.groupby(["benchmark", "shots", "demos", "metric", "language"])["model"].nunique()
    table, verdict = None, ""
    if not cells.empty and int(cells.max()) == 2:
        found = compare_models(both, *pair, draws=draws)
        verdict = _verdict(found)
        names = {name: title for name, title in HEAD.items() if name != "model"} | {"language": "Language"}
        names |= {"items": "Items", "difference": "Difference", "interval": "95 %", "p_holm": "p (Holm)", "p": "p"}
        names |= {"mde": "Detectable", "chance": "At chance before, after", "gaps": "Gap is before, after"}
        counts = zip(found["at_chance_a"], found["at_chance_b"], found["languages"], strict=True)
        found["chance"] = ["" if missing(a) else f"{a}, {b} of {n}" for a, b, n in counts]
        found["gaps"] = [
            "" if missing(a) else f"{a}, {b}" for a, b in zip(found["gap_is_a"], found["gap_is_b"], strict=True)
        ]
        found = found.sort_values(["p_holm", "p"], kind="stable", ignore_index=True, na_position="last")
        table = printed(_titled(_with_interval(found, "low", "high")), names)
    notes = [line(note, 300) for note in left_out(measured.lead, *pair)]
    return {"before": pair[0], "after": pair[1], "table": table, "verdict": verdict, "notes": notes}


def _verdict(found: pd.DataFrame) -> str:
    """What the comparison comes to, in a sentence."""
    import pandas as pd

    cells = found[found["p_holm"].notna()]
    sure = cells[cells["p_holm"] < ALPHA]
    chance = pd.to_numeric(sure["at_chance_a"]).gt(0) & pd.to_numeric(sure["at_chance_b"]).gt(0)
    judged = sure[~chance]
    better, worse = int((judged["difference"] > 0).sum()), int((judged["difference"] < 0).sum())
    text = f"Of {len(cells)} cells {better} got better and {worse} worse (p below {ALPHA:g} after Holm)"
    text += f"; {int(chance.sum())} more changed while at chance on both sides" if chance.any() else ""
    return f"{text}; {len(cells) - len(sure)} are undecided, which is not “the same”."


def _spread(measured: Measured) -> Table | None:
    if measured.spread is None or measured.overview is None:
        return _optional(measured.overview)
    keys = ["model", "benchmark", "family", "shots", "demos", "metric"]
    more = measured.overview[[*keys, "worst", "min", "relative_gap"]]
    table = _with_interval(measured.spread.merge(more, on=keys, how="left"), "gap_low", "gap_high")
    table = _in_order(table, measured.models)
    names = HEAD | {"languages": "Languages", "at_chance": "At chance", "mean": "Mean", "gap": "Gap to en"}
    names |= {
        "interval": "95 %",
        "gap_is": "Gap is",
        "relative_gap": "Relative gap %",
        "std": "Std",
        "std_corrected": "Std without noise",
    }
    names |= {"worst": "Worst", "min": "Minimum", "consistency": "Same answer in two languages %"}
    return replace(printed(_titled(table), names), marked=frozenset(_idle(table)))


def _idle(table: pd.DataFrame) -> list[int]:
    """The rows that mean nothing: English at chance, or without a gap more than half of the languages."""
    rows = zip(table["gap_is"], table["at_chance"], table["languages"], strict=True)
    return [
        i
        for i, (gap, chance, of) in enumerate(rows)
        if gap == NOTHING or (missing(gap) and not missing(chance) and 2 * int(chance) > int(of))
    ]


def _gap_note(measured: Measured) -> str:
    """The largest gap that means something."""
    if measured.spread is None or measured.spread["gap"].isna().all():
        return ""
    table = measured.spread[measured.spread["gap_is"] != NOTHING].dropna(subset=["gap"])
    if table.empty:
        return "English is at chance wherever there is a gap: the gaps here mean nothing."
    row = table.sort_values("gap", ascending=False, kind="stable").iloc[0]
    setting = Setting(int(row["shots"]), str(row["demos"])).label
    where = f"{line(row['model'])} on {get_benchmark(str(row['benchmark'])).title}, {setting}"
    points = f"{_short(row['gap'])} points, [{_short(row['gap_low'])}, {_short(row['gap_high'])}]"
    if row["gap_is"] != AT_LEAST:
        return f"Largest gap: {where}: {points}."
    others = int(row["languages"]) - 1
    count = f"all {others}" if int(row["at_chance"]) == others else f"{int(row['at_chance'])} of the {others}"
    bound = f"{count} other languages are" if others > 1 else "the other language is"
    return f"Largest gap: {where}: at least {points}: {bound} at chance, and cannot fall below it."


def _chance_note(board: list[Row]) -> str:
    """Said above the table when whole models are at chance."""
    rows = [row for row in board if row.overall is not None and row.overall.at_chance]
    low = sum(2 * (row.overall.at_chance or 0) > row.overall.of for row in rows if row.overall is not None)
    if not low:
        return ""
    of = sum(row.overall is not None for row in board)
    if of == 1:
        return "More than half of the accuracies are at chance: differences among those are of guessing habits."
    most = f"{low} of {of} rows have more than half of their accuracies at chance."
    return f"{most} They are not ranked: differences among them are of guessing habits."


def _published_note(board: list[Row]) -> str:
    partly = any(s.measured < s.declared for row in board if not row.published for s in row.scores.values())
    if not partly or not any(row.published for row in board):
        return ""
    return "Published means are over all languages of a benchmark; ours are not where “n/m measured” stands."


def _consistency(measured: Measured) -> Table | None:
    table = consistency.agreement_with_english(measured.lead)
    if table.empty:
        return None
    units = [str(name) for name in table.columns if name not in (*consistency.HEAD, "mean")]
    names = {name: title for name, title in HEAD.items() if name != "metric"} | {"mean": "Mean"}
    return printed(_titled(_in_order(table, measured.models)), names | {unit: unit for unit in units})


def _at_chance(measured: Measured) -> Table | None:
    rows = methods.at_chance_rows(measured)
    if not rows:
        return None
    names = HEAD | {"title": "Benchmark", "count": "At chance", "languages": "Languages"}
    names = {name: names[name] for name in ("model", "title", "setting", "count", "languages")}
    return printed(_in_order(_frame(rows), measured.models), names)


def variants(measured: Measured, draws: int) -> dict[str, Any]:
    """`sensitivity` and `flips`, None where there is one prompt family and one demonstration policy only."""
    rows = sensitivity.variants(measured.frame)
    if rows.empty:
        return {"sensitivity": None, "flips": None}
    table, flips = sensitivity.spread(rows), sensitivity.flips(rows, measured.models, draws)
    return {"sensitivity": _optional(_titled(table)), "flips": _optional(_titled(flips))}


def rankc(runs: Sequence[Run], measured: Measured, seeds: Sequence[int]) -> dict[str, Any]:
    """`rankc`: means over pairs of mLAMA's rankings, of run folders whose form of the data has parallel candidates."""
    frame = measured.frame
    ranked = frame[(frame["metric"] == "p1") & (frame["harness"] == "xling-bench")]
    parallel = ranked[ranked["signature"].str.contains("|form:bmlama", regex=False).astype(bool)]
    kept = {int(str(n)) for n, part in parallel.groupby(PATH) if part[SAMPLES].notna().all()}
    folders = [run for i in sorted(kept) if (run := given(runs[i])).path.is_dir()]
    pairs = parallel[parallel[PATH].isin(kept)].groupby(["model", "family", "shots", "demos", "seed"])["language"]
    if not folders or int(pairs.nunique().max()) < 2:
        return {"rankc": None}
    table = rankc_table(folders, seeds)
    return {"rankc": printed(table[table["other"] == "(mean)"].drop(columns=["other", "items"]))}


def _with_interval(table: pd.DataFrame, low: str, high: str) -> pd.DataFrame:
    bounds = zip(table[low], table[high], strict=True)
    return table.assign(interval=["" if missing(a) or missing(b) else f"[{_short(a)}, {_short(b)}]" for a, b in bounds])


def _short(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"  # + 0.0: no minus before zero


def _titled(table: pd.DataFrame) -> pd.DataFrame:
    """With the benchmarks' titles for their keys, and the setting in words where it is in two columns."""
    table = table.assign(benchmark=[_title(str(key)) for key in table["benchmark"]])
    if "demos" in table.columns:
        pairs = zip(table["shots"], table["demos"], strict=True)
        table = table.assign(setting=[Setting(int(shots), str(demos)).label for shots, demos in pairs])
    return table


def _in_order(table: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """Models in the order they were given, the rest as it is."""
    place = {name: i for i, name in enumerate(models)}
    order = [place[str(name)] for name in table["model"]]
    return table.iloc[sorted(range(len(order)), key=lambda i: order[i])].reset_index(drop=True)


def _title(key: str) -> str:
    return key if key.startswith("(") else get_benchmark(key).title


def _optional(table: pd.DataFrame | None) -> Table | None:
    return None if table is None or table.empty else printed(table)


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
