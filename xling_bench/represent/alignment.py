"""`represent` from its options to alignment.json: states that are missing, then all measures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from xling_bench.core.errors import UsageError
from xling_bench.core.files import write_text
from xling_bench.core.progress import progress
from xling_bench.core.text import number_of
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint
from xling_bench.represent.corpus import Corpus, language_of, text_hash
from xling_bench.represent.interventions import FROM_DICTIONARY, INTERVENTIONS, Change
from xling_bench.represent.latent import latent_language
from xling_bench.represent.measurer import DRAWS, SEED, Measured, Measurer, string_overlap
from xling_bench.represent.questions import Questions
from xling_bench.represent.signing import MEASURES_CODE, OWN, RANDOM, STATES_CODE, STRINGS, code_hash, digest
from xling_bench.represent.store import Store, Vectors, locked, write_arrays
from xling_bench.represent.token_weights import Pooling
from xling_bench.results.naming import check_name, name_here

FORMAT = 1
ALIGNMENT = "alignment.json"
Side = tuple[str, tuple[str, ...]]  # its name and texts


@dataclass(frozen=True)
class Job:
    """What a command asks for. `names` are as many as `models`; `layers` are words (`reader.resolve_layers`);
    `random`: with the baseline of random weights; `interventions` (names of `INTERVENTIONS`) are fitted on `fit`, and
    one of them on `words`: of each language, the pivot's words and their translations; `latent`: which words are
    translated under a logit lens."""

    models: tuple[ModelConfig, ...]
    names: tuple[str, ...]
    corpus: Corpus
    layers: tuple[str, ...]
    pooling: Pooling
    output: Path
    random: bool = True
    interventions: tuple[str, ...] = ()
    fit: Corpus | None = None
    words: Mapping[str, tuple[Side, Side]] = field(default_factory=dict)
    latent: tuple[Questions, ...] = ()


@dataclass
class Report:
    """What came of it: `records` as alignment.json has them, `signatures` by their marks, what is odd in `notes`."""

    records: list[dict[str, Any]] = field(default_factory=list)
    signatures: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def model_names(models: Sequence[ModelConfig], given: Sequence[str]) -> tuple[str, ...]:
    """What each model is called: as `given`, else after its folder, file or hub name. Raises UsageError for another
    number of names, or one name for two models."""
    if given and len(given) != len(models):
        models_, names_ = number_of(len(models), "model"), number_of(len(given), "name")
        raise UsageError(f"--name: expected as many names as models, got {names_} for {models_}")
    names = [check_name(name, "--name") for name in given] or [name_here(m.name, m.peft) for m in models]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two models are called {twice!r}; choose with --name A,B")
    return tuple(names)


def run(job: Job) -> Report:
    """Compute the states that are missing in `job.output`, measure, write alignment.json.

    Killed at any moment, the same command goes on from the states that are there and writes the same bytes. Raises
    XlingError for a model that cannot be read, an unknown layer, states that are not finite, or a folder in use.
    """
    report = Report()
    for model in job.models:
        model.check()
        if model.begins not in ("hf", "gguf"):
            raise UsageError(f"{model.spec}: represent needs hidden states, which {model.begins} does not give; "
                             "expected hf:PATH_OR_NAME or gguf:FILE.")  # fmt: skip
    _check_fit(job)
    with locked(job.output):
        for model, name in zip(job.models, job.names, strict=True):
            _model(job, model, name, report)
        marks = _facts(job) | {"weights": STRINGS}
        _add(report, "string overlap", None, marks, string_overlap(job.corpus))
        if not job.corpus.shared:
            report.notes.append(f"{job.corpus.name}: every pair has sentences of its own, so there is no language "
                                "probe and no axis sensitivity.")  # fmt: skip
        if job.corpus.origin == "built-in sample":
            report.notes.append("the sentences are the built-in sample's: invented, and few")
        report.notes += [questions.note for questions in job.latent]
        if not job.random:
            report.notes.append("no baseline of random weights was measured (--no-random)")
        whole = {"format": FORMAT, "notes": report.notes, "signatures": report.signatures, "records": report.records}
        write_text(job.output / ALIGNMENT, json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    return report


def _check_fit(job: Job) -> None:
    """Raise UsageError unless interventions have other sentences, of the same languages, to be fitted on."""
    if (job.fit is None) != (not job.interventions):
        raise UsageError("--intervene and --fit belong together: what is fitted, and on which sentences.")
    if job.fit is None:
        return
    if not job.fit.shared:
        raise UsageError(f"--fit {job.fit.name}: every pair has sentences of its own; expected ones that all languages "
                         "share, such as flores-dev or ntrex.")  # fmt: skip
    texts = {text for own in job.corpus.sides.values() for text in own}
    if any(text in texts for text in job.fit.sides[job.fit.pivot]):
        raise UsageError(f"--fit {job.fit.name}: it has sentences of --pairs {job.corpus.name}, so that nothing would "
                         "be measured on what was not fitted; choose others.")  # fmt: skip


def _model(job: Job, model: ModelConfig, name: str, report: Report) -> None:
    """States and measures of one model, changed and as they are, and of a random one of its shape."""
    facts = {"model": fingerprint(model), "settings": model.settings(), "device": model.device or "default",
             "pooling": job.pooling, "layers": list(job.layers), "code": code_hash(STATES_CODE)}  # fmt: skip
    kinds = (OWN, RANDOM) if job.random else (OWN,)
    keys = {kind: digest({**facts, "weights": kind}) for kind in kinds}
    stores = {kind: Store(job.output / "states" / key) for kind, key in keys.items()}
    missing = {kind: [side for side in _sides(job, kind) if not store.has(*side)] for kind, store in stores.items()}
    if any(missing.values()):
        _compute(job, model, name, stores, missing)
    latent = list(latent_language(job.latent, model, name, facts, kinds, job.output))
    sides = _sides(job, OWN)
    layers, depth, _ = stores[OWN].facts(*sides[0])
    marks = _facts(job) | facts | {"layers": layers, "depth": depth}
    report.notes += [f"{name}: {note}" for note in stores[OWN].notes]
    if cut := sum(stores[OWN].facts(*side)[2] for side in sides):
        report.notes.append(f"{name}: {number_of(cut, 'text')} longer than the model takes lost their end")
    for kind, store in stores.items():
        called = name if kind == OWN else f"{name} (random)"
        plain = partial(_load, job.corpus, store)
        for change in (None, *(job.interventions if kind == OWN else ())):
            words = job.words if change == FROM_DICTIONARY else {}
            load = plain if change is None or job.fit is None else Changed(change, job.fit, words, store, plain)
            measurer = Measurer(job.corpus, load, layers, depth, gamma=job.pooling == "mean")
            what = f"measuring {called}" + (f", {change}" if change else "")
            with progress(len(layers) * len(job.corpus.pairs), what, unit="pair") as bar:
                found = measurer.run(bar.update)
            mine = marks | {"weights": kind, "states": keys[kind]}
            if change is not None and job.fit is not None:
                mine |= {"intervention": change, "fitted_on": job.fit.name, "fit_data": job.fit.hash}
                if words:
                    mine["words"] = {key: text_hash(ours[1] + own[1]) for key, (ours, own) in words.items()}
            _add(report, called, job.pooling, mine, found, change)
            if measurer.axes and change is None:
                axes = [(f"layer_{layer}", sensitivity) for layer, sensitivity in measurer.axes.items()]
                write_arrays(job.output / "axes" / f"{keys[kind]}-{job.corpus.hash}.npz", axes)
    for called, signed, numbers in latent:
        _add(report, called, None, signed, numbers)


class Changed:
    """States under an intervention: those of `plain`, changed as was fitted on another corpus' states, and `words`'."""

    def __init__(self, change: str, fit: Corpus, words: Mapping[str, tuple[Side, Side]], store: Store,
                 plain: Callable[[str, int], Vectors]) -> None:  # fmt: skip
        self.change, self.fit, self.words, self.store, self.plain = change, fit, words, store, plain
        self._fitted: tuple[int, dict[str, Change]] | None = None  # of the layer that is measured

    def __call__(self, side: str, layer: int) -> Vectors:
        """One layer's changed states, (N, D)."""
        if self._fitted is None or self._fitted[0] != layer:
            states = {key: self.store.load(key, texts, layer) for key, texts in self.fit.sides.items()}
            words = {key: (self.store.load(*ours, layer), self.store.load(*theirs, layer))
                     for key, (ours, theirs) in self.words.items()}  # fmt: skip
            self._fitted = layer, INTERVENTIONS[self.change](states, self.fit.pivot, words)
        return self._fitted[1][language_of(side)](self.plain(side, layer))


