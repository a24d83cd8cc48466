"""Keeping `RUN/items.parquet`, the item scores of a whole run in one compact file."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path

from filelock import FileLock

from xling_bench.core.errors import DataError, OutputError
from xling_bench.core.files import write_bytes
from xling_bench.evaluation.writing import remove_leftovers
from xling_bench.results.items import FILE, finished_units, items_frame, read_items


def write_items(folder: Path, changed: Collection[Path] = ()) -> None:
    """Bring the run's item scores up to date with its finished units; only samples of new units are read, and of those
    that `changed`: their folders, whose rows' keys may be as they were.

    A damaged file is made again from the samples. Raises OutputError when it cannot be written.
    """
    path = folder / FILE
    try:
        with FileLock(str(folder / ".items.lock")):
            remove_leftovers(path)
            try:
                known = read_items(folder)
                if known is not None and changed:
                    known = known[~known["unit"].isin({place.relative_to(folder).as_posix() for place in changed})]
            except DataError:
                known = None  # everything in it is in the samples, too
            units = finished_units(folder)
            if known is not None and set(known["key"].unique()) == {record.key for record in units}:
                return
            out = io.BytesIO()
            items_frame(units, known).to_parquet(out, index=False)
            write_bytes(path, out.getvalue())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
