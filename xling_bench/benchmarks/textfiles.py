"""Reading data files: plain or gzipped, strict UTF-8, TSV without quoting, and errors that name file and line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.reading import is_there, parse_json, read_bytes, unpack
from xling_bench.core.row import Record


def locate_any(root: Path, candidates: Sequence[str]) -> Path | None:
    """Return the first of `candidates` (paths below `root`, each also tried with `.gz`) that exists, or None.

    Raises DataError for a folder, or a link that leads nowhere, in a file's place.
    """
    paths = (path for name in candidates for path in (root / name, root / f"{name}.gz"))
    return next((path for path in paths if is_there(path)), None)


def locate(root: Path, candidates: Sequence[str]) -> Path:
    """Like `locate_any`, but raises MissingDataError naming the candidates."""
    if path := locate_any(root, candidates):
        return path
    shown = " or ".join(candidates)
    raise MissingDataError(f"no file {shown} (plain or .gz) below {root}")


def read_text(path: Path) -> str:
    """The file's text with line ends normalised to `\\n` and a leading byte-order mark dropped.

    Raises DataError for a truncated or boundless .gz or bytes that are not UTF-8, naming the line.
    """
    return decode(unpack(path) if path.suffix == ".gz" else read_bytes(path), str(path))


def decode(raw: bytes, where: str) -> str:
    """UTF-8 bytes as text: line ends normalised to `\\n`, a leading byte-order mark dropped.

    Raises DataError naming `where` and the line for bytes that are not UTF-8.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1  # `object` lacks the byte-order mark, as `start` does
        raise DataError(f"{where}, line {line}: not valid UTF-8 ({error.reason} at byte {error.start})") from error
    return text.replace("\r\n", "\n")


def read_lines(path: Path) -> list[str]:
    """The file's lines, split at `\\n` only: U+2028, U+0085 and form feeds occur inside sentences."""
    return _lines(read_text(path), str(path))


def _lines(text: str, where: str) -> list[str]:
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    if not lines:
        raise DataError(f"{where}: the file is empty")
    return lines


def read_tsv(path: Path, columns: int | Sequence[int]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of an unquoted TSV; `columns` is the number (or numbers) of cells allowed.

    Quotes, "NA" and "None" are text like any other. Raises DataError for a line with another number of cells.
    """
    allowed = {columns} if isinstance(columns, int) else set(columns)
    for number, line in enumerate(read_lines(path), start=1):
        cells = line.split("\t")
        if len(cells) not in allowed:
            expected = " or ".join(map(str, sorted(allowed)))
            raise DataError(f"{path}, line {number}: expected {expected} tab-separated columns, got {len(cells)}")
        yield number, cells


def read_table(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, {column: cell}) of an unquoted TSV with a header line that has at least `wanted`."""
    lines = read_lines(path)
    header = lines[0].split("\t")
    missing = [name for name in wanted if name not in header]
    if missing:
        raise DataError(f"{path}: expected the columns {', '.join(wanted)}; the header has {', '.join(header)}")
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split("\t")
        if len(cells) != len(header):
            raise DataError(f"{path}, line {number}: expected {len(header)} tab-separated columns, got {len(cells)}")
        yield number, dict(zip(header, cells, strict=True))


def read_csv(path: Path, wanted: Sequence[str], delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (number of the row's last line, {column: cell}) of a CSV (RFC 4180: cells with a comma, a quotation mark or
    a line break are quoted) with a header that has at least `wanted`.

    Raises DataError for a row with another number of cells, or quotation marks that do not close.
    """
    rows = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
        if missing := [name for name in wanted if name not in header]:
            raise DataError(
                f"{path}: expected the columns {', '.join(wanted)}; {', '.join(missing)} missing in {', '.join(header)}"
            )
        for cells in rows:
            if len(cells) != len(header):
                raise DataError(f"{path}, line {rows.line_num}: expected {len(header)} columns, got {len(cells)}")
            yield rows.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: not a CSV file ({error})") from error


def unquoted(cell: str) -> str:
    """A cell of a file whose writer quoted those that hold a quotation mark: `"נאט""ו"` is נאט"ו."""
    inner = cell[1:-1].replace('""', "")
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner
    return cell[1:-1].replace('""', '"') if quoted else cell


def read_json(path: Path) -> Any:
    """The file as JSON. Raises DataError with line and column."""
    return parse_json(read_text(path), str(path))


def read_jsonl(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, Record]]:
    """Yield (line number, object) of JSON lines, each with at least the keys `wanted`."""
    return parse_jsonl(read_text(path), str(path), wanted)


def parse_jsonl(text: str, where: str, wanted: Sequence[str]) -> Iterator[tuple[int, Record]]:
    """`read_jsonl` of a text that came from `where`, such as an archive's member."""
    for number, line in enumerate(_lines(text, where), start=1):
        item = parse_json(line, where, line=number)
        missing = [key for key in wanted if not isinstance(item, dict) or key not in item]
        if missing:
            raise DataError(
                f"{where}, line {number}: expected the keys {', '.join(wanted)}; {', '.join(missing)} missing"
            )
        yield number, item


def index_of(value: str, names: Sequence[str], where: str) -> int:
    """The index of a label name, or DataError listing the names."""
    if value not in names:
        raise DataError(f"{where}: unknown label {value!r}; expected one of {', '.join(names)}")
    return names.index(value)
