"""Alignment and uniformity of a model in training on held-out pairs (AFP's Figure 4): a line of JSON each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import TrainerCallback

from xling_bench.core.errors import ModelError, TrainingError, UnsupportedModelError, UsageError
from xling_bench.core.reading import parse_json
from xling_bench.core.unit import Unit
from xling_bench.models.prefix import first_token
from xling_bench.represent import retrieval, spaces
from xling_bench.represent.corpus import Corpus
from xling_bench.represent.induction import precision
from xling_bench.represent.measurer import Measured, Vectors, with_intervals, without
from xling_bench.represent.reader import Reader, parts_of, resolve_layers
from xling_bench.training.callbacks import append, cut_off
from xling_bench.training.corpora.word_pairs import Lexicons
from xling_bench.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

POSITIONS = 2048  # of a model that says none, as `represent` has it


@dataclass(frozen=True)
class InTraining:
    """A model in training, as `Reader` wants a loaded one."""

    model: Any
    tokenizer: Any
    device: torch.device
    max_length: int
    prefix_token_id: int


class Trajectory(TrainerCallback):  # type: ignore[misc]
    """Measures before the first update, every `alignment.every` updates and after the last, and appends

        {"step": 500, "data": HASH, "records": [{"pair", "layer", "pooling", "measure", "value", "interval", "n"}, ...]}

    to `path`. A step is measured once, before its checkpoint is written, so that a run that goes on finds it there; of
    steps that are trained again the lines are cut off. The first of several processes measures, in evaluation mode and
    without drawing a random number: training is to the bit what it is without.
    """

    def __init__(
        self, path: Path, recipe: Recipe, corpus: Corpus, tokenizer: Any, lexicons: Lexicons | None = None
    ) -> None:
        self.path, self.recipe, self.corpus, self.tokenizer = path, recipe, corpus, tokenizer
        self.lexicons = lexicons

    def on_train_begin(self, _args: Any, state: Any, _control: Any, model: Any = None, **_: Any) -> None:
        """Go on where the run does; of a fresh one, measure the base model."""
        if state.is_world_process_zero:
            cut_off(self.path, state.global_step)
            if state.global_step not in self._steps():
                self._measure(model, state)

    def on_step_end(self, _args: Any, state: Any, _control: Any, model: Any = None, **_: Any) -> None:
        """Now?"""
        if state.is_world_process_zero:
            self._measure(model, state)

    def _steps(self) -> list[int]:
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        return [parse_json(line, self.path.name)["step"] for line in lines]

    def _measure(self, step: Any, state: Any) -> None:
        """step: the `AlignmentStep`, which holds the model."""
        wanted, number = self.recipe.alignment, state.global_step
        if number % wanted.every and number < state.max_steps:
            return
        training = step.training
        step.eval()
        try:
            found = list(measured(step.model, self.tokenizer, self.corpus, self.recipe, self.lexicons))
        except UnsupportedModelError:
            raise
        except ModelError as error:
            raise TrainingError(
                f"update {number}: the model's states are not finite numbers, so the run stops and saves nothing of "
                "them. Lower run.lr; the last checkpoint, if there is one, is whole."
            ) from error
        finally:
            step.train(training)
        records = [
            {"pair": str(each.pair), "layer": each.layer, "pooling": wanted.pooling, "measure": each.measure,
             "value": each.value, "interval": None if each.low is None else [each.low, each.high], "n": each.n}
            for each in found
        ]  # fmt: skip
        words = {} if self.lexicons is None else {"words": self.lexicons.hash}
        append(self.path, {"step": number, "data": self.corpus.hash, **words, "records": records})


def layers_of(recipe: Recipe, depth: int) -> list[int]:
    """The layers that are measured of a model whose last is `depth`. Raises UsageError for one that there is not."""
    try:
        return resolve_layers([str(word) for word in recipe.alignment.layers], depth)
    except UsageError as error:
        said = str(error).removeprefix("--layers").lstrip(": ")
        raise UsageError(f"alignment.layers: {said}") from error


def measured(
    model: Any, tokenizer: Any, corpus: Corpus, recipe: Recipe, lexicons: Lexicons | None = None
) -> Iterator[Measured]:
    """`alignment`, `uniformity` and `retrieval_weak`, both ways, of every pair and layer, as `represent` gives them of
    the same weights, and `lexicon_induction` from the pivot's words. The model must be in evaluation mode, else dropout
    would draw. Raises ModelError for states that are not finite."""
    text = model.config.get_text_config()
    longest = getattr(text, "max_position_embeddings", None) or POSITIONS
    device = next(model.parameters()).device
    lm = InTraining(model, tokenizer, device, int(longest), first_token(tokenizer) or 0)
    reader = Reader(lm, recipe.model.path, recipe.alignment.pooling)
    layers = layers_of(recipe, reader.depth)
    states = {side: _states(reader, side, texts, layers) for side, texts in corpus.sides.items()}
    for at, layer in enumerate(layers):
        units = {side: retrieval.unit(found[:, at]) for side, found in states.items()}
        for pair, (one, other) in corpus.pairs.items():
            ours, theirs = units[one], units[other]
            there, back = retrieval.neighbours(ours, theirs), retrieval.neighbours(theirs, ours)
            yield from with_intervals({
                (pair, "alignment"): spaces.squared_distances(ours, theirs),
                (pair, "retrieval_weak"): retrieval.weak(there),
                (Unit.of(pair.target, pair.source), "retrieval_weak"): retrieval.weak(back),
            }, layer)  # fmt: skip
            both = np.concatenate([ours, theirs])
            yield without(pair, layer, "uniformity", spaces.uniformity(both), len(ours))
    for pair, lexicon in ({} if lexicons is None else lexicons.pairs).items():
        words, candidates = (_states(reader, str(pair), texts, layers) for texts in (lexicon.words, lexicon.candidates))
        for at, layer in enumerate(layers):
            vectors = retrieval.unit(words[:, at]), retrieval.unit(candidates[:, at])
            yield from with_intervals({(pair, "lexicon_induction"): precision(*vectors, lexicon.right)}, layer)


def _states(reader: Reader, side: str, texts: tuple[str, ...], layers: list[int]) -> Vectors:
    """Pooled states (texts, layers, D), in the texts' order; in `represent`'s batches, so that they are its own."""
    encoded = reader.encode(texts, side)
    batches = [batch for part in parts_of([len(each.tokens) for each in encoded], reader.tokens) for batch in part]
    found = reader.read(encoded, batches, layers)
    ordered = np.empty_like(found)
    ordered[[place for batch in batches for place in batch]] = found
    return ordered
