"""Reading whole files within bounds: what is damaged, endless, too deep or of another kind is one error that names it.

One reader for each format: TOML, JSON, Parquet, gzip. `error` is the kind of error that the caller's reader wants.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import tomllib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.core.errors import DataError, DeclarationError, XlingError, reason_of

if TYPE_CHECKING:
    import pyarrow as pa

Kind = type[XlingError]
LARGEST = 1 << 30  # bytes of a file, unpacked where it is packed: the largest official one has a twentieth of it
LARGEST_DECLARATION = 4 << 20  # bytes of a TOML file that somebody writes by hand
DEEPEST = 64  # tables and lists within each other; ours have 8


def real(path: Path) -> Path:
    """The path without links. `Path.resolve` raises where links lead in a circle; this leaves those as they are."""
    return Path(os.path.realpath(path))


def is_there(path: Path, error: Kind = DataError) -> bool:
    """Whether there is a file. Raises `error` for a folder, or a link that leads nowhere, in its place: that is not the
    same as none."""
    if path.is_file():
        return True
    if path.is_dir() or path.is_symlink():
        what = "a folder" if path.is_dir() else "a link that leads to no file"
        raise error(f"{path} is {what}; a file is expected there.")
    return False


def read_text(path: Path, error: Kind = DataError) -> str:
    """The file's text in UTF-8, without a byte-order mark. Raises `error` where it is none."""
    try:
        return read_bytes(path, error).decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise error(f"{path}: not valid UTF-8 ({reason.reason} at byte {reason.start})") from reason


def read_bytes(path: Path, error: Kind = DataError, most: int = LARGEST) -> bytes:
    """The file's bytes. Raises `error` where it cannot be read or has more than `most`."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as reason:
        raise error(f"{path}: cannot be read: {reason.strerror or reason}") from reason
    return _bounded(content, str(path), error, most)


def unpack(path: Path, most: int = LARGEST) -> bytes:
    """What a gzip file holds. Raises DataError where it is cut off or damaged, or holds more than `most` bytes."""
    try:
        with gzip.open(path) as file:
            content = file.read(most + 1)  # to the end, unless it is too large: the checksum is checked there
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: truncated or damaged gzip file ({error}). Fetch it again.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return _bounded(content, str(path), DataError, most)


def _bounded(content: bytes, where: str, error: Kind, most: int) -> bytes:
    if len(content) > most:
        raise error(f"{where}: more than {most:,} bytes; so much is not read")
    return content


def read_toml(path: Path, error: Kind = DeclarationError) -> dict[str, Any]:
    """The file's table. Raises `error` for what is no TOML in UTF-8 (with or without a byte-order mark)."""
    content = read_bytes(path, error, LARGEST_DECLARATION)
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as reason:  # TOML's, UTF-8's, and that of numbers of thousands of digits
        raise error(f"{path}: not valid TOML: {_why(reason)}") from reason
    _shallow(table, str(path), error)
    return table


def parse_json(
    text: str | bytes, where: str, error: Kind = DataError, *, line: int | None = None, exact: bool = False,
    once: bool = False,
) -> Any:  # fmt: skip
    """JSON that came from `where` (its `line`). Raises `error` for anything else, or values nested beyond DEEPEST;
    where it must be `exact`, for what Python's reader takes besides: NaN, numbers beyond a double, a key twice; where
    `once`, for a key twice alone."""
    place = f"{where}, line {line}" if line else where
    try:
        value = json.loads(text, **(_EXACT if exact else _ONCE if once else {}))
    except json.JSONDecodeError as reason:
        at = line or reason.lineno
        raise error(f"{where}, line {at}: not valid JSON ({reason.msg}); is the file truncated?") from reason
    except (ValueError, RecursionError) as reason:
        raise error(f"{place}: not valid JSON for us: {_why(reason)}") from reason
    if isinstance(text, str) and text.count("[") + text.count("{") <= DEEPEST:
        return value  # no deeper than it has brackets; quick, for samples have a million lines
    return _shallow(value, place, error)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is no number that can be kept")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:40]!r} stands twice")
        found[key] = value
    return found


_ONCE: dict[str, Any] = {"object_pairs_hook": _once}
_EXACT: dict[str, Any] = {**_ONCE, "parse_constant": _finite, "parse_float": _finite}


def read_json(path: Path, error: Kind = DataError) -> Any:
    """`parse_json` of a whole file."""
    return parse_json(read_bytes(path, error), str(path), error)


def read_object(path: Path, error: Kind = DataError) -> dict[str, Any]:
    """`read_json` of a file that should hold an object."""
    value = read_json(path, error)
    if not isinstance(value, dict):
        raise error(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value


def read_parquet(path: Path, columns: Sequence[str] | None = None, error: Kind = DataError) -> pa.Table:
    """A Parquet file's table (of `columns`, which it must have). Raises `error` for one that is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if not path.is_file():
            raise error(f"{path}: no such file")
        with path.open("rb") as file:  # by itself pyarrow takes no name that is not UTF-8
            table = pq.read_table(file, columns=columns and list(columns), page_checksum_verification=True)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, ArithmeticError) as reason:
        raise error(f"{path}: damaged, or no Parquet file ({reason_of(reason)})") from reason
    missing = [name for name in columns or () if name not in table.column_names]
    if missing:
        raise error(f"{path}: the column {missing[0]} is missing")
    return table


def _why(reason: Exception) -> str:
    return "nested too deeply" if isinstance(reason, RecursionError) else reason_of(reason)


def _shallow(value: Any, where: str, error: Kind) -> Any:
    """`value`, unless it is so deep that those who walk it would run out of stack."""
    level, depth = [value], 0
    while level := [inner for each in level for inner in _inside(each)]:
        depth += 1
        if depth > DEEPEST:
            raise error(f"{where}: nested deeper than {DEEPEST} levels, which nothing here is")
    return value


def _inside(value: Any) -> list[Any]:
    listed = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [inner for inner in listed if isinstance(inner, dict | list)]
