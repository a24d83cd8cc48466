"""The gate: two runs read, held against each other, judged."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.languages import PIVOT
from xling_bench.core.reading import real
from xling_bench.metrics.comet import is_random
from xling_bench.metrics.registry import METRICS, is_conditional, is_mean, remarks, scale_of, sign_of
from xling_bench.regress.family import Judged, over_gate
from xling_bench.regress.settings import GateConfig
from xling_bench.regress.verdict import Difference, Gate, judge
from xling_bench.results.clusters import too_few, unclustered
from xling_bench.results.doubts import UNTRAINED
from xling_bench.results.given import Run, given
from xling_bench.results.marks import Cell, cells_of, contaminated, is_of, learnt_in, title_of
from xling_bench.results.matrix import DRAWS, of_languages
from xling_bench.results.mixing import CELL, accept_engines, refuse_mixed, refuse_unequal_seeds
from xling_bench.results.schema import ITEMS, NOTES
from xling_bench.results.tables.compare import (
    CHANCE,
    GAP,
    MEAN,
    compare_models,
    detectable_at,
    one_model,
    with_seeds,
)
from xling_bench.results.tables.pivot import LINE
from xling_bench.stats import transfer_gap

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("baseline", "candidate")
REMEDY = "Measure both alike: run the baseline's model again as the candidate was run, and write the baseline anew."
Key = tuple[Any, ...]


def read_side(run: Run, config: GateConfig, *, allow_sample: bool) -> tuple[str, pd.DataFrame]:
    """(model's name, results) of a run or baseline file: what the settings select, all of it with items.

    Raises UsageError for sample data that were not allowed, for several models, for selections that leave nothing;
    DataError for what cannot be read, was measured in different ways, or lacks item scores.
    """
    path = given(run).path
    name, frame = one_model(run)
    if (frame["source"] == "sample").any() and not allow_sample:
        raise UsageError(
            f"{path} was scored on the built-in sample: invented items that say nothing about a model. "
            "Score it on real data, or say --allow-sample (allow_sample=True) to try the gate out."
        )
    frame = with_seeds(_selected(path, frame, config), config.seeds)
    bare = frame[frame["metric"].map(is_mean) & frame[ITEMS].isna()]
    if not bare.empty:
        raise DataError(
            f"{path}: {bare['task'].iloc[0]} {bare['metric'].iloc[0]} has no item scores, which the test is made of: "
            "use `xling-bench run`, or `lm_eval` with --log_samples."
        )
    refuse_mixed(frame)
    return name, frame


def _selected(path: Path, frame: pd.DataFrame, config: GateConfig) -> pd.DataFrame:
    chosen = [config.selects(*row) for row in zip(frame["benchmark"], frame["shots"], frame["metric"], strict=True)]
    chosen = [x and not is_conditional(metric) for x, metric in zip(chosen, frame["metric"], strict=True)]
    absent = [f"metric {x}" for x in config.metrics if x not in set(frame["metric"])]
    absent += [f"{x}-shot" for x in config.shots if x not in set(frame["shots"])]
    seeds = set(frame.loc[frame["shots"] > 0, "seed"])  # zero-shot results have none
    absent += [f"seed {x}" for x in config.seeds if seeds and x not in seeds]
    if absent or not any(chosen):
        there = ", ".join(sorted({f"{b} {s}-shot {m}" for b, s, m in frame[["benchmark", "shots", "metric"]].values}))
        what = f"has no {', '.join(absent)}" if absent else "has none of the headline metrics"
        raise UsageError(f"{path} {what}, which the gate's settings select (metrics, shots, seeds). It has: {there}.")
    dropped = sorted(set(frame["benchmark"]) - {b for b, x in zip(frame["benchmark"], frame["metric"], strict=True)
                                                if GateConfig().selects(b, 0, x)})  # fmt: skip
    if dropped and not config.metrics:
        has = ", ".join(sorted(set(frame.loc[frame["benchmark"].isin(dropped), "metric"])))
        raise UsageError(
            f"{path} has {' '.join(dropped)} without the headline metric, which the gate looks at; it has: {has}. "
            "Name the metrics to look at in the gate's settings (metrics)."
        )
    return frame[chosen]


def run_gate(
    baseline: Run,
    candidate: Run,
    config: GateConfig | None = None,
    *,
    allow_sample: bool = False,
    allow_engines: bool = False,
    allow_contaminated: bool = False,
    draws: int = DRAWS,
) -> Gate:
    """Compare a candidate with a baseline, given as for `load_results`, and judge every cell.

    `config` are the gate's settings (`regress.settings.read_config` reads a file of them; default: those of no file);
    `allow_engines` takes what different engines computed, `allow_contaminated` numbers of a model that learnt the items
    it is tested on. Raises UsageError for those, and UsageError or DataError, besides `read_side`'s, when the two were
    not measured alike (the field is named), when the candidate lacks cells of the baseline and the settings do not
    ignore that, and when they share none.
    """
    import pandas as pd

    config = config or GateConfig()
    sides = [read_side(run, config, allow_sample=allow_sample) for run in (baseline, candidate)]
    frames = [frame.assign(model=side) for side, (_, frame) in zip(SIDES, sides, strict=True)]
    notes = [note for frame in frames for note in frame.attrs.get(NOTES, [])]
    notes += _missing(frames[0], frames[1], config)
    if real(given(baseline).path) == real(given(candidate).path):
        notes.insert(0, "Baseline and candidate are the same files: nothing could differ.")
    shared = set(_keys(frames[0])) & set(_keys(frames[1]))
    both = pd.concat(frames, ignore_index=True)
    both = both[[key in shared for key in _keys(both)]]
    notes += refuse_contaminated(both, allowed=allow_contaminated)
    if allow_engines:
        both, accepted = accept_engines(both)
        notes += accepted
    refuse_unlike(both)
    _refuse_other_items(frames[0], frames[1])
    differences = _differences(both, config, draws)
    lost = shared - {tuple(getattr(row, name) for name in LINE) for row in differences}
    if lost:
        raise DataError(
            f"no item has the metric on both sides: {_listed(lost)}. Leave it out of the settings' metrics."
        )
    config.check_required([(row.benchmark, row.language) for row in differences])
    findings = judge(differences, config)
    names = [name.encode(errors="replace").decode() for name, _ in sides]  # lone surrogates cannot be written
    return Gate(names[0], names[1], config, findings, (*notes, *_notes(both)))


def _keys(frame: pd.DataFrame, names: Sequence[str] = LINE) -> list[Key]:
    return list(zip(*(frame[name] for name in names), strict=True))


def _missing(baseline: pd.DataFrame, candidate: pd.DataFrame, config: GateConfig) -> list[str]:
    """What only one side has, as notes. Raises DataError for what the candidate lacks, or when nothing is shared."""
    a, b = set(_keys(baseline)), set(_keys(candidate))
    lacking, more = _listed(a - b), _listed(b - a)
    if a - b and (config.missing == "error" or not a & b):
        also = f" Only the candidate has {more}." if more else ""
        raise DataError(
            f"the candidate lacks {len(a - b)} of the baseline's {len(a)} cells: {lacking}.{also} Run them, or have "
            'the others judged alone: `missing = "ignore"` in the file of --config.'
        )
    notes = [f"Not compared, only the baseline has: {lacking}."] if lacking else []
    return notes + ([f"Not compared, only the candidate has: {more}."] if more else [])


def _listed(keys: Iterable[Key]) -> str:
    """`xnli xglm 0 none acc: de sw; ...`."""
    found: dict[Key, list[str]] = {}
    for key in sorted(keys):
        found.setdefault(key[:-1], []).append(str(key[-1]))
    return "; ".join(f"{' '.join(map(str, head))}: {' '.join(units)}" for head, units in found.items())


def refuse_contaminated(both: pd.DataFrame, *, allowed: bool) -> list[str]:
    """What is contaminated, for the notes. Raises UsageError unless it is allowed: a model that learnt the test set
    cannot be told from one that became better, nor one that lost what it had learnt from one that became worse."""
    said = contaminated(both)
    if said and not allowed:
        learnt = "; ".join(f"{of} ({texts})" for of, texts in learnt_in(both))
        raise UsageError(
            f"contaminated: texts of the items under test were learnt: {learnt}. Compare runs without these benchmarks "
            'or train without `overlap = "allow"`; --allow-contaminated (allow_contaminated=True) judges them, marked.'
        )
    return said


def refuse_unlike(both: pd.DataFrame) -> None:
    """Raise DataError where two sides were not measured alike."""
    try:
        refuse_mixed(both)
    except DataError as error:
        raise DataError(f"{error} {REMEDY}") from error
    try:
        refuse_unequal_seeds(both)
    except DataError as error:
        raise DataError(f"{error} In gate.toml: seeds = [...].") from error


def _refuse_other_items(baseline: pd.DataFrame, candidate: pd.DataFrame) -> None:
    """Raise DataError where one cell has other items on the two sides: a candidate may not leave out what it fails.

    Metrics that exist for some outputs only (those in a language that can be told) are compared on what both have.
    """
    cells = [dict(zip(_keys(frame, CELL), frame[ITEMS], strict=True)) for frame in (baseline, candidate)]
    for key, items in cells[0].items():
        other = cells[1].get(key)
        if items is None or other is None or METRICS[key[-1]].partial or set(items.index) == set(other.index):
            continue
        raise DataError(
            f"{' '.join(map(str, key))}: items differs: {len(items)} for baseline, {len(other)} for candidate, "
            f"{len(set(items.index) & set(other.index))} of them the same. {REMEDY}"
        )


def _differences(both: pd.DataFrame, config: GateConfig, draws: int) -> list[Difference]:
    values = [_values(both[both["model"] == side]) for side in SIDES]
    learnt = cells_of(both)
    tested = both[both["metric"].map(is_mean)]
    rows = []
    if not tested.empty:
        table = compare_models(tested, *SIDES, draws=draws, alpha=config.alpha).to_dict(orient="records")
        judged = over_gate(table, config)
        pairs = zip(table, judged, strict=True)
        rows = [_difference(row, found, values, config, sides_that_learnt(learnt, row)) for row, found in pairs]
    for key in sorted(set(_keys(both)) - set(_keys(tested))):  # corpus scores: shown, not tested
        items = int(both.loc[[k == key for k in _keys(both)], "n"].min())
        a, b = (side[key] for side in values)
        head = dict(zip(LINE, key, strict=True))
        row = Difference(**head, languages=1, items=items, baseline=a, candidate=b, difference=b - a)
        rows.append(replace(row, contaminated=sides_that_learnt(learnt, head)))
    return rows


def _difference(
    row: dict[Hashable, Any],
    judged: Judged,
    values: list[dict[Key, float]],
    config: GateConfig,
    learnt: tuple[str, ...],
) -> Difference:
    import pandas as pd

    head = {name: row[name] for name in LINE}
    key, scale = tuple(head.values()), scale_of(str(row["metric"]))
    average = row["language"] in (MEAN, GAP)
    a, b = (_average(key, side) if average else side[key] for side in values)
    chance = [None if pd.isna(row[name]) else int(row[name]) for name in CHANCE[:2]]
    gaps = [None if pd.isna(row[name]) else str(row[name]) for name in CHANCE[2:]]
    return Difference(
        **head,
        languages=int(row["languages"]),
        items=int(row["items"]),
        clusters=int(row["clusters"]),
        baseline=a,
        candidate=b,
        difference=float(row["difference"]) + 0.0,  # no minus before zero
        low=float(row["low"]) + 0.0,
        high=float(row["high"]) + 0.0,
        p=judged.p,
        tests=judged.tests,
        mde=detectable_at(row, scale, config.alpha / judged.tests),
        at_chance_baseline=chance[0],
        at_chance_candidate=chance[1],
        gap_is_baseline=gaps[0],
        gap_is_candidate=gaps[1],
        contaminated=learnt,
    )


def sides_that_learnt(learnt: set[Cell], row: Mapping[Any, Any]) -> tuple[str, ...]:
    """The sides whose number in a row is contaminated."""
    return tuple(side for side in SIDES if is_of(learnt, side, row))


def _values(frame: pd.DataFrame) -> dict[Key, float]:
    """{cell: score}: percent or points, mean over seeds."""
    found: dict[Key, list[float]] = {}
    for key, metric, value in zip(_keys(frame), frame["metric"], frame["value"], strict=True):
        found.setdefault(key, []).append(scale_of(metric) * value)
    return {key: fmean(values) for key, values in found.items()}


def _average(key: Key, values: dict[Key, float]) -> float:
    """The mean over languages, or English minus the mean of the others, of a benchmark's scores."""
    found = {str(k[-1]): value for k, value in values.items() if k[:-1] == key[:-1]}
    found = {unit: found[unit] for unit in of_languages(found)}
    if key[-1] == MEAN:
        return fmean(found.values())
    return sign_of(str(key[LINE.index("metric")])) * transfer_gap(found, PIVOT)


def _notes(both: pd.DataFrame) -> list[str]:
    notes = []
    untested = both[~both["metric"].map(is_mean)]
    if not untested.empty:
        found = {f"{title_of(b)} {m}" for b, m in zip(untested["benchmark"], untested["metric"], strict=True)}
        listed = ", ".join(sorted(found))
        notes.append(f"Shown, not tested, for they are no means over items: {listed}.")
    limited = both["signature"].str.contains("|limit:", regex=False)
    if limited.any():
        notes.append(f"{limited.sum()} of {len(both)} numbers are of the first items only (--limit).")
    notes += too_few(both, "; the verdicts go by p") + unclustered(both) + remarks(both["metric"])
    if any(is_random(rule) for rule in both.loc[both["metric"] == "comet", "signature"].map(str)):
        notes.append(UNTRAINED)
    if (both["source"] == "sample").any():
        notes.append("SAMPLE DATA: invented items that show how things work. This says nothing about a model.")
    return notes
