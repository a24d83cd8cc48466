"""`xling-bench export`: runs read, and written in the format of others."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xling_bench.core.errors import OutputError, UsageError
from xling_bench.core.files import encoded, write_bytes, write_text
from xling_bench.core.reading import real
from xling_bench.exchange import eee_shapes as shapes
from xling_bench.exchange.card import card, put_into
from xling_bench.exchange.eee import SUFFIX, Sender, place_of, records, text_of, uuid_of
from xling_bench.exchange.hub_results import hub_files
from xling_bench.exchange.instances import instances
from xling_bench.exchange.measured import measured
from xling_bench.results.folder import result_files
from xling_bench.results.given import Run, given

if TYPE_CHECKING:
    import pandas as pd

MARKDOWN = (".md", ".markdown")
Form = Literal["eee", "hf", "card"]


def written_at(runs: Sequence[Run]) -> int:
    """When the newest of the runs' numbers was written, in seconds since 1970: the time of its file."""
    files: list[Path] = []
    for run in runs:
        path = given(run).path
        files += [path] if path.is_file() else [*result_files(path), *path.rglob("results_*.json")]
    return max((int(file.stat().st_mtime) for file in files), default=0)


def export_results(
    frame: pd.DataFrame,
    form: Form,
    output: Path | None,
    sender: Sender,
    *,
    into: Path | None = None,
    with_instances: bool = False,
    allow_sample: bool = False,
) -> list[Path]:
    """Write a results table (`load_results`) and return the files written, each whole or not at all.

    `eee`: to FILE.eee.json one model's record; to a folder a record a model, where every_eval_ever's datastore has
    it, `with_instances` with its instances. `hf`: below the folder, `.eval_results/<benchmark>.yaml`. `card`: to a
    file the block of Markdown, or `into` a file that has or gets such a block. The same table, sender and samples give
    the same bytes. Raises UsageError for sample data that were not allowed and for what does not go together, and
    as the writers do.
    """
    numbers = measured(frame, allow_sample=allow_sample)
    if with_instances and form != "eee":
        raise UsageError("--instances belongs to --format eee.")
    if form == "card":
        target = into or output
        if target is None or target.is_dir() or (into is None and target.suffix.lower() not in MARKDOWN):
            raise UsageError("a card is a file: -o FILE.md, or --into README.md.")
        block = card(numbers)
        write_text(real(target), put_into(target, block) if into else block)  # a link stays one
        return [target]
    if output is None or into is not None:
        raise UsageError("--into belongs to --format card; say where with -o.")
    if form == "hf":
        files = {output / name: text for name, text in hub_files(numbers, sender).items()}
        _check_folder(output)
        for path, text in files.items():
            write_text(path, text)
        return list(files)
    found = records(numbers, sender)
    if output.name.endswith(".json"):
        return [_one(found, output, with_instances=with_instances)]
    _check_folder(output)
    return [path for model, record in found.items() for path in _filed(model, record, frame, output, with_instances)]


def _check_folder(output: Path) -> None:
    if (output / "run.json").exists():
        raise UsageError(f"{output} is a run: write into a folder of its own.")
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output} is a file; a folder is expected here, which is made where there is none.")


def _one(found: dict[str, shapes.EvalRecord], output: Path, *, with_instances: bool) -> Path:
    if not output.name.endswith(SUFFIX):
        raise UsageError(f"{output}: the name of a record ends in {SUFFIX}; a name without .json is a folder.")
    if len(found) != 1:
        raise UsageError(f"{output}: a record is of one model, here are {len(found)}; give a folder instead.")
    if with_instances:
        raise UsageError("instances stand beside the record in a datastore's folders: -o FOLDER, not a file.")
    write_text(output, text_of(next(iter(found.values()))))
    return output


def _filed(
    model: str, record: shapes.EvalRecord, frame: pd.DataFrame, output: Path, with_instances: bool
) -> list[Path]:
    """The record, after its instances: a reader finds none that its file does not hold."""
    place, name = place_of(record), uuid_of(record)
    written = []
    if with_instances:
        rows = frame[frame["model"] == model]
        lines = list(instances(rows, measured(rows, allow_sample=True), record))
        content = encoded("".join(lines))
        file = place / f"{name}_samples.jsonl"
        write_bytes(output / file, content)
        detailed = shapes.Detailed(
            format="jsonl",
            file_path=file.as_posix(),
            hash_algorithm="sha256",
            checksum=sha256(content).hexdigest(),
            total_rows=len(lines),
        )
        record = shapes.EvalRecord(**{**dict(record), "detailed_evaluation_results": detailed})
        written.append(output / file)
    write_text(output / place / f"{name}.json", text_of(record))
    return [*written, output / place / f"{name}.json"]
