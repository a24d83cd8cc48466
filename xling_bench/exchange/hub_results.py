"""Results as files of a model's repository on the Hugging Face hub: `.eval_results/<benchmark>.yaml`.

The format: huggingface.co/docs/hub/eval-results, `huggingface_hub.EvalResultEntry`. It holds a value and a note, no
interval. `task_id` is what the data set's own `eval.yaml` calls a task; nobody has said which of our benchmarks have
one, so that it is the configuration's name, and the hub may show nothing until they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml

from xling_bench.core.errors import UsageError
from xling_bench.core.text import flat, line
from xling_bench.data.lock import read_lock
from xling_bench.exchange.eee import Sender
from xling_bench.exchange.measured import Number
from xling_bench.results.marks import CONTAMINATED

FOLDER = ".eval_results"
UNCHECKED = (
    "task_id is the configuration's name: whether the data set lists it in an eval.yaml of its own, without which the "
    "hub shows nothing, could not be looked up here"
)


def hub_files(numbers: Sequence[Number], sender: Sender) -> dict[Path, str]:
    """{file in the model's repository: its YAML}, of one model's headline numbers, in percent or points.

    Raises UsageError for several models, for what a leaderboard would take for something else: invented items, a
    benchmark's first items only, several numbers of one data set and task; and where there is no headline number.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    found: dict[str, dict[tuple[str, str], EvalResultEntry]] = {}
    listed = [number for number in one_model(numbers) if number.headline]
    if not listed:
        raise UsageError("no benchmark's headline metric is among the numbers: the hub shows one number a task.")
    _refuse_parts(listed)
    for number in listed:
        key, hub = number.benchmark.key, number.benchmark.hub
        task = _task(number)
        entries = found.setdefault(key, {})
        if (hub.path, task) in entries:
            seed = f", seed {number.row['seed']}" if number.row["shots"] else ""  # nothing is drawn for zero shots
            raise UsageError(
                f"several numbers of {hub.path} {task} ({number.row['family']}, {number.row['shots']}-shot{seed} among "
                "them): the hub shows one. Choose with --family, --shots, --seeds."
            )
        entries[hub.path, task] = EvalResultEntry(
            dataset_id=hub.path,
            task_id=task,
            value=round(number.metric.scale * float(number.row["value"]), 4),
            dataset_revision=_revision(number),
            date=datetime.fromtimestamp(sender.written, UTC).strftime("%Y-%m-%d"),
            notes=_notes(number),
        )
    return {
        Path(FOLDER, f"{key}.yaml"): yaml.safe_dump(
            eval_result_entries_to_yaml([*entries.values()]), sort_keys=False, allow_unicode=True, width=10_000
        )
        for key, entries in found.items()
    }


def _refuse_parts(numbers: Sequence[Number]) -> None:
    """Raise UsageError where some are of invented items, or of a benchmark's first items only."""
    parts = [number for number in numbers if number.sample or number.cut]
    if not parts:
        return
    first, cut = parts[0], {number.benchmark.key for number in parts}
    what = "are invented" if first.sample else f"are the {first.cut}"
    others = list(dict.fromkeys(n.benchmark.title for n in parts if n.benchmark.key != first.benchmark.key))
    also = f" (and some of {', '.join(others)})" if others else ""
    whole = list(dict.fromkeys(n.benchmark.key for n in numbers if n.benchmark.key not in cut))
    choose = f", choose those that are whole (--benchmarks {','.join(whole)})" if whole else ""
    raise UsageError(
        f"{first.row['task']}: its items {what}{also}; the hub's leaderboards show a value alone, as the whole "
        f"benchmark's. Score all items{choose}, or publish a record that says so (--format eee)."
    )


def _task(number: Number) -> str:
    """The configuration of the number's language, of a pair that has none those of its two languages."""
    parts = number.unit.languages
    configs = [number.benchmark.hub_config(language, parts) for language in parts]
    return "-".join(dict.fromkeys(configs)) or "default"


def one_model(numbers: Sequence[Number]) -> list[Number]:
    """The numbers, all of one model. Raises UsageError naming them where there are several."""
    models = sorted({str(number.row["model"]) for number in numbers})
    if len(models) != 1:
        raise UsageError(f"expected results of one model, got {len(models)}: {', '.join(map(line, models))}.")
    return list(numbers)


def _revision(number: Number) -> str | None:
    """The commit that the rows are of, where they came from the hub and it is known."""
    if number.row["source"] != "hub":
        return None
    locked = read_lock().get(number.benchmark.key)
    return locked.revision if locked is not None else number.benchmark.hub.revision or None


def _notes(number: Number) -> str:
    row, interval = number.row, number.interval
    parts = [f"{number.metric.name} in {'percent' if number.metric.share else 'points'}, n = {row['n']}"]
    if interval is not None:
        scale = number.metric.scale
        parts.append(f"95 % interval {scale * interval.low:.2f} to {scale * interval.high:.2f}")
        parts += [interval.standing] if interval.standing else []
    if row["provenance"] == CONTAMINATED:
        parts.append(f"contaminated: the model learnt texts of these items ({row['learnt']})")
    return flat("; ".join([*parts, str(row["signature"])]))
