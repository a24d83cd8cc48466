"""Numbers from elsewhere beside ours, and in what they differ: `table --beside`, `compare RUN RECORD`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.reading import parse_json, read_bytes
from xling_bench.core.text import line
from xling_bench.exchange.lm_eval_tasks import own_results
from xling_bench.exchange.outside import LARGEST, OURS, Outside, numbers_of, read_record
from xling_bench.metrics.registry import scale_of
from xling_bench.results.foreign import is_eee
from xling_bench.results.mixing import WHO, refuse_mixed, signature_fields
from xling_bench.results.plain import declared_in
from xling_bench.results.record import is_ours

if TYPE_CHECKING:
    import pandas as pd

SETTING = ["family", "shots", "demos", "split", "metric"]
HEAD = ["benchmark", "language", "metric", "model", "value", "low", "high", "n"]
LMEVAL = "lmeval"  # the prompt family that asks as lm-eval's own tasks do
NOTHING_TESTED = (
    "nothing is tested or resampled: numbers from elsewhere have no items here; their intervals are as given there, "
    "or of their standard errors."
)
# Fields of a signature by the names that a reader knows.
CALLED = {"template": "prompt", "v": "version of xling-bench", "lm_eval": "version of lm_eval", "code": "code"}
UNSAID = "not said: "
EXPECTED = ("prompt", "split", "shots")


def read_outside(paths: Sequence[Path]) -> list[Outside]:
    """The numbers in records of every_eval_ever and in results of lm-eval's own tasks: files, or folders of them,
    searched downwards for .json.

    Raises DataError for a path that is not there, holds none, or is neither; UsageError for a record given twice.
    """
    found: list[Outside] = []
    seen: set[str] = set()
    for path in paths:
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        numbers = [number for file in files for number in _read(file, seen)]
        if not numbers and any(_has_ours(parse_json(read_bytes(file, most=LARGEST), str(file))) for file in files):
            raise DataError(f"{path} holds results of our own tasks, by plain lm_eval: `xling-bench table RUN {path}`.")
        if not numbers:
            raise DataError(
                f"{path} holds no record of every_eval_ever, and no results of lm-eval's own tasks of a benchmark here."
            )
        found += numbers
    return found


def holds_outside(path: Path) -> bool:
    """Whether a path holds numbers from elsewhere and no results of ours, to be shown and not compared item by item."""
    if not path.exists() or (path / "run.json").exists() or path.suffix == ".parquet":
        return False
    found = False
    for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
        data = parse_json(read_bytes(file), str(file))
        if isinstance(data, dict) and (is_ours(data) or _has_ours(data)):
            return False
        found = found or is_eee(data) or (_is_lm_eval(data) and next(own_results(data, file), None) is not None)
    return found


def _has_ours(data: Any) -> bool:
    """Whether results of plain lm_eval hold a task of ours, which is compared item by item."""
    configs = data.get("configs") if isinstance(data, dict) else None
    return isinstance(configs, dict) and any(
        isinstance(c, dict) and declared_in(c) is not None for c in configs.values()
    )


def _is_lm_eval(data: Any) -> bool:
    return isinstance(data, dict) and {"results", "configs", "config"} <= data.keys() and not is_ours(data)


def _read(file: Path, seen: set[str]) -> list[Outside]:
    data = parse_json(read_bytes(file, most=LARGEST), str(file), once=True)
    if _is_lm_eval(data):
        return list(own_results(data, file))
    record = read_record(file)
    if record.evaluation_id in seen:
        raise UsageError(f"{file}: the record {line(record.evaluation_id)} was given twice.")
    seen.add(record.evaluation_id)
    return numbers_of(record, file)


def beside(frame: pd.DataFrame, outside: Sequence[Outside]) -> pd.DataFrame:
    """One row per number from elsewhere, in their order: what it is, then ours in the nearest setting.

    Columns: benchmark and language (our keys; empty where nobody can tell), metric, model, value, low, high, n: theirs,
    in percent or points; a column `here: MODEL` per model of `frame` (mean over seeds; missing where it was not
    measured); ours, the setting of those (family, shots, metric where it is another); differs, in what the two were
    not measured alike, or what nobody said; from, whose number it is, and `called`, its name there. The nearest setting
    shares the metric, then the prompt of lm-eval's tasks, then shots. Raises DataError where the frame mixes
    measurements.
    """
    import pandas as pd

    refuse_mixed(frame)
    models = list(dict.fromkeys(map(str, frame["model"])))
    rows = []
    for number in outside:
        own = nearest(frame, number)
        row: dict[str, Any] = {name: getattr(number, name) for name in HEAD}
        for model in models:
            mine = own[own["model"] == model]
            row[f"here: {model}"] = (
                float(scale_of(mine["metric"].iloc[0]) * mine["value"].mean()) if len(mine) else None
            )
        first = None if own.empty else own.iloc[0]
        row["ours"] = "" if first is None else f"{first['family']} {first['shots']}-shot {first['metric']}"
        row["differs"] = "" if first is None else "; ".join(differences(number, first))
        rows.append({**row, "from": number.origin, "called": number.task})
    names = [*HEAD, *(f"here: {model}" for model in models), "ours", "differs", "from", "called"]
    return pd.DataFrame(rows, columns=names).astype({"n": "Int64"})


def nearest(frame: pd.DataFrame, number: Outside) -> pd.DataFrame:
    """Our rows of the setting that is nearest to a number's; none where its benchmark or language was not measured."""
    there = frame[(frame["benchmark"] == number.benchmark) & (frame["language"] == number.language)]
    if there.empty:
        return there
    groups = [part for _, part in there.groupby(SETTING, sort=True)]
    return min(groups, key=lambda part: _distance(part.iloc[0], number))


