"""The results table as a file: CSV, JSON or Parquet."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from xling_bench.core.errors import DataError
from xling_bench.core.files import write_bytes, write_text
from xling_bench.results.schema import FOLDERS, UNEXPORTED, Row
from xling_bench.results.tables.rendering import frame_csv

if TYPE_CHECKING:
    import pandas as pd


def save_results(frame: pd.DataFrame, path: Path) -> None:
    """Write the table as .csv, .json or .parquet (by the name's end), without the item scores: whole or not at all."""
    plain = frame.drop(columns=list(UNEXPORTED), errors="ignore")
    plain.attrs = {name: value for name, value in frame.attrs.items() if name != FOLDERS}  # no paths in a .parquet
    if path.suffix == ".csv":
        write_text(path, frame_csv(plain))
    elif path.suffix == ".json":
        write_text(path, json.dumps(_records(plain), ensure_ascii=False, indent=1) + "\n")
    elif path.suffix == ".parquet":
        out = io.BytesIO()
        plain.to_parquet(out, index=False)
        write_bytes(path, out.getvalue())
    else:
        raise DataError(f"{path}: expected a name ending in .csv, .json or .parquet")


def _records(frame: pd.DataFrame) -> list[Row]:
    """The rows as dictionaries, None where a value is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict(orient="records")  # type: ignore[return-value]
