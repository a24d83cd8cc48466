"""From a recipe's name to a run of training, or a plan of it: what the command line and Python share."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from xling_bench.core.errors import UsageError
from xling_bench.core.text import line
from xling_bench.data.source import Source, current_source, source_of
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint
from xling_bench.models.history import lineage_of
from xling_bench.models.pretrained import load_tokenizer
from xling_bench.represent.corpus import Corpus
from xling_bench.results.lineage import Lineage
from xling_bench.results.marks import provenance_of
from xling_bench.results.naming import name_here
from xling_bench.training import job
from xling_bench.training.amounts import with_steps
from xling_bench.training.checkpoint import check, checkpoints
from xling_bench.training.claim import MODEL, processes
from xling_bench.training.corpora import Streams, load
from xling_bench.training.corpora.held_out import held_out, read_sentences
from xling_bench.training.corpora.word_links import linker_of
from xling_bench.training.corpora.word_pairs import Lexicons, read_lexicons
from xling_bench.training.needs import needs_of
from xling_bench.training.planned import Plan
from xling_bench.training.provenance import begun
from xling_bench.training.recipe import Recipe
from xling_bench.training.screening import Screening
from xling_bench.training.summary import summary


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that could start: `plan` is what it would do, for JSON; `lines` tell a person. `before` is what is on
    record of the model (`results.lineage`), `taught_by` what of its teachers, by place; None: nothing."""

    recipe: Recipe
    output: Path | None
    source: Source
    model: ModelConfig
    before: Lineage | None
    taught_by: dict[str, Lineage | None]
    streams: Streams
    plan: Plan
    trust_remote_code: bool
    extend: bool
    finish: bool

    @property
    def lines(self) -> list[str]:
        """What the run is about to do."""
        taught = [f"teacher {line(name_here(p))}: {provenance_of(known)}" for p, known in self.taught_by.items()]
        return [*summary(self.recipe, self.plan, self.streams), provenance_of(self.before), *taught]

    def train(self) -> Path:
        """Train, or go on; returns the folder of the finished model. Raises as `training.job.train`."""
        if self.output is None:
            raise UsageError("train: name the folder where checkpoints and the model go.")
        return job.train(
            self.recipe, self.streams, self.output, fingerprint(self.model), before=self.before, source=self.source,
            trust_remote_code=self.trust_remote_code, extend=self.extend, finish=self.finish,
        )  # fmt: skip


def prepare(
    recipe: Recipe,
    output: Path | None,
    *,
    data: str | None = None,
    data_dir: str | Path | None = None,
    trust_remote_code: bool = False,
    extend: bool = False,
    finish: bool = False,
) -> Prepared:
    """Check model, folder, data and evaluation of a recipe, and read its data.

    The data are below `data_dir`, else below XLING_DATA_DIR; `data` says where early evaluation's come from. Raises
    XlingError for what does not fit, and UsageError where no folder is named.
    """
    recipe = with_precision(recipe)
    root = data_dir or os.environ.get("XLING_DATA_DIR")
    if root is None:
        raise UsageError("training data: set XLING_DATA_DIR (or --data-dir) to the folder that holds them.")
    source = source_of(data, data_dir) if data or data_dir else current_source()
    model = ModelConfig(f"hf:{recipe.model.path}", revision=recipe.model.revision)
    model.check()
    before = lineage_of(model)
    found = job.preflight(recipe, output, source, trust_remote_code=trust_remote_code, extend=extend)
    if output is not None and not (output / MODEL).is_dir() and (last := next(reversed(checkpoints(output)), None)):
        check(last)
        begun(last, before)
    teachers = dict.fromkeys(name for loss in recipe.method.objective().active for name in loss.teachers)
    taught_by = {name: lineage_of(ModelConfig(f"hf:{name}")) for name in teachers}
    sentences, lexicons = _sentences(recipe, source, Path(root)), _lexicons(recipe, Path(root))
    tokenizer = load_tokenizer(recipe.model.path, recipe.model.revision, trust_remote_code=trust_remote_code)
    screen = Screening(recipe, tokenizer, processes())
    streams = load(recipe.data, seed=recipe.run.seed, root=Path(root), screen=screen)
    wanting = recipe.method.objective().needing("pairs")
    if streams.pairs is not None and any(loss.links for loss in wanting):
        streams.linker, streams.report["links"] = linker_of(recipe.data, Path(root), streams.pairs)
    if sentences is not None:
        held = held_out(sentences, streams.texts, limit=recipe.alignment.limit, words=recipe.data.ngram)
        streams.held_out = replace(held, lexicons=lexicons)
    recipe = with_steps(recipe, {"pairs": streams.pairs, "instructions": streams.instructions}, processes())
    needs = needs_of(recipe, output, processes=processes(), trust_remote_code=trust_remote_code)
    planned = job.plan(recipe, streams, found, needs)
    return Prepared(
        recipe, output, source, model, before, taught_by, streams, planned, trust_remote_code, extend, finish
    )


def with_precision(recipe: Recipe) -> Recipe:
    """The same, its "auto" resolved by what is here."""
    import torch

    if recipe.model.precision != "auto":
        return recipe
    has = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    found = recipe.model.model_copy(update={"precision": "bfloat16" if has else "float32"})
    return recipe.model_copy(update={"model": found})


def _sentences(recipe: Recipe, source: Source, root: Path) -> Corpus | None:
    """What alignment is measured on, with sentences that training texts hold; None where nothing is asked for."""
    wanted, data = recipe.alignment, recipe.data
    if not wanted.every:
        return None
    return read_sentences(wanted.sentences, data.languages, pivot=_pivot(recipe), source=source, root=root)


def _lexicons(recipe: Recipe, root: Path) -> Lexicons | None:
    """The words to look for translations of; None where nothing is asked for."""
    wanted, languages = recipe.alignment, recipe.data.languages
    if not wanted.every or not wanted.words:
        return None
    return read_lexicons(wanted.words, languages, pivot=_pivot(recipe), root=root, limit=wanted.word_limit)


def _pivot(recipe: Recipe) -> str:
    return recipe.data.pivot if recipe.data.pivot in recipe.data.languages else recipe.data.languages[0]
