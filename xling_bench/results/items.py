"""Item scores: taken from samples, kept compactly in `RUN/items.parquet`."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.core.errors import DataError
from xling_bench.core.files import encoded
from xling_bench.core.reading import is_there, parse_json, read_object, read_parquet
from xling_bench.metrics.ranking import BY_SUMS, choice
from xling_bench.metrics.registry import METRICS
from xling_bench.results.folder import result_files
from xling_bench.results.record import Record, is_ours, record_of
from xling_bench.results.seal import SAMPLES, SCORES, check_samples, digest, sums_beside

if TYPE_CHECKING:
    import pandas as pd

FILE = "items.parquet"
# unit: `xling_xnli_de/5-0-same`; key: its result's key; choice: index of the candidate chosen, -1 for generation;
# cluster: the first item of those that share a premise, passage or article, none in results of older versions
COLUMNS = ("unit", "key", "metric", "item", "score", "choice", "cluster")
TYPES = {**dict.fromkeys(COLUMNS, "category"), "score": "float64", "choice": "int64"}
ItemScore = tuple[str, str, float, int, str | None]


def item_scores(path: Path, metrics: Collection[str]) -> Iterator[ItemScore]:
    """`scores_of` every sample in a file. Raises DataError naming file and line for a line that is no sample."""
    try:
        lines = path.open(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    with lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield from scores_of(parse_json(line, str(path), line=number), metrics)
            except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
                raise DataError(f"{path}, line {number}: not a sample with {', '.join(metrics)} ({error!r})") from error


def scores_of(sample: dict[str, Any], metrics: Collection[str]) -> Iterator[ItemScore]:
    """Yield (metric, item id, score, chosen candidate, cluster) of a sample.

    A metric whose items carry statistics instead of a score (chrF++) gives the item's own, from 0 to 100; one that
    exists for some items only is passed over for the others.
    """
    doc = sample["doc"]
    item, cluster = str(doc["id"]), doc.get("cluster")
    values = [float(response[0]) for response in sample["filtered_resps"]] if "texts" in doc else []
    for name in metrics:
        metric = METRICS[name]
        if name in sample or not metric.partial:
            chosen = choice(metric, doc, values) if metric.ranks and values else -1
            yield name, item, metric.item_score(sample[name]), chosen, cluster


def rows_frame(rows: Iterable[ItemScore]) -> pd.DataFrame:
    """Item scores of one unit as a table."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(COLUMNS[2:]))


def digest_of(frame: pd.DataFrame) -> str:
    """The checksum of a unit's item scores, in their order."""
    scores, choices = (frame[name].to_numpy(dtype).tobytes() for name, dtype in (("score", "<f8"), ("choice", "<i8")))
    texts = ["\n".join(_texts(frame[name])) for name in ("metric", "item", "cluster")]
    return digest(scores + choices + encoded("\0".join(texts)))


def old_choices(sums: dict[str, Any] | None, metrics: Collection[str]) -> list[str]:
    """The metrics of a result whose item scores may hold another metric's choices: versions before the checksum
    `scores` kept those of the sum of log-probabilities for all of them."""
    if sums is not None and SCORES in sums:
        return []
    return [name for name in metrics if METRICS[name].ranks and name not in BY_SUMS]


def _texts(column: pd.Series[Any]) -> list[str]:
    """A column's texts, empty where there is none; quick for a million rows of a few texts."""
    import numpy as np

    names = column.astype("category").cat
    listed: list[str] = np.append(names.categories.astype(object), "")[names.codes].tolist()  # -1: none, the last
    return listed


def items_frame(units: Sequence[Record], known: pd.DataFrame | None = None) -> pd.DataFrame:
    """Item scores of finished units; rows of `known` with the same key are reused.

    Raises DataError for samples that are not those that were written.
    """
    import pandas as pd

    wanted = {record.key for record in units}
    parts = [] if known is None else [known[known["key"].isin(wanted)]]
    have = set() if known is None else set(known["key"].unique())
    for record in units:
        if record.key not in have:
            check_samples(sums_beside(record.samples), record.samples)
            name = "/".join(record.path.parts[-3:-1])
            rows = [(name, record.key, *row) for row in item_scores(record.samples, record.rules)]
            parts.append(pd.DataFrame(rows, columns=list(COLUMNS)))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    return frame.astype(TYPES)


def read_items(folder: Path) -> pd.DataFrame | None:
    """The run's item scores, or None when it has none. Raises DataError for a damaged file."""
    path = folder / FILE
    if not is_there(path):
        return None
    try:
        frame: pd.DataFrame = read_parquet(path).to_pandas(ignore_metadata=True)
        if "cluster" not in frame:
            frame["cluster"] = None
        return frame[list(COLUMNS)].astype(TYPES)
    except (DataError, TypeError, ValueError, KeyError) as error:
        told = str(error).removeprefix(f"{path}: ")
        raise DataError(f"{path} is damaged ({told}); {_remedy(folder)}") from error


def _remedy(folder: Path) -> str:
    """What to do about a damaged file: it may be the last that knows the items' scores."""
    if all(path.with_name(SAMPLES).is_file() for path in result_files(folder, lost=[])):
        return "delete it, it is made again from the samples."
    return "bring it back as it was: results beside it have no samples, from which it would be made again."


def finished_units(folder: Path) -> list[Record]:
    """Every finished unit of a run."""
    units = []
    for path in result_files(folder, lost=[]):  # `run` and the readers say what is lost
        with contextlib.suppress(DataError):  # no result of ours; `run` reports damaged ones
            result = read_object(path)
            if is_ours(result):
                units.append(record_of(result, path))
    return units
