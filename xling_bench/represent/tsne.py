"""t-SNE: many points to the plane so that neighbours stay neighbours. A picture: nothing is measured on it."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.errors import MissingPackageError, UsageError
from xling_bench.core.extras import installing
from xling_bench.core.text import number_of

Matrix = NDArray[np.float64]
Vectors = NDArray[np.float32]
Tick = Callable[[int], object]  # hears how many iterations are done, of `ROUNDS`
MOST_EXACT = 10_000  # points that scikit-learn's Barnes-Hut tree places in minutes; openTSNE interpolates beyond
COMPONENTS = 50  # principal components that neighbours are looked for in (van der Maaten and Hinton 2008 take 30)
PERPLEXITY = 30.0
ROUNDS = 1000
EVERY = 50  # rounds that openTSNE tells of
FEWEST = 5
ITERATION = re.compile(r"Iteration (\d+):")


@dataclass(frozen=True)
class Placed:
    """Points on the plane, (N, 2), and the perplexity they were placed at."""

    points: Matrix
    perplexity: float


def method(count: int) -> str:
    """The program that places so many points, with its version."""
    package = "openTSNE" if count > MOST_EXACT else "scikit-learn"
    return f"t-SNE of {package} {metadata.version(package)}"


def check_points(count: int) -> None:
    """Raise UsageError for too few points, MissingPackageError for so many that openTSNE is needed and not there."""
    if count < FEWEST:
        raise UsageError(f"--map: {number_of(count, 'point')} make no picture; expected {FEWEST} or more sentences in "
                         "all languages together.")  # fmt: skip
    if count > MOST_EXACT and util.find_spec("openTSNE") is None:
        raise MissingPackageError(f"--map of {count:,} points needs openTSNE (beyond {MOST_EXACT:,}): "
                                  f"{installing('map')}; or give --limit for fewer sentences.")  # fmt: skip


def place(vectors: Vectors, *, seed: int, tick: Tick = lambda _: None) -> Placed:
    """Points (N, D) on the plane, (N, 2): at length 1, to `COMPONENTS` principal components, then t-SNE from the first
    two of them, at perplexity 30, or a fifth of the points where that is less.

    One thread, so that the same points and versions are placed the same to the last bit. Up to 10,000 points by
    scikit-learn, beyond by openTSNE. Raises what `check_points` does.
    """
    from threadpoolctl import threadpool_limits

    check_points(len(vectors))
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 5)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        reduced = principal(vectors)
        if len(vectors) > MOST_EXACT:
            return Placed(_open(reduced, perplexity, seed, tick), perplexity)
        return Placed(_exact(reduced, perplexity, seed, tick), perplexity)


def principal(vectors: Vectors) -> Vectors:
    """The states at length 1, centred, in their first `COMPONENTS` principal components, float32 (N, at most 50); each
    component points to where its largest entry is positive, so that its sign is the same everywhere."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    unit -= unit.mean(0, dtype=np.float64).astype(np.float32)
    _, axes = np.linalg.eigh(unit.T.astype(np.float64) @ unit)  # (D, D), the largest last
    axes = axes[:, ::-1][:, :COMPONENTS]
    largest = np.abs(axes).argmax(0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    found: Vectors = unit @ axes.astype(np.float32)
    return found


def _exact(vectors: Vectors, perplexity: float, seed: int, tick: Tick) -> Matrix:
    from sklearn.manifold import TSNE

    start = _start(vectors)
    program = TSNE(perplexity=perplexity, init=start, random_state=seed, max_iter=ROUNDS, verbose=2, n_jobs=1)
    said = _Said(tick)
    with contextlib.redirect_stdout(said):
        found: Matrix = program.fit_transform(vectors).astype(np.float64)
    tick(ROUNDS - said.done)
    return found


def _open(vectors: Vectors, perplexity: float, seed: int, tick: Tick) -> Matrix:
    from openTSNE import TSNE

    done = 0

    def heard(*_: object) -> None:  # the round, the error, the points
        nonlocal done
        tick(EVERY)
        done += EVERY

    program = TSNE(perplexity=perplexity, initialization=_start(vectors), random_state=seed, n_jobs=1,
                   early_exaggeration_iter=250, n_iter=ROUNDS - 250, callbacks=heard,
                   callbacks_every_iters=EVERY)  # fmt: skip
    found: Matrix = np.asarray(program.fit(vectors), dtype=np.float64)
    tick(ROUNDS - done)
    return found


def _start(vectors: Vectors) -> Vectors:
    """The first two components, their spread 1e-4, as both programs want a start."""
    start = vectors[:, :2]
    if start.shape[1] < 2:
        start = np.pad(start, ((0, 0), (0, 2 - start.shape[1])))
    spread = float(start[:, 0].std())
    found: Vectors = (start / (spread or 1.0) * 1e-4).astype(np.float32)
    return found


class _Said(io.StringIO):
    """scikit-learn tells how far it is by printing, and only so."""

    def __init__(self, tick: Tick) -> None:
        super().__init__()
        self.tick, self.done = tick, 0

    def write(self, text: str) -> int:
        if found := ITERATION.search(text):
            self.tick(int(found[1]) - self.done)
            self.done = int(found[1])
        return len(text)
