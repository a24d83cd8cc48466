"""Latent language (Wendler et al. 2024): does a model that translates from German to Chinese pass through English?

It is asked for a word's translation after four examples (`questions.py`), and at every layer the state of the prompt's
last token is read as the output layer would read it (`lens.py`): how likely does the target word go on, how likely the
English one, how likely the source word itself?

    latent/MODEL/de-zh-1a2b3c4d5e6f7a8b.npz   `layer_0`, ...: float32 (words, `SIDES`), written as `store.py` says

MODEL is a hash of all that decides them, the words counted included; the digits are one of the prompts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xling_bench.core.progress import progress
from xling_bench.core.unit import Unit
from xling_bench.models.config import ModelConfig
from xling_bench.represent.measurer import DRAWS, LEVEL, SEED, Measured, with_intervals
from xling_bench.represent.questions import SIDES, Questions
from xling_bench.represent.signing import LENS_CODE, MEASURES_CODE, OWN, RANDOM, code_hash, digest
from xling_bench.represent.store import Store
from xling_bench.stats.bootstrap import bootstrap_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

Facts = dict[str, Any]
Look = tuple[str, Questions, Store]  # own or random weights, what is asked, where what is read is kept


def latent_language(asked: Sequence[Questions], model: ModelConfig, name: str, facts: Facts, kinds: Sequence[str],
                    output: Path) -> Iterator[tuple[str, Facts, list[Measured]]]:  # fmt: skip
    """What a logit lens reads of one model, own weights and random ones (`kinds`): who it is, the facts of the
    signature, the numbers. What is not kept below `output` is computed. `facts` decide a model's states.

    Raises XlingError for a model that cannot be read, or whose output is more than its last layer, norm and head.
    """
    given = {key: value for key, value in facts.items() if key != "pooling"} | {"code": code_hash(LENS_CODE)}
    looks, signed = [], []
    for kind in kinds:
        for questions in asked:
            signed.append({**given, "weights": kind, "questions": questions.hash})
            looks.append((kind, questions, Store(output / "latent" / digest(signed[-1]))))
    missing = [look for look in looks if not look[2].has(look[1].pair, look[1].prompts)]
    if missing:
        _look(model, name, list(facts["layers"]), missing)
    for (kind, questions, store), marks in zip(looks, signed, strict=True):
        side = questions.pair, questions.prompts
        layers, depth, _ = store.facts(*side)
        marks |= {"layers": layers, "depth": depth, "states": store.folder.name, "words": len(questions.asked),
                  "draws": DRAWS, "seed": SEED, "measures": code_hash(MEASURES_CODE)}  # fmt: skip
        found = [number for layer in layers for number in numbers(questions.pair, layer, store.load(*side, layer))]
        yield name if kind == OWN else f"{name} (random)", marks, found


def _look(model: ModelConfig, name: str, words: Sequence[str], missing: Sequence[Look]) -> None:
    from xling_bench.models.load import load
    from xling_bench.represent.lens import Lens, random_of
    from xling_bench.represent.reader import resolve_layers

    lm: Any = load(model)
    for kind in (OWN, RANDOM):
        these = [(questions, store) for which, questions, store in missing if which == kind]
        if not these:
            continue
        lens = Lens(lm if kind == OWN else random_of(lm, name), name)
        layers = resolve_layers(words, lens.depth)
        what = f"logit lens of {name}" if kind == OWN else f"logit lens of {name} ({kind})"
        with progress(sum(len(questions.asked) for questions, _ in these), what, unit="word") as bar:
            for questions, store in these:
                lens.ask(questions.answers)
                store.write(questions.pair, questions.prompts, layers, lens, bar.update)


def numbers(pair: Unit, layer: int, found: NDArray[np.floating]) -> Iterator[Measured]:
    """Means over words of what a lens reads at a layer, (N, `SIDES`), and the share of English in English and target
    together, a ratio of means. The intervals resample words; of the repeated word's two names `target` is told."""
    table = found.astype(np.float64)
    names = SIDES[:2] if pair.source == pair.target else SIDES
    yield from with_intervals({(pair, f"latent_{name}"): table[:, at] for at, name in enumerate(names)}, layer)
    whole = table[:, :2].mean(0)  # English, target
    share, low, high = None, None, None
    if whole.sum() > 0:
        share = float(whole[0] / whole.sum())
        drawn = bootstrap_means(table[:, :2], DRAWS, SEED)  # (draws, 2)
        tail = 50.0 * (1.0 - LEVEL)
        ratios = drawn[:, 0] / np.maximum(drawn.sum(1), np.finfo(np.float64).tiny)
        low, high = map(float, np.percentile(ratios, [tail, 100.0 - tail]))
    yield Measured(pair, layer, "latent_share_english", share, low, high, len(table))
