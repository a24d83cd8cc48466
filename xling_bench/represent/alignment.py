"""`represent` from its options to alignment.json: states that are missing, then all measures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from xling_bench.core.errors import UsageError
from xling_bench.core.files import write_text
from xling_bench.core.progress import progress
from xling_bench.core.text import number_of
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint
from xling_bench.represent.answer_similarity import Compared
from xling_bench.represent.answers import CODE as ANSWERS_CODE
from xling_bench.represent.answers import Answers, Asking, write_index
from xling_bench.represent.atlas import Own, best_layer, check_maps, draw_maps, language_distances, map_layers
from xling_bench.represent.corpus import Corpus, language_of, text_hash
from xling_bench.represent.interventions import FROM_DICTIONARY, INTERVENTIONS, Change
from xling_bench.represent.latent import latent_language
from xling_bench.represent.measurer import DRAWS, SEED, Measured, Measurer, string_overlap, token_counts
from xling_bench.represent.request import Job, Side, check_fit, measured_sides, sides_of
from xling_bench.represent.signing import (
    MAJORITY,
    MAPS_CODE,
    MEASURES_CODE,
    OWN,
    RANDOM,
    STATES_CODE,
    STRINGS,
    code_hash,
    digest,
    libraries,
)
from xling_bench.represent.store import Store, Vectors, locked, write_arrays
from xling_bench.represent.transfer import HEAD, majority, measure
from xling_bench.represent.transfer_items import Transfer

FORMAT = 1
ALIGNMENT, MAPS = "alignment.json", "maps"


@dataclass
class Report:
    """What came of it: `records` as alignment.json has them, `signatures` by their marks, what is odd in `notes`."""

    records: list[dict[str, Any]] = field(default_factory=list)
    signatures: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    maps: list[str] = field(default_factory=list)  # files in `MAPS`


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
    check_fit(job)
    check_maps(job.maps, job.corpus, len(job.models))
    with locked(job.output):
        own = [_model(job, model, name, report) for model, name in zip(job.models, job.names, strict=True)]
        if job.asking is not None:
            _answers(job, job.asking, report)
        marks = _facts(job) | {"weights": STRINGS}
        _add(report, "string overlap", None, marks, string_overlap(job.corpus))
        for task in job.transfers:
            _add(report, "majority class", None, _transfer_facts(task) | {"weights": MAJORITY}, majority(task))
            report.notes += task.notes
        if not job.corpus.shared:
            report.notes.append(f"{job.corpus.name}: every pair has sentences of its own, so there is no language "
                                "probe and no axis sensitivity.")  # fmt: skip
        if job.corpus.origin == "built-in sample":
            report.notes.append("the sentences are the built-in sample's: invented, and few")
        report.notes += [questions.note for questions in job.latent]
        if not job.random:
            report.notes.append("no baseline of random weights was measured (--no-random)")
        if job.maps:
            facts = _facts(job) | {"pooling": job.pooling, "drawn_by": code_hash(MAPS_CODE)}
            report.maps = draw_maps(job.corpus, own, job.maps, job.output / MAPS, facts, digest)
        whole = {"format": FORMAT, "notes": report.notes, "maps": report.maps, "signatures": report.signatures,
                 "records": report.records}  # fmt: skip
        write_text(job.output / ALIGNMENT, json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    return report


def _model(job: Job, model: ModelConfig, name: str, report: Report) -> Own:
    """States and measures of one model, changed and as they are, and of a random one of its shape; returns its own."""
    facts = {"model": fingerprint(model), "settings": model.settings(), "device": model.device or "default",
             "pooling": job.pooling, "layers": list(job.layers), "code": code_hash(STATES_CODE),
             "libraries": libraries()}  # fmt: skip
    kinds = (OWN, RANDOM) if job.random else (OWN,)
    keys = {kind: digest({**facts, "weights": kind}) for kind in kinds}
    stores = {kind: Store(job.output / "states" / key) for kind, key in keys.items()}
    missing = {kind: [side for side in sides_of(job, kind) if not store.has(*side)] for kind, store in stores.items()}
    if any(missing.values()):
        _compute(job, model, name, stores, missing)
    latent = list(latent_language(job.latent, model, name, facts, kinds, job.output))
    sides = sides_of(job, OWN)
    layers, depth, _ = stores[OWN].facts(*sides[0])
    map_layers(job.maps, layers, depth, layers[0])
    report.notes += [f"{name}: {note}" for note in stores[OWN].notes]
    if cut := sum(stores[OWN].facts(*side)[2] for side in sides):
        report.notes.append(f"{name}: {number_of(cut, 'text')} longer than the model takes lost their end")
    marks = _facts(job) | facts | {"layers": layers, "depth": depth}
    for kind, store in stores.items():
        called = name if kind == OWN else f"{name} (random)"
        mine = marks | {"weights": kind, "states": keys[kind]}
        changes = (None, *(job.interventions if kind == OWN else ()))
        measured = {change: _measured(job, store, called, mine, change, report) for change in changes}
        if kind == OWN:
            load = partial(_load, measured_sides(job), store)
            width = load(sides[0][0], layers[0]).shape[1]
            own = Own(name, keys[OWN], tuple(layers), depth, width, best_layer(measured[None]), load)
            found = language_distances(job.corpus, own)
            found += token_counts(job.corpus, lambda side: stores[OWN].tokens(side, job.corpus.sides[side]))
            _add(report, name, job.pooling, mine, found)
    for called, signed, numbers in latent:
        _add(report, called, None, signed, numbers)
    return own


def _measured(job: Job, store: Store, called: str, marks: dict[str, Any], change: str | None,
              report: Report) -> list[Measured]:  # fmt: skip
    """Add all measures of one model's states to the report, changed or (None) as they are, and return those of the
    corpus. `marks` are what its signature says whatever the change."""
    layers, depth = marks["layers"], marks["depth"]
    load: Callable[[str, int], Vectors] = partial(_load, measured_sides(job), store)
    if change is not None and job.fit is not None:
        words = job.words if change == FROM_DICTIONARY else {}
        load = Changed(change, job.fit, words, store, load)
        marks = marks | {"intervention": change, "fitted_on": job.fit.name, "fit_data": job.fit.hash}
        if words:
            marks |= {"words": {key: text_hash(ours[1] + own[1]) for key, (ours, own) in words.items()}}
    measurer = Measurer(job.corpus, load, layers, depth, gamma=job.pooling == "mean")
    what = f"measuring {called}" + (f", {change}" if change else "")
    with progress(len(layers) * len(job.corpus.pairs), what, unit="pair") as bar:
        found = measurer.run(bar.update)
    _add(report, called, job.pooling, marks, found, change)
    for task in job.transfers:
        with progress(len(layers), f"transfer of {called}, {task.benchmark.key}", unit="layer") as bar:
            transferred = measure(task, load, layers, bar.update)
        _add(report, called, job.pooling, marks | _transfer_facts(task), transferred, change)
    if measurer.axes and change is None:
        axes = [(f"layer_{layer}", sensitivity) for layer, sensitivity in measurer.axes.items()]
        write_arrays(job.output / "axes" / f"{marks['states']}-{job.corpus.hash}.npz", axes)
    return found


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


def _answers(job: Job, asking: Asking, report: Report) -> None:
    """All models' answers, their states and measures. Random weights answer nothing, so there is no baseline."""
    folder, entries = job.output / "answers", []
    report.notes += [f"--answers {asking.prompts.name}: {note}" for note in asking.prompts.notes]
    for model, name in zip(job.models, job.names, strict=True):
        facts = {"model": fingerprint(model), "settings": model.settings(), "device": model.device or "default",
                 "answers": code_hash(ANSWERS_CODE), "libraries": libraries(), **asking.facts()}  # fmt: skip
        key = digest(facts)
        entries.append((name, key, list(asking.prompts.sides)))
        answers = Answers(folder / key, asking)
        if missing := answers.missing():
            _ask(model, name, answers, missing)
        facts = facts | {"template": answers.template, "data": asking.prompts.hash(), "identified": asking.identified,
                         "weights": OWN, "draws": DRAWS, "seed": SEED,
                         "measures": code_hash(MEASURES_CODE)}  # fmt: skip
        compared = Compared(answers)
        report.notes += [f"{name}: {note}" for note in compared.notes()]
        _add(report, name, None, facts, list(compared.languages()))
        facts = facts | {"pooling": job.pooling, "layers": list(job.layers), "code": code_hash(STATES_CODE)}
        store, sides = Store(job.output / "states" / digest(facts)), answers.sides
        if without := [side for side in sides.items() if not store.has(*side)]:
            _compute(job, model, name, {OWN: store}, {OWN: without})
        layers = store.facts(*next(iter(sides.items())))[0] if sides else []
        with progress(len(layers) * len(compared.others), f"measuring answers of {name}", unit="pair") as bar:
            load = partial(_load, sides, store)
            _add(report, name, job.pooling, facts, list(compared.by_layer(load, layers, bar.update)))
    write_index(folder, entries)