def _sides(job: Job, kind: str) -> list[Side]:
    """All texts that states are needed of, each once."""
    fitted = job.fit.sides.items() if job.fit is not None and kind == OWN else ()
    words = (side for sides in job.words.values() for side in sides) if kind == OWN else ()
    return list(dict.fromkeys([*job.corpus.sides.items(), *fitted, *words]))


def _compute(job: Job, model: ModelConfig, name: str, stores: dict[str, Store],
             missing: dict[str, list[Side]]) -> None:  # fmt: skip
    from xling_bench.models.load import load
    from xling_bench.represent.reader import Reader, resolve_layers

    lm = load(model)
    reader = Reader(lm, name, job.pooling)
    layers = resolve_layers(job.layers, reader.depth)
    stores[OWN].note(lm.notes)
    del lm
    for kind, store in stores.items():
        if not missing[kind]:
            continue
        if kind == RANDOM:
            reader.randomised()
        what = f"states of {name} ({kind})" if kind == RANDOM else f"states of {name}"
        with progress(sum(len(texts) for _, texts in missing[kind]), what, unit="text") as bar:
            for side, texts in missing[kind]:
                store.write(side, texts, layers, reader, bar.update)


def _load(corpus: Corpus, store: Store, side: str, layer: int) -> Vectors:
    return store.load(side, corpus.sides[side], layer)


def _facts(job: Job) -> dict[str, Any]:
    return {"corpus": job.corpus.name, "origin": job.corpus.origin, "data": job.corpus.hash,
            "draws": DRAWS, "seed": SEED, "measures": code_hash(MEASURES_CODE)}  # fmt: skip


def _add(report: Report, model: str, pooling: str | None, facts: dict[str, Any], found: Sequence[Measured],
         intervention: str | None = None) -> None:  # fmt: skip
    signature = digest(facts)
    report.signatures[signature] = facts
    for each in found:
        entry = asdict(each) | {"pair": each.pair and str(each.pair)}
        low, high = entry.pop("low"), entry.pop("high")
        entry["interval"] = None if low is None else [low, high]
        report.records.append({"model": model, "pooling": pooling, "intervention": intervention, **entry,
                               "signature": signature})  # fmt: skip
