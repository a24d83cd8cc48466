"""What `represent` is asked for, and which texts that needs states of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xling_bench.core.errors import UsageError
from xling_bench.core.text import number_of
from xling_bench.models.config import ModelConfig
from xling_bench.represent.answers import Asking
from xling_bench.represent.corpus import Corpus
from xling_bench.represent.questions import Questions
from xling_bench.represent.signing import OWN
from xling_bench.represent.token_weights import Pooling
from xling_bench.represent.transfer_items import Transfer
from xling_bench.results.naming import check_name, name_here

Side = tuple[str, tuple[str, ...]]  # its name and texts


@dataclass(frozen=True)
class Job:
    """What a command asks for. `names` are as many as `models`; `layers` are words (`reader.resolve_layers`);
    `random`: with the baseline of random weights; `interventions` (names of `INTERVENTIONS`) are fitted on `fit`, and
    one of them on `words`: of each language, the pivot's words and their translations; `maps`: layers that are drawn
    (`atlas.map_layers`); `transfers`: benchmarks whose items a head is trained and tested on; `latent`: which words are
    translated under a logit lens; `asking`: what the models answer."""

    models: tuple[ModelConfig, ...]
    names: tuple[str, ...]
    corpus: Corpus
    layers: tuple[str, ...]
    pooling: Pooling
    output: Path
    random: bool = True
    interventions: tuple[str, ...] = ()
    fit: Corpus | None = None
    maps: tuple[str, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    words: Mapping[str, tuple[Side, Side]] = field(default_factory=dict)
    latent: tuple[Questions, ...] = ()
    asking: Asking | None = None


def model_names(models: Sequence[ModelConfig], given: Sequence[str]) -> tuple[str, ...]:
    """What each model is called: as `given`, else after its folder, file or hub name. Raises UsageError for another
    number of names, or one name for two models."""
    if given and len(given) != len(models):
        models_, names_ = number_of(len(models), "model"), number_of(len(given), "name")
        raise UsageError(f"--name: expected as many names as models, got {names_} for {models_}")
    names = [check_name(name, "--name") for name in given] or [name_here(m.name, m.peft) for m in models]
    for name in names:
        if name.endswith(" (random)") or name in ("string overlap", "majority class"):
            raise UsageError(f"{name!r} is what a baseline is called; choose another with --name.")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two models are called {twice!r}; choose with --name A,B")
    return tuple(names)


def check_fit(job: Job) -> None:
    """Raise UsageError unless interventions have other sentences, of the same languages, to be fitted on."""
    if (job.fit is None) != (not job.interventions):
        raise UsageError("--intervene and --fit belong together: what is fitted, and on which sentences.")
    if job.fit is None:
        return
    if not job.fit.shared:
        raise UsageError(f"--fit {job.fit.name}: every pair has sentences of its own; expected ones that all languages "
                         "share, such as flores-dev or ntrex.")  # fmt: skip
    measured = {f"--pairs {job.corpus.name}": list(job.corpus.sides.values())}
    measured |= {f"--transfer {task.benchmark.key}": [task.tests[task.pivot].texts] for task in job.transfers}
    fitted = set(job.fit.sides[job.fit.pivot])
    for option, sides in measured.items():
        if not all(map(fitted.isdisjoint, sides)):
            raise UsageError(f"--fit {job.fit.name}: it has sentences of {option}, so that nothing would be measured "
                             "on what was not fitted; choose others.")  # fmt: skip


def sides_of(job: Job, kind: str) -> list[Side]:
    """All texts that states are needed of, each once."""
    fitted = job.fit.sides.items() if job.fit is not None and kind == OWN else ()
    words = (side for sides in job.words.values() for side in sides) if kind == OWN else ()
    return list(dict.fromkeys([*measured_sides(job).items(), *fitted, *words]))


def measured_sides(job: Job) -> dict[str, tuple[str, ...]]:
    """The texts that are measured, by the names of their sides."""
    return job.corpus.sides | {name: texts for task in job.transfers for name, texts in task.sides.items()}
