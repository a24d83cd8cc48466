"""`load_results`: our runs and plain lm-eval results -> one typed pandas table."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.reading import is_there, read_object
from xling_bench.core.row import text_in
from xling_bench.core.text import number_of
from xling_bench.metrics.registry import METRICS, is_mean
from xling_bench.results.baseline import SUFFIX, read_baseline
from xling_bench.results.doubts import counts_of
from xling_bench.results.folder import NAMED, lacking, result_files, shown, stopped_early
from xling_bench.results.foreign import refuse_foreign
from xling_bench.results.given import Given, Run, given
from xling_bench.results.items import FILE as ITEMS_FILE
from xling_bench.results.items import digest_of, item_scores, old_choices, read_items, rows_frame
from xling_bench.results.marks import known_of
from xling_bench.results.mixing import signature_fields
from xling_bench.results.naming import distinguished, run_names
from xling_bench.results.plain import own_tasks_in, plain_records
from xling_bench.results.record import Record, in_shape, is_ours, record_of
from xling_bench.results.schema import (
    ABSENT,
    CHANCE,
    COLUMNS,
    FOLDERS,
    IDENTITY,
    ITEMS,
    NAMES,
    NOTES,
    PATH,
    SAMPLES,
    UNEXPORTED,
    Row,
)
from xling_bench.results.seal import OLD_SCORES, SCORES, Result, check_result, check_samples
from xling_bench.results.series import NOTHING, Scores, counted, series_of

if TYPE_CHECKING:
    import pandas as pd
SURROGATE = re.compile("[\ud800-\udfff]")  # a byte that was no UTF-8: no text, and no table holds it
TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "int64": int, "float64": (int, float),
                                             "Int64": (int, type(None))}  # fmt: skip


def load_results(paths: Run | Sequence[Run]) -> pd.DataFrame:
    """Read any mix of runs and lm-eval results into one long table, one row per number.

    `paths` are folders of `xling-bench run`, folders of `lm_eval --output_path` (searched downwards), single results
    files, or baselines of `xling-bench gate --write-baseline` (.parquet); a text may be `NAME=RUN`, which chooses the
    model's name (see `results.given`). Columns are
    `results.schema.COLUMNS` plus seven. `items`, `choices` and `clusters` are Series, indexed by item id: of the items'
    scores, of the candidate chosen (-1 for generation), of the position of the first item that shares a premise,
    passage or article with this one; None where no samples were kept (`lm_eval` without --log_samples), and no clusters
    in results of versions that did not record them. `samples` is the file with the items' texts and answers, None where
    it is not there; `path` the index of the path a row comes from; `absent` names the result's metrics without a value,
    which exist for some items only, and here for none. Rows come sorted; values are untouched. Models are
    named as `results.naming` says. `attrs["notes"]` are sentences on what is not there: results that a run was asked
    for, and checksums (see `results.seal`) in those of older versions.
    Raises DataError naming file and field for what cannot be read, and for a path without results; UsageError for one
    name given to several models.
    """
    import pandas as pd

    listed = [paths] if isinstance(paths, str | Path | Given) else list(paths)
    rows: list[Row] = []
    notes: list[str] = []
    for number, run in enumerate(map(given, listed)):
        found = [{SAMPLES: None, PATH: number, ABSENT: (), **row} for row in _rows(run.path, notes)]
        if not found:
            why = stopped_early(run.path) if run.path.is_dir() else ""
            said = f"{run.path} holds no results of `xling-bench run` or `lm_eval`"
            raise DataError(f"{said}: {why}" if why else f"{said}.{_own_tasks(run.path)}")
        rows += _renamed(found, run) if run.name else found
    models = distinguished((text_in(row, "model"), text_in(row, "harness"), text_in(row, IDENTITY)) for row in rows)
    rows = [{**row, "model": model} for row, model in zip(rows, models, strict=True)]
    frame = pd.DataFrame(rows, columns=[*NAMES, *UNEXPORTED])
    frame = frame.astype({column.name: column.dtype for column in COLUMNS})
    order = ["benchmark", "language", "family", "shots", "demos", "seed", "metric", "model"]
    frame = frame.sort_values(order, kind="stable", ignore_index=True)
    frame.attrs |= {NOTES: notes, FOLDERS: [str(given(run).path) for run in listed]}
    return frame


def _own_tasks(path: Path) -> str:
    """What to do with results of lm-eval's own tasks; empty where there are none."""
    if not path.is_file() and next(path.rglob("results_*.json"), None) is None:
        return ""
    return " lm-eval's own tasks are no tasks of ours: `table RUN --beside PATH` shows them beside a run."


def _renamed(rows: list[Row], run: Given) -> list[Row]:
    models = {(row["harness"], text_in(row, "model"), row[IDENTITY]) for row in rows}
    if len(models) > len({harness for harness, _, _ in models}):
        named = ", ".join(sorted({model for _, model, _ in models}))
        raise UsageError(f"{run.name}={run.path}: it holds results of several models ({named}); a name is for one.")
    return [{**row, "model": run.name} for row in rows]


def _rows(path: Path, notes: list[str]) -> Iterator[Row]:
    if path.is_file():
        yield from _baseline(path) if path.suffix == SUFFIX else _file(path)
        return
    if not path.is_dir():
        raise DataError(f"{path} does not exist.")
    run_files = result_files(path)
    notes += lacking(path)
    items = _by_unit(path) if run_files else {}
    named = run_names(path)
    unsealed: list[Path] = []
    for file in run_files:
        for row in _file(file, items.get(file.parent.relative_to(path).as_posix()), unsealed):
            yield {**row, "model": named.get(text_in(row, "fingerprint"), row["model"])}
    if unsealed:
        old = f"{number_of(len(unsealed), 'result')} of a version that kept no checksums"
        notes.append(f"{shown(path)}: {old}; a changed byte in them would not be seen.")
    for file in sorted(path.rglob("results_*.json")):
        yield from _file(file)
        if others := own_tasks_in(read_object(file)):
            listed = ", ".join(others[:NAMED]) + (f" and {len(others) - NAMED} more" if others[NAMED:] else "")
            notes.append(f"{file.name}: lm-eval's own tasks are no results of ours ({listed}); `--beside` shows them.")


