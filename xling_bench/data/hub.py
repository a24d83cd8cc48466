"""Rows from the Hugging Face hub through `datasets`, always at the commit recorded in `xling.lock`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from xling_bench import languages
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.data.lock import LockedDataset, LockedSplit, read_lock
from xling_bench.data.readers.choice import winograd_id
from xling_bench.data.readers.qa import squad_row
from xling_bench.data.readers.triples import relation_rows
from xling_bench.data.rows import Row, check_rows, rows_hash
from xling_bench.errors import DataError, MissingDataError

Read = tuple[list[Row], str, dict[str, int]]
Record = dict[str, Any]
CONVERTED = "refs/convert/parquet"


def read(benchmark: Benchmark, unit: str, split: str) -> Read:
    """Rows at the locked commit. Raises MissingDataError without one, DataError when the rows differ."""
    locked = read_lock().get(benchmark.key)
    if locked is None or f"{unit}/{split}" not in locked.data:
        raise MissingDataError(
            f"xling.lock has no {benchmark.key} {unit} {split}: nothing has been fetched from the hub"
        )
    try:
        rows, dropped = read_at(benchmark, unit, split, locked.revision)
    except MissingDataError as error:
        raise DataError(f"xling.lock has {benchmark.key} {unit} {split}, but {error}") from error
    found, expected = rows_hash(check_rows(benchmark, rows, benchmark.hub.path)), locked.data[f"{unit}/{split}"]
    if found != expected.hash:
        raise DataError(
            f"{benchmark.hub.path} {unit} {split}: the rows have hash {found}, xling.lock says {expected.hash}. "
            "The data changed under a fixed commit; fetch again only if you mean to."
        )
    return rows, f"{benchmark.hub.path}@{locked.revision[:12]}", dropped


def fetch(benchmark: Benchmark, units: Sequence[str], say: Callable[[str], None]) -> LockedDataset:
    """Download units at one commit and return what to lock; units the data set lacks are named through `say`.

    Raises MissingDataError when the hub has none of them.
    """
    revision = benchmark.hub.revision or _commit(benchmark)
    data: dict[str, LockedSplit] = {}
    reason = ""
    for unit in units:
        for split in benchmark.splits:
            try:
                rows, _ = read_at(benchmark, unit, split, revision)
            except MissingDataError as error:
                reason = str(error)
                say(f"{benchmark.key} {unit} {split}: {reason}")
                continue
            checked = check_rows(benchmark, rows, f"{benchmark.hub.path} {unit} {split}")
            data[f"{unit}/{split}"] = LockedSplit(rows=len(checked), hash=rows_hash(checked))
            say(f"{benchmark.key} {unit} {split}: {len(checked)} rows")
    if not data:
        raise MissingDataError(f"{benchmark.hub.path} gave no rows ({reason})")
    return LockedDataset(path=benchmark.hub.path, revision=revision, licence=benchmark.licence, data=data)


def _commit(benchmark: Benchmark) -> str:
    from huggingface_hub import HfApi

    try:
        return str(HfApi().dataset_info(benchmark.hub.path, revision=benchmark.hub.branch).sha)
    except _failures() as error:
        raise MissingDataError(f"the hub cannot be asked about {benchmark.hub.path}: {_first_line(error)}") from error


def read_at(benchmark: Benchmark, unit: str, split: str, revision: str) -> tuple[list[Row], dict[str, int]]:
    """Canonical rows of one unit at a commit, and counts of dropped rows."""
    parts = unit.split("-")
    try:
        if benchmark.key == "flores":
            source, target = (_records(benchmark, part, split, revision, parts) for part in parts)
            return _flores(source, target, split), {}
        records = _records(benchmark, parts[-1], split, revision, parts)
        if benchmark.key == "mlama":
            return _mlama(records, benchmark.codes.get(unit, unit))
        return _converted(benchmark, records, split)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{benchmark.hub.path} {unit} {split}: unexpected columns or rows: {error!r}") from error


def _records(benchmark: Benchmark, language: str, split: str, revision: str, parts: list[str]) -> Iterator[Record]:
    import datasets

    hub = benchmark.hub
    if split not in hub.splits:
        raise MissingDataError(f"{hub.path} has no {split} split")
    code = hub.codes.get(language) or benchmark.codes.get(language, language)
    flores = hub.codes.get(language, languages.get(language).flores)
    config = hub.config.format(code=code, flores=flores, source=parts[0], target=parts[-1])
    datasets.disable_progress_bars()
    try:
        if hub.branch == CONVERTED:
            return _parquet(hub.path, revision, f"{config}/{hub.splits[split]}/*.parquet")
        found = datasets.load_dataset(hub.path, config, split=hub.splits[split], revision=revision)
    except _failures() as error:
        raise MissingDataError(
            f"{hub.path} has no usable {config!r} {hub.splits[split]}: {_first_line(error)}"
        ) from error
    return iter(found)


def _parquet(path: str, revision: str, pattern: str) -> Iterator[Record]:
    """Rows of the hub's own conversion: configurations are folders there, which no README.md declares."""
    import datasets
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    folder = Path(snapshot_download(path, repo_type="dataset", revision=revision, allow_patterns=pattern))
    files = sorted(str(file) for file in folder.glob(pattern))
    if not files:
        raise FileNotFoundError(f"there is no file {pattern}")
    return iter(datasets.Dataset.from_parquet(files))


