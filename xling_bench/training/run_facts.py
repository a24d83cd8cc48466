"""What run.json says of a run when it starts."""

from __future__ import annotations

import platform
from importlib import metadata

from xling_bench.training.amounts import amounts
from xling_bench.training.claim import processes
from xling_bench.training.corpora import Streams
from xling_bench.training.corpora.held_out import HeldOut
from xling_bench.training.planned import RunFacts, Sentences
from xling_bench.training.provenance import PACKAGES
from xling_bench.training.recipe import Recipe


def facts_of(recipe: Recipe, streams: Streams, fingerprint: str) -> RunFacts:
    """run.json of a run that starts. fingerprint: of the base model."""
    return {
        "recipe": recipe.model_dump(mode="json"),
        "objective": recipe.method.objective().settings(),
        "processes": processes(),
        "sizes": amounts(recipe, processes()),
        "model": fingerprint,
        "data": streams.report,
        "alignment": sentences_of(streams.held_out),
        "extended": [],
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
    }


def sentences_of(held: HeldOut | None) -> Sentences | None:
    """What alignment is measured on; None where it is not."""
    if held is None:
        return None
    pairs = {str(pair): len(held.corpus.sides[sides[0]]) for pair, sides in held.corpus.pairs.items()}
    found: Sentences = {
        "sentences": held.corpus.name, "data": held.corpus.hash, "pairs": pairs, "in_training": held.in_training
    }  # fmt: skip
    if held.lexicons is not None:
        words = {str(pair): len(each.words) for pair, each in held.lexicons.pairs.items()}
        found["words"] = {"data": held.lexicons.hash, "pairs": words, "no_data": list(held.lexicons.no_data)}
    return found
