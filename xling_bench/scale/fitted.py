"""Points to laws: for each language by itself, or alpha and beta shared by all; what is printed and kept of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from xling_bench.core.errors import DataError
from xling_bench.core.text import number_of
from xling_bench.core.version import VERSION
from xling_bench.scale.fit import DRAWS, LEVEL, SEED, Fit, Interval, fit
from xling_bench.scale.law import Law
from xling_bench.scale.laws_file import FORMAT
from xling_bench.scale.points import Point

METHOD = "least squares; intervals by the studentised bootstrap of normal errors"
NOT_IDENTIFIABLE = (
    "gamma is not identifiable from one language's points: they tell beta and alpha gamma^-beta only; with another "
    "gamma alpha is another and the curve the same, so compare no alphas over languages. Only where all languages "
    "share alpha and beta does gamma say anything: --shared, with each language's gamma."
)
INDEPENDENT = (
    "a shared law's intervals take points as independent; where a language lies off the curve as a whole they are too "
    "narrow: see the residuals"
)
COLUMNS = ("language", "points", "sizes", "gamma", "alpha", "beta", "residual")


@dataclass
class Fitted:
    """Laws by language. `fits` are one object for all where `shared`."""

    points: list[Point]
    fits: dict[str, Fit]
    shared: bool
    notes: list[str] = field(default_factory=list)

    @property
    def metric(self) -> str:
        """Of the points."""
        return self.points[0].metric

    def gamma(self, language: str) -> float:
        """The language's, 1 where nobody gave it."""
        return next((p.gamma for p in self.points if p.language == language and p.gamma is not None), 1.0)

    def law(self, language: str) -> Law:
        """The language's."""
        return self.fits[language].law(self.gamma(language))

    def of(self, language: str) -> list[Point]:
        """The language's points, by size."""
        return sorted((p for p in self.points if p.language == language), key=lambda p: (p.pairs, p.score))

    def residual(self, language: str) -> float:
        """The root of the mean squared distance of the language's points from its law, points of score."""
        own = self.of(language)
        predicted = self.law(language).score(np.array([p.pairs for p in own], dtype=np.float64))
        return float(np.sqrt(np.mean((np.array([p.score for p in own]) - predicted) ** 2)))


def fit_each(points: Sequence[Point]) -> Fitted:
    """A law for each language, by its own points. Raises DataError for a language with too few."""
    found = Fitted(list(points), {}, shared=False, notes=[NOT_IDENTIFIABLE])
    for key in dict.fromkeys(point.language for point in points):
        found.fits[key] = _fit(key, found.of(key))
        found.notes += _doubts(key, found.fits[key])
    return found


def fit_shared(points: Sequence[Point]) -> Fitted:
    """One alpha and beta for all languages, which differ by their gamma. Raises DataError where a gamma is missing."""
    languages = list(dict.fromkeys(point.language for point in points))
    if lacking := sorted({point.language for point in points if point.gamma is None}):
        raise DataError(f"--shared needs gamma of every language, and has none of {', '.join(lacking)}: give a column "
                        "gamma, or --represent FILE (alignment.json of `represent`)")  # fmt: skip
    both = _fit("all languages", points)
    found = Fitted(list(points), dict.fromkeys(languages, both), shared=True)
    found.notes += [INDEPENDENT] if len(languages) > 1 else [NOT_IDENTIFIABLE]
    found.notes += _doubts("all languages", both)
    return found


def _fit(who: str, points: Sequence[Point]) -> Fit:
    rows = [(point.pairs, point.score, 1.0 if point.gamma is None else point.gamma) for point in points]
    try:
        return fit(*np.array(rows, dtype=np.float64).T)
    except DataError as error:
        raise DataError(f"{who}: {error}") from error


def _doubts(who: str, found: Fit) -> list[str]:
    notes = []
    if found.degrees == 1:
        notes.append(f"{who}: 3 points for two parameters leave 1 degree of freedom, and wide intervals")
    if found.falls:
        notes.append(f"{who}: scores fall with size, which no law of this form does; beta stands at its bound, 0, and "
                     "the law is flat")  # fmt: skip
    return notes


def table(found: Fitted) -> list[list[str]]:
    """A line a language: points, sizes, gamma, alpha and beta with 95 % intervals, how far points are off."""
    rows = [list(COLUMNS)]
    for key, own in found.fits.items():
        sizes = [point.pairs for point in found.of(key)]
        rows.append([key, str(len(sizes)), f"{min(sizes):,} to {max(sizes):,}", f"{found.gamma(key):.4g}",
                     _shown(own.alpha, own.alpha_interval()), _shown(own.beta, own.beta_interval()),
                     f"{found.residual(key):.2f}"])  # fmt: skip
    return rows


def _shown(value: float, interval: Interval | None) -> str:
    return f"{value:.4g}" + (f" [{interval[0]:.3g}, {interval[1]:.3g}]" if interval else " [-]")


def as_json(found: Fitted, sources: Mapping[str, Path | str]) -> str:
    """laws.json: format, what was fitted how, a law a language, notes. `sources`: what points and gammas come from."""
    listed = sorted((p.language, p.pairs, p.score, p.metric, p.gamma) for p in found.points)
    code = b"".join((Path(__file__).with_name(name)).read_bytes() for name in ("fit.py", "fitted.py", "law.py"))
    signature = {
        "points": sha256(json.dumps(listed).encode()).hexdigest()[:16], "from": {k: str(v) for k, v in sources.items()},
        "method": METHOD, "seed": SEED, "draws": DRAWS, "level": LEVEL,
        "code": sha256(code).hexdigest()[:8], "version": VERSION,
    }  # fmt: skip
    whole = {"format": FORMAT, "fit": "alpha and beta shared" if found.shared else "each language by itself",
             "metric": found.metric, "signature": signature, "notes": found.notes,
             "laws": {key: _entry(found, key) for key in found.fits}}  # fmt: skip
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _entry(found: Fitted, key: str) -> dict[str, Any]:
    own, points = found.fits[key], found.of(key)
    return {"alpha": own.alpha, "beta": own.beta, "gamma": found.gamma(key), "points": len(points),
            "sizes": [points[0].pairs, points[-1].pairs], "degrees": own.degrees, "residual": found.residual(key),
            "falls": own.falls, "intervals": {"alpha": own.alpha_interval(), "beta": own.beta_interval()}}  # fmt: skip


def summary(found: Fitted) -> str:
    """One line on what was fitted."""
    what = "one law for all, alpha and beta shared" if found.shared else "a law each"
    return (f"{number_of(len(found.points), 'point')} of {found.metric}, {number_of(len(found.fits), 'language')}, "
            f"{what}; intervals 95 %")  # fmt: skip
