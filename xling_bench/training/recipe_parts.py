"""The tables of a recipe that are no room's of their own: model, run, evaluation, alignment, early stopping."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from xling_bench.core.declare import Strict
from xling_bench.represent.token_weights import Pooling
from xling_bench.training.losses import Need


class ModelPart(Strict):
    """What is trained: a folder or hub name. Weights are float32; `precision` is what is computed with (autocast);
    "auto" becomes bfloat16 on a GPU that has it, else float32, before anything is compared or recorded.

    `kernel`: who computes the output layer's loss, torch (2.13's chunked one where it is there) or, on a GPU, Liger
    (package liger-kernel). `untie` gives the output layer a weight of its own, as AFP's code does unsaid (XGLM-564M:
    262 M parameters more).
    """

    path: str = Field(min_length=1)
    revision: str | None = None
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    gradient_checkpointing: bool = False
    kernel: Literal["torch", "liger"] = "torch"
    untie: bool = False


class RunPart(Strict):
    """How long, how much at once, how fast. An update learns from `pairs` pairs and `instructions` instructions, over
    all processes: a batch of 128 is 128 on one accelerator as on eight. Each process takes its share in `parts`
    (gradient accumulation), so `pairs / (processes x parts)` go through the model at once.

    `steps` are updates; `epochs` may stand in their place: so many times the rows of `epochs_of` ("pairs" or
    "instructions"; by default of the stream that takes longer), in whole updates, rounded up. Lengths are tokens.
    Learning rate `lr` after `warmup` (a share of the steps, rounded up) along `schedule`. `ends`: the model's end token
    closes every response and is learnt. `seed`: of what is drawn, and when (the order of rows, turns, languages,
    templates, an allocation's rows), and of dropout.

    What AFP's code does otherwise (src/train.py, `mode = "code"`): `rows = "glued"`: a part's instructions one after
    the other, cut into rows of `length`, in which they see each other; what is over is dropped. `label_special`: begin
    and end tokens are learnt wherever they stand. `padding = "tokenizer"`: pairs are padded on the tokenizer's side,
    and positions count padding. `schedule = "log_warmup"`: see `schedules`; under DeepSpeed's ZeRO only, else "cosine".
    """

    steps: int = Field(default=5000, ge=1, le=10**9)
    epochs: float | None = Field(default=None, gt=0, le=10**6, allow_inf_nan=False)
    epochs_of: Need | None = None
    pairs: int = Field(default=32, ge=0)
    instructions: int = Field(default=32, ge=0)
    parts: int = Field(default=1, ge=1)
    pair_length: int = Field(default=128, ge=2)
    length: int = Field(default=512, ge=2)
    ends: bool = True
    rows: Literal["apart", "glued"] = "apart"
    label_special: bool = False
    padding: Literal["right", "tokenizer"] = "right"
    lr: float = Field(default=1e-5, gt=0, allow_inf_nan=False)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup", "log_warmup"] = "cosine"
    warmup: float = Field(default=0.03, ge=0, lt=1)
    clip: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0, lt=2**32)
    save_every: int = Field(default=500, ge=1)
    log_every: int = Field(default=10, ge=1)
    keep: int = Field(default=2, ge=0)
    keep_optimizer: bool = False

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.epochs is not None and "steps" in self.model_fields_set:
            raise ValueError("epochs: `steps` is given, too; give one of the two")
        if self.epochs_of is not None and self.epochs is None:
            raise ValueError("epochs_of: it says of which stream `epochs` are; give them")
        return self


def updates(share: float, steps: int) -> int:
    """A share of a run, in whole updates, rounded up."""
    return math.ceil(share * steps - 1e-9)  # 7 % of 100 is 7.000000000000001 in floating point


class EvaluatePart(Strict):
    """Early evaluation: every `every` updates (0: never), the first `limit` development items of these tasks (names,
    tags or globs), at 0 shots. Tasks without a development split are refused: a checkpoint is not chosen on test items.
    """

    every: int = Field(default=0, ge=0)
    tasks: tuple[str, ...] = ()
    limit: int = Field(default=200, ge=1)


class AlignmentPart(Strict):
    """How near translations are, on the way: before the first update, every `every` updates (0: never) and after the
    last, of the first `limit` sentences of `sentences` that no training text holds, in the data's languages.

    `sentences`, `layers` and `pooling` as `xling-bench represent` has them; a file's path starts from the data folder.
    `words`: translations of the first `word_limit` words are looked for, too (`represent.induction`), those of
    "xling-eval", or of a file of pairs with the pivot's words first and `{lang}` in its name.
    """

    every: int = Field(default=0, ge=0)
    sentences: str = Field(default="flores-dev", min_length=1)
    limit: int = Field(default=200, ge=2)
    layers: tuple[int | str, ...] = (1, "last")
    pooling: Pooling = "mean"
    words: str = ""
    word_limit: int = Field(default=500, ge=2)


class StopPart(Strict):
    """Early stopping: `by` "accuracy" (of early evaluation: the mean over tasks) or "retrieval" (of `[alignment]`: the
    mean of `retrieval_weak` over pairs, both ways, and layers) the run ends after `patience` measurements without a
    better one. The best checkpoint is kept, and becomes the model, in a run that comes to its last update, too.
    """

    by: Literal["", "accuracy", "retrieval"] = ""
    patience: int = Field(default=3, ge=1)
