"""A baseline: all numbers of a run with the scores of their items, in one file small enough to commit.

Parquet, one row per number: the columns of the results table, and lists of item scores and chosen candidates. Item ids
and clusters stand once per set, which the languages of a parallel benchmark share: 15 of XNLI take some 40 kB.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.files import write_bytes
from xling_bench.core.reading import read_parquet
from xling_bench.metrics.registry import is_mean
from xling_bench.results.doubts import TIES, TRUNCATED
from xling_bench.results.lineage import Standing
from xling_bench.results.marks import known_of
from xling_bench.results.naming import name_of
from xling_bench.results.schema import CHANCE, CHOICES, CLUSTERS, COLUMNS, ITEMS, NAMES, Row

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".parquet"
HARNESSES = ("xling-bench", "lm_eval")
FORMAT = b"xling_baseline"
VERSION, READ = b"2", (b"1", b"2")  # 1 has no clusters
NAMED = {b"xling_names": b"1"}  # the model column holds names; without it, what was typed, which may be a path
LATER = (TRUNCATED, TIES)  # columns that older baselines lack
# ids: item ids, in the first row that has them, with clusters, positions of the first item of each id's cluster (null:
# nobody recorded them); like: number of that row; scores, choices: one per id
IDS, LIKE, SCORES = "ids", "like", "scores"
Shared = tuple["pd.Index[str]", "pd.Series[int] | None"]  # ids and clusters of several rows


def write_baseline(frame: pd.DataFrame, path: Path) -> int:
    """Write the table with its item scores, atomically; returns the file's bytes, the same for the same table.

    Item scores are kept of metrics that are means of them, which is what comparisons are made of. `load_results` reads
    the file. Raises UsageError for a name that does not end in .parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix != SUFFIX:
        raise UsageError(f"{path}: a baseline's name ends in {SUFFIX}, for example baseline{SUFFIX}.")
    types = {"string": pa.string(), "int64": pa.int64(), "Int64": pa.int64(), "float64": pa.float64()}
    fields = [(column.name, types[column.dtype]) for column in COLUMNS]
    fields += [(IDS, pa.list_(pa.string())), (CLUSTERS, pa.list_(pa.int32())), (LIKE, pa.int32())]
    fields += [(SCORES, pa.list_(pa.float64())), (CHOICES, pa.list_(pa.int32())), (CHANCE, pa.float64())]
    table = pa.Table.from_pylist(_rows(frame), schema=pa.schema(fields, metadata={FORMAT: VERSION} | NAMED))
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", compression_level=19, write_page_checksum=True)
    write_bytes(path, out.getvalue())
    return len(out.getvalue())


def _rows(frame: pd.DataFrame) -> list[Row]:
    import pandas as pd

    rows = []
    first: dict[tuple[tuple[str, ...], tuple[int, ...] | None], int] = {}
    for number, found in enumerate(frame.to_dict(orient="records")):
        row: Row = {name: found[name] for name in NAMES}
        row |= {name: None if pd.isna(found[name]) else found[name] for name in (*LATER, CHANCE)}
        if found[ITEMS] is not None and is_mean(found["metric"]):
            shared = tuple(found[ITEMS].index), None if found[CLUSTERS] is None else tuple(found[CLUSTERS].tolist())
            row[LIKE] = first.setdefault(shared, number)
            row[IDS], row[CLUSTERS] = shared if row[LIKE] == number else (None, None)
            row[SCORES], row[CHOICES] = found[ITEMS].tolist(), found[CHOICES].tolist()
        rows.append(row)
    return rows


def read_baseline(path: Path) -> Iterator[Row]:
    """Yield the rows of the results table. Raises DataError for a file that is damaged or no baseline."""
    import pandas as pd

    try:
        table = read_parquet(path)
        metadata = table.schema.metadata or {}
        if metadata.get(FORMAT) in READ:
            lacking = [name for name in (*LATER, CLUSTERS) if name not in table.column_names]
            if lacking and metadata[FORMAT] == VERSION:
                raise ValueError(f"the column {lacking[0]} is missing")
            shared: dict[int, Shared] = {}
            for number, row in enumerate(table.to_pylist()):
                if row[IDS] is not None:
                    index = pd.Index(row[IDS], dtype="string", name="item")
                    shared[number] = index, _clusters(row.get(CLUSTERS), index)
                if row["harness"] not in HARNESSES:
                    raise ValueError(f"row {number}: harness {row['harness']!r}")
                if not metadata.items() >= NAMED.items() and isinstance(row["model"], str):
                    row["model"] = "+".join(map(name_of, row["model"].split(" + ")))
                known = dict.fromkeys(LATER) | known_of(Standing()) | row
                what = f"{row['task']} {row['metric']}"
                items = _items(what, row[LIKE], row[SCORES], row[CHOICES], shared)
                yield {name: known[name] for name in NAMES} | items | {CHANCE: row.get(CHANCE)}
            return
    except (DataError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{path}: not a baseline, or damaged ({reason}). Restore it or write it again.") from error
    raise DataError(
        f"{path} is no baseline of ours. `xling-bench gate --candidate RUN --write-baseline FILE` writes one; "
        "`table -o` writes numbers without their items."
    )


def _clusters(firsts: list[int] | None, index: pd.Index[str]) -> pd.Series[int] | None:
    import pandas as pd

    if firsts is None:
        return None
    if any(not 0 <= first <= number for number, first in enumerate(firsts)):
        raise ValueError("clusters that begin after their items")
    return pd.Series(firsts, index=index, dtype="int64", name="cluster")


def _items(
    what: str, like: int | None, scores: list[float] | None, choices: list[int] | None, shared: dict[int, Shared]
) -> Row:
    import pandas as pd

    if like is None:
        return {ITEMS: None, CHOICES: None, CLUSTERS: None}
    index, clusters = shared[like]
    if scores is None or choices is None:
        raise ValueError(f"{what} has items without scores")
    return {
        ITEMS: pd.Series(scores, index=index, dtype="float64", name="score"),
        CHOICES: pd.Series(choices, index=index, dtype="int64", name="choice"),
        CLUSTERS: clusters,
    }