def _distance(row: Any, number: Outside) -> tuple[Any, ...]:
    settings = number.settings
    family = settings.get("family", LMEVAL if "prompt" in settings else "")
    metric = number.metric.partition(" (")[0]
    return (row["metric"] != metric, row["family"] != family, str(row["shots"]) != settings.get("shots"),
            str(row["split"]) != settings.get("split"), *(str(row[name]) for name in SETTING))  # fmt: skip


def differences(number: Outside, row: Mapping[Any, Any] | pd.Series[Any]) -> list[str]:
    """In what a number and a row of ours were not measured alike: `split (dev, here test)`; what nobody said, last."""
    theirs = number.settings
    found = [] if number.metric == row["metric"] else [f"metric ({number.metric}, here {row['metric']})"]
    if theirs.get("signature", "").startswith(OURS):
        return found + _of_signatures(theirs["signature"], str(row["signature"]))
    if "prompt" in theirs and row["family"] != LMEVAL:
        found.append(f"prompt ({theirs['prompt']}, here the family {row['family']})")
    named = [name for name in ("split", "shots") if name in theirs and theirs[name] != str(row[name])]
    found += [f"{name} ({theirs[name]}, here {row[name]})" for name in named]
    if number.n is not None and number.n != row["n"]:
        found.append(f"items ({number.n:,}, here {row['n']:,})")
    if "limit" in theirs:
        found.append(f"limit ({theirs['limit']})")
    unsaid = [name for name in EXPECTED if name not in theirs] + (["items"] if number.n is None else [])
    return [*found, f"{UNSAID}{', '.join(unsaid)}"] if unsaid else found


def _of_signatures(theirs: str, ours: str) -> list[str]:
    there, here = signature_fields(theirs), signature_fields(ours)
    names = [name for name in dict.fromkeys((*there, *here)) if there.get(name) != here.get(name)]
    names = [name for name in names if name not in WHO | {"metric"}]
    return [
        f"{CALLED.get(name, name)} ({line(there.get(name, 'none'))}, here {line(here.get(name, 'none'))})"
        for name in names
    ]