def _failures() -> tuple[type[Exception], ...]:
    """What huggingface_hub and `datasets` raise for anything that is not there or cannot be reached or read.

    The HTTP library's own errors are no OSError; which library that is depends on huggingface_hub's version.
    """
    from datasets.exceptions import DatasetsError
    from huggingface_hub import errors

    http: type[Exception] = vars(errors)["HTTPError"]
    return (http, DatasetsError, OSError, ValueError, RuntimeError)


def _converted(benchmark: Benchmark, records: Iterator[Record], split: str) -> tuple[list[Row], dict[str, int]]:
    rows, dropped, seen = [], 0, dict[str, int]()
    for i, record in enumerate(records):
        row = CONVERTERS[benchmark.key](benchmark, record, split, i, seen)
        if row is None:
            dropped += 1
        else:
            rows.append(row)
    return rows, {"repeated id": dropped} if dropped else {}


def _flores(first: Iterator[Record], last: Iterator[Record], split: str) -> list[Row]:
    return [
        {"id": f"flores-{split}-{i:04d}", "source": a["text"], "target": b["text"]}
        for i, (a, b) in enumerate(zip(first, last, strict=True))
    ]


def _mlama(records: Iterator[Record], language: str) -> tuple[list[Row], dict[str, int]]:
    relations: dict[str, list[Record]] = {}
    for record in records:
        if record["language"] == language and "date" not in record["predicate_id"]:
            relations.setdefault(record["predicate_id"], []).append(record)
    if not relations:
        raise MissingDataError(f"mLAMA on the hub has no rows with language {language!r}")
    dropped: dict[str, int] = {}
    rows = []
    for relation, found in relations.items():
        rows += relation_rows(relation, found[0]["template"], found, [], dropped)
    return rows, dropped


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


Converter = Callable[[Benchmark, Record, str, int, dict[str, int]], Row | None]


def _xnli(benchmark: Benchmark, record: Record, split: str, index: int, seen: dict[str, int]) -> Row:
    texts = {key: record[key] for key in ("premise", "hypothesis")}
    return {"id": f"xnli-{split}-{index:04d}", **texts, "label": record["label"]}


def _pawsx(benchmark: Benchmark, record: Record, split: str, index: int, seen: dict[str, int]) -> Row:
    # The hub's converter turned `NS` into empty strings in some versions.
    texts = {key: record[key] or benchmark.placeholder for key in ("sentence1", "sentence2")}
    return {"id": f"pawsx-{split}-{record['id']}", **texts, "label": record["label"]}


def _xcopa(benchmark: Benchmark, record: Record, split: str, index: int, seen: dict[str, int]) -> Row:
    texts = {key: record[key] for key in ("premise", "choice1", "choice2", "question")}
    return {"id": f"xcopa-{split}-{record['idx']:03d}", **texts, "label": record["label"]}


def _xstorycloze(benchmark: Benchmark, record: Record, split: str, index: int, seen: dict[str, int]) -> Row:
    return {
        "id": f"xstorycloze-{record['story_id']}",
        **{f"sentence{i}": record[f"input_sentence_{i}"] for i in (1, 2, 3, 4)},
        **{f"ending{i}": record[f"sentence_quiz{i}"] for i in (1, 2)},
        "label": int(record["answer_right_ending"]) - 1,
    }


def _xwinograd(benchmark: Benchmark, record: Record, split: str, index: int, seen: dict[str, int]) -> Row:
    before, after = record["sentence"].split("_", 1)
    options = {key: record[key] for key in ("option1", "option2")}
    identifier = winograd_id(before, after, *options.values())
    seen[identifier] = seen.get(identifier, 0) + 1
    identifier += f"-{seen[identifier]}" if seen[identifier] > 1 else ""
    return {"id": identifier, "before": before, "after": after, **options, "label": int(record["answer"]) - 1}


def _squad(benchmark: Benchmark, record: Record, split: str, index: int, seen: dict[str, int]) -> Row:
    answers = [{"text": text} for text in record["answers"]["text"]]
    question = {"id": record["id"], "question": record["question"], "answers": answers}
    return squad_row(benchmark.key, record["context"], question, seen)


def _xlsum(benchmark: Benchmark, record: Record, split: str, index: int, seen: dict[str, int]) -> Row | None:
    seen[record["id"]] = seen.get(record["id"], 0) + 1
    if seen[record["id"]] > 1:
        return None
    return {"id": f"xlsum-{record['id']}", **{key: record[key] for key in ("title", "text", "summary")}}


WHOLE = ("flores", "mlama")  # whose rows are of several records: `_flores`, `_mlama`
CONVERTERS: dict[str, Converter] = {
    "xnli": _xnli,
    "pawsx": _pawsx,
    "xcopa": _xcopa,
    "xstorycloze": _xstorycloze,
    "xwinograd": _xwinograd,
    "xquad": _squad,
    "mlqa": _squad,
    "indicqa": _squad,
    "xlsum": _xlsum,
}
