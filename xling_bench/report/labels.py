"""Words on figures and names of files, made safe: a model's name is whatever somebody typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256

from xling_bench.catalog import benchmarks
from xling_bench.core.languages import PIVOT
from xling_bench.core.text import flat
from xling_bench.core.unit import Unit
from xling_bench.metrics.registry import METRICS

LONGEST = 40  # characters of a name that are drawn
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def labels(models: Iterable[str]) -> dict[str, str]:
    """{model: what to call it on a figure}: one line of at most 40 characters, the middle left out (paths differ at
    the end, hub names at the start), and told apart by a hash where two would look the same."""
    listed = list(dict.fromkeys(models))
    short = {model: _shortened(flat(model) or "(no name)", LONGEST) for model in listed}
    called = list(short.values())
    return {
        model: name if called.count(name) == 1 else f"{_shortened(name, LONGEST - 9)} {_hash(model)}"
        for model, name in short.items()
    }


def _shortened(text: str, longest: int) -> str:
    """The text, its middle replaced by an ellipsis where it is longer than that."""
    if len(text) <= longest:
        return text
    head = (longest - 1) // 2
    return text[:head] + ELLIPSIS + text[head + 1 - longest :]


def slug(text: str) -> str:
    """A part of a file's name that is safe on every file system: lower case (some ignore case) letters, digits and
    hyphens, and a hash where that lost something or where it could be taken for such a hash."""
    safe = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].strip("-")
    if safe == text and not re.search("(^|-)[0-9a-f]{8}$", safe):
        return safe
    return f"{safe}-{_hash(text)}".lstrip("-")


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def benchmark_label(key: str) -> str:
    """The benchmark's title; somebody else's key as it is."""
    return benchmarks()[key].title if key in benchmarks() else _shortened(flat(key), LONGEST)


def chance_of(benchmark: str, metric: str) -> float | None:
    """The chance level in percent, of metrics that have one; None for somebody else's benchmark."""
    chance = benchmarks()[benchmark].chance_of(metric) if benchmark in benchmarks() else None
    return None if chance is None else 100 * chance


def metric_label(metric: str, *, unit: bool = False) -> str:
    """`accuracy`, with its unit `accuracy (%)`."""
    known = METRICS.get(metric)
    if known is None:
        return flat(metric)
    return (known.label or known.name) + (" (%)" if unit and known.share else "")


def english_first(units: Iterable[str]) -> list[str]:
    """Languages, or pairs from English, with English first and the others by key."""
    return sorted(set(units), key=lambda unit: (unit != PIVOT, Unit(unit).source != PIVOT, unit))


def listed(words: Sequence[str], most: int = 8) -> str:
    """`a, b and c`; `a, b and 12 more`."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def number(value: float, *, sign: bool = False, digits: int = 1) -> str:
    """One decimal, or so many, as in the tables, with a real minus and none before zero."""
    rounded = round(value, digits) + 0.0
    signed = f"{rounded:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return signed if sign and rounded else f"{rounded:.{digits}f}"