def _ask(model: ModelConfig, name: str, answers: Answers, missing: Sequence[str]) -> None:
    from xling_bench.models.load import load

    lm = load(model)
    total = sum(len(answers.asking.prompts.sides[language]) for language in missing)
    with progress(total, f"answers of {name}", unit="text") as bar:
        answers.write(lm, name, bar.update)


def _compute(job: Job, model: ModelConfig, name: str, stores: dict[str, Store],
             missing: dict[str, list[Side]]) -> None:  # fmt: skip
    from xling_bench.models.load import load
    from xling_bench.represent.reader import Reader, resolve_layers

    lm = load(model)
    reader = Reader(lm, name, job.pooling)
    layers = resolve_layers(job.layers, reader.depth)
    map_layers(job.maps, layers, reader.depth, layers[0])
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


def _load(sides: Mapping[str, tuple[str, ...]], store: Store, side: str, layer: int) -> Vectors:
    return store.load(side, sides[side], layer)


def _facts(job: Job) -> dict[str, Any]:
    return {"corpus": job.corpus.name, "origin": job.corpus.origin, "data": job.corpus.hash,
            "draws": DRAWS, "seed": SEED, "measures": code_hash(MEASURES_CODE)}  # fmt: skip


def _transfer_facts(task: Transfer) -> dict[str, Any]:
    """In the place of the corpus', which has no say in these numbers."""
    return {"corpus": task.benchmark.key, **task.facts, "head": HEAD,
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