def _baseline(path: Path) -> Iterator[Row]:
    for row in read_baseline(path):
        _check_row(row, path)
        yield {**row, IDENTITY: row["fingerprint"]}


def _by_unit(folder: Path) -> dict[str, pd.DataFrame]:
    frame = read_items(folder)
    if frame is None:
        return {}
    return {str(name): part for name, part in frame.groupby("unit", observed=True, sort=False)}


def _file(path: Path, items: pd.DataFrame | None = None, unsealed: list[Path] | None = None) -> Iterator[Row]:
    result = read_object(path)
    refuse_foreign(result, path)
    with in_shape(path):
        if is_ours(result):
            record, scores, samples = _ours(result, path, items, unsealed)
            rows = _numbers(record, scores, samples)
        else:
            rows = (row for record in plain_records(result, path) for row in _plain(record))
        for row in rows:
            _check_row(row, path)
            yield row


def _numbers(record: Record, scores: Scores, samples: Path | None) -> Iterator[Row]:
    """A row for each of a record's numbers; `scores` as of `series_of`."""
    # No unanswerable question among the first ten, say.
    absent = tuple(name for name in record.rules if name not in record.values and METRICS[name].partial)
    for metric in record.rules:
        if metric in absent:
            continue
        if metric not in record.values:
            raise KeyError(f"{metric},none")
        yield {
            "model": record.model,
            IDENTITY: record.identity,
            "fingerprint": record.fingerprint,
            "benchmark": record.benchmark,
            "language": str(record.unit),
            "family": record.family,
            "task": record.task,
            "split": record.split,
            "shots": record.shots,
            "demos": record.demos,
            "seed": record.seed,
            "metric": metric,
            "value": record.values[metric],
            "n": counted(metric, scores, record.items),
            **counts_of(record, metric),
            **known_of(record.standing),
            "source": record.source,
            "harness": record.harness,
            "signature": record.signature_of(metric),
            SAMPLES: samples,
            CHANCE: record.chance,
            ABSENT: absent,
            **scores.get(metric, NOTHING),
        }


def _plain(record: Record) -> Iterator[Row]:
    if not is_there(record.samples):
        return _numbers(record, {}, None)
    scores = series_of(rows_frame(item_scores(record.samples, record.rules)))
    return _numbers(record, scores, record.samples)


def _check_row(row: Row, path: Path) -> None:
    """A value is a finite number, and the items kept are the ones it was computed from."""
    import pandas as pd

    value, items = row["value"], row[ITEMS]
    what = f"{path}: {row['task']} {row['metric']}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError(f"{what} is {value!r}, which is no number")
    for column in COLUMNS:
        no_text = column.name != "model" and SURROGATE.search(str(row[column.name]))
        if no_text or not isinstance(row[column.name], TYPES[column.dtype]):
            raise DataError(f"{what}: {column.name} is {row[column.name]!r}; expected {column.meaning}")
    if row["metric"] not in METRICS:
        raise DataError(f"{what}: unknown metric")
    signature_fields(text_in(row, "signature"))
    if not isinstance(items, pd.Series):  # none are known
        return
    if len(items) != row["n"] or items.index.has_duplicates:
        why = "some of them twice" if items.index.has_duplicates else "are they cut off?"
        raise DataError(f"{what}: {row['n']} items were scored, the samples hold {len(items)}; {why}")
    if items.isna().any() or not math.isfinite(items.abs().max() if len(items) else 0.0):
        raise DataError(f"{what}: the samples hold scores that are no numbers")
    if is_mean(text_in(row, "metric")) and abs(float(items.mean()) - value) > 1e-6:
        raise DataError(f"{what} is {value}, but its samples average to {items.mean()}; one of them was changed")


def _ours(
    result: Result, path: Path, items: pd.DataFrame | None, unsealed: list[Path] | None
) -> tuple[Record, Scores, Path | None]:
    """The record, its items' scores, and the file of their texts, None where it is not there."""
    record = record_of(result, path)
    if items is not None and set(items["key"].unique()) != {record.key}:
        items = None  # the samples are newer than the run's items.parquet
    kept = is_there(record.samples)
    sums = check_result(result, path, samples=kept or items is None)
    if sums is None and unsealed is not None:
        unsealed.append(path)
    wrong = old_choices(sums, [name for name in record.rules if name in METRICS])
    if items is None or (wrong and kept):
        check_samples(sums, record.samples)
        items = rows_frame(item_scores(record.samples, record.rules))
        wrong = []
    elif sums and (written := sums.get(SCORES, sums.get(OLD_SCORES))) and written != digest_of(items):
        place = path.parents[2] / ITEMS_FILE
        raise DataError(
            f"{place}: item scores of {record.task} were changed. Delete it: `run` and `score` make it again."
        )
    if wrong:  # another metric's: unknown, as for generation
        items = items.assign(choice=items["choice"].mask(items["metric"].isin(wrong), -1))
    scores = series_of(items)
    for metric in record.rules:
        if metric not in scores and metric in record.values and not METRICS[metric].partial:
            cut = f"no scores of {metric}; {record.items} items were scored. Is the file cut off?"
            raise DataError(f"{record.samples if kept else path.parents[2] / ITEMS_FILE}: {cut}")
    return record, scores, record.samples if kept else None
