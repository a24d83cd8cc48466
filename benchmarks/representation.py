"""How long `represent` takes to measure a layer: planted states of 640 dimensions.

Usage: python benchmarks/representation.py [--quick] [--map]
`pairs` are all measures of nine pairs with the pivot, 1,012 sentences each, with intervals; `probe` the classifier of
ten languages, and of fifty; with `--map`, `map` places 52 languages x 1,000 sentences on the plane. Reading the
sentences is the model's own forward pass and takes what that takes.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from xling_bench.core.progress import progress
from xling_bench.core.unit import Unit
from xling_bench.represent import tsne
from xling_bench.represent.corpus import Corpus
from xling_bench.represent.measurer import Measurer
from xling_bench.represent.probe import language_probe

if TYPE_CHECKING:
    from numpy.typing import NDArray

LANGUAGES = ("en", "de", "fr", "es", "zh", "th", "tr", "sw", "hi", "ar")


def timed(what: str, work: Callable[[], object]) -> None:
    """Print wall and CPU seconds, and the most memory that this process has had."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what} wall={wall:.2f}s cpu={cpu:.2f}s peak={peak:.0f}MB ratio_cpu=- ratio_wall=- bound=-")


def planted(languages: int, sentences: int, width: int) -> list[NDArray[np.float32]]:
    """States (sentences, width) of each language: a sentence's meaning, a language's place, and noise."""
    rng = np.random.default_rng(0)
    meaning = rng.normal(size=(sentences, width))
    return [
        (meaning + rng.normal(size=meaning.shape) + 0.3 * rng.normal(size=width)).astype(np.float32)
        for _ in range(languages)
    ]


def main() -> None:
    """Print one line per measurement."""
    quick = "--quick" in sys.argv
    sentences, width = (100, 64) if quick else (1012, 640)
    states = dict(zip(LANGUAGES, planted(len(LANGUAGES), sentences, width), strict=True))
    pairs = {Unit.of("en", key): ("en", key) for key in LANGUAGES[1:]}
    corpus = Corpus("planted", "made up", "en", dict.fromkeys(LANGUAGES, ("",) * sentences), pairs, shared=False)
    measurer = Measurer(corpus, lambda side, _: states[side], [0], 0, gamma=True)
    size = f"languages={len(LANGUAGES)} sentences={sentences} dimensions={width}"
    timed(f"pairs {size}", measurer.run)
    timed(f"probe {size}", partial(language_probe, list(states.values())))
    many = planted(5 if quick else 50, 50 if quick else 200, width)
    timed(f"probe languages={len(many)} sentences={len(many[0])} dimensions={width}", partial(language_probe, many))
    if "--map" in sys.argv:
        points = np.concatenate(planted(5 if quick else 52, 20 if quick else 1000, width))
        with progress(tsne.ROUNDS, "map", unit="round") as bar:
            timed(f"map points={len(points)} dimensions={width}", partial(tsne.place, points, seed=0, tick=bar.update))


if __name__ == "__main__":
    main()
