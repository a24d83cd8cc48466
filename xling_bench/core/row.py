"""A benchmark's canonical row: `id` and the declared fields, each of them a text, several texts, an index or a flag."""

from __future__ import annotations

from collections.abc import Mapping

Value = str | list[str] | int  # a flag is a bool, and so an int
Row = dict[str, Value]
Record = Mapping[str, object]  # what a row is made of, or a row that nobody has checked: of files that may be damaged


def text_in(row: Record, name: str) -> str:
    """A field that holds a text. Raises TypeError for one that holds something else."""
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} should be text, got {value!r:.80}")
    return value


def texts_in(row: Record, name: str) -> list[str]:
    """A field's texts, whether it holds one or several. Raises TypeError for one that holds something else."""
    value = row[name]
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return value
    return [text_in(row, name)]


def record_in(row: Record, name: str) -> Record:
    """A field of a record that holds another. Raises TypeError for one that holds something else."""
    value = row[name]
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} should be an object, got {value!r:.80}")
    return value


def indices_in(row: Record, name: str) -> list[int]:
    """A field that holds several numbers. Raises TypeError for one that holds something else."""
    value = row[name]
    if not isinstance(value, list) or not all(isinstance(number, int) for number in value):
        raise TypeError(f"{name} should be numbers, got {value!r:.80}")
    return value


def index_in(row: Record, name: str) -> int:
    """A field that holds an index. Raises TypeError for one that holds something else."""
    value = row[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} should be a number, got {value!r:.80}")
    return value
