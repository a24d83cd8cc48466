"""How long `represent` takes to measure a layer: 10 languages x 1,012 sentences x 640 dimensions, planted states.

Usage: python benchmarks/representation.py [--quick]
`pairs` are all measures of nine pairs with the pivot, with intervals; `probe` the classifier of ten languages. Reading
the sentences is the model's own forward pass and takes what that takes.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from xling_bench.core.unit import Unit
from xling_bench.represent.corpus import Corpus
from xling_bench.represent.measurer import Measurer
from xling_bench.represent.probe import language_probe

LANGUAGES = ("en", "de", "fr", "es", "zh", "th", "tr", "sw", "hi", "ar")


def timed(what: str, work: Callable[[], object]) -> None:
    """Print wall and CPU seconds, and the most memory that this process has had."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what} wall={wall:.2f}s cpu={cpu:.2f}s peak={peak:.0f}MB ratio_cpu=- ratio_wall=- bound=-")


def main() -> None:
    """Print one line per measurement."""
    sentences, width = (100, 64) if "--quick" in sys.argv else (1012, 640)
    rng = np.random.default_rng(0)
    meaning = rng.normal(size=(sentences, width))
    states = {
        key: (meaning + rng.normal(size=meaning.shape) + 0.3 * rng.normal(size=width)).astype(np.float32)
        for key in LANGUAGES
    }
    pairs = {Unit.of("en", key): ("en", key) for key in LANGUAGES[1:]}
    corpus = Corpus("planted", "made up", "en", dict.fromkeys(LANGUAGES, ("",) * sentences), pairs, shared=False)
    measurer = Measurer(corpus, lambda side, _: states[side], [0], 0, gamma=True)
    size = f"languages={len(LANGUAGES)} sentences={sentences} dimensions={width}"
    timed(f"pairs {size}", measurer.run)
    timed(f"probe {size}", partial(language_probe, list(states.values())))


if __name__ == "__main__":
    main()
