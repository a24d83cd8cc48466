"""Laws as files: laws.json, which `scale fit` writes, and CSV for laws of one's own; caps of pairs beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xling_bench.core import languages
from xling_bench.core.errors import DataError, UsageError, XlingError
from xling_bench.core.reading import is_there, read_object
from xling_bench.scale.columns import read_lines
from xling_bench.scale.law import Law

FORMAT = 1
LAWS = "laws.json"


@dataclass(frozen=True)
class Known:
    """A law, and the sizes that it was fitted to: (smallest, largest), None where nobody says."""

    law: Law
    sizes: tuple[int, int] | None = None


def read_laws(path: Path) -> dict[str, Known]:
    """Laws by language, from `laws.json` or a CSV file `language,alpha,beta[,gamma]`. Raises DataError."""
    found = _of_csv(path) if path.suffix.lower() == ".csv" else _of_json(path)
    if not found:
        raise DataError(f"{path}: it holds no law")
    return found


def _of_csv(path: Path) -> dict[str, Known]:
    found: dict[str, Known] = {}
    for line in read_lines(path, ("language", "alpha", "beta"), ("gamma",)):
        key = line.language()
        if key in found:
            raise DataError(f"{line.where}: {key} has a law already")
        gamma = line.number("gamma") if "gamma" in line.cells else 1.0
        found[key] = Known(_law(line.where, line.number("alpha"), line.number("beta"), gamma))
    return found


def _of_json(path: Path) -> dict[str, Known]:
    if not is_there(path):
        raise DataError(f"{path}: no such file; expected {LAWS} of `scale fit`, or CSV: language,alpha,beta[,gamma]")
    whole = read_object(path)
    if whole.get("format") != FORMAT or not isinstance(whole.get("laws"), dict):
        raise DataError(f"{path}: not a {LAWS} of `scale fit` (format {FORMAT})")
    found = {}
    for code, entry in whole["laws"].items():
        where = f"{path}: {code}"
        try:
            numbers = [_number(entry[name]) for name in ("alpha", "beta", "gamma")]
            smallest, largest = map(int, entry["sizes"])
            found[languages.get(code).key] = Known(_law(where, *numbers), (smallest, largest))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where}: alpha, beta, gamma or sizes are missing or no numbers") from error
        except UsageError as error:
            raise DataError(f"{path}: {error}") from error
    return found


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def _law(where: str, alpha: float, beta: float, gamma: float) -> Law:
    try:
        return Law(alpha, beta, gamma)
    except XlingError as error:
        raise DataError(f"{where}: {error}") from error


def read_caps(path: Path) -> dict[str, int]:
    """Pairs that there are, by language, from a CSV file `language,pairs`. Raises DataError, with the line."""
    found: dict[str, int] = {}
    for line in read_lines(path, ("language", "pairs")):
        key = line.language()
        if key in found:
            raise DataError(f"{line.where}: {key} has a cap already")
        found[key] = line.count("pairs", 0)
    return found
