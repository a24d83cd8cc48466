"""`represent` from its options to alignment.json: states that are missing, then all measures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.core.errors import UsageError
from xling_bench.core.files import write_text
from xling_bench.core.progress import progress
from xling_bench.core.text import number_of
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint
from xling_bench.represent.corpus import Corpus
from xling_bench.represent.measurer import DRAWS, SEED, Measured, Measurer, string_overlap
from xling_bench.represent.store import Store, Vectors, locked, write_arrays
from xling_bench.represent.token_weights import Pooling
from xling_bench.results.naming import check_name, name_here

if TYPE_CHECKING:
    from xling_bench.represent.reader import Reader

FORMAT = 1
ALIGNMENT = "alignment.json"
PACKAGE = Path(__file__).resolve().parents[1]
# What decides states, and what decides a number.
STATES_CODE = ("models", "represent/reader.py", "represent/token_weights.py", "represent/store.py")
MEASURES_CODE = (*STATES_CODE, "represent", "stats/bootstrap.py", "core/unit.py")
OWN, RANDOM, STRINGS = "own", "random", "strings"  # whose states: the model's, one's that has learnt nothing, nobody's


@dataclass(frozen=True)
class Job:
    """What a command asks for. `names` are as many as `models`; `layers` are words (`reader.resolve_layers`);
    `random`: with the baseline of random weights."""

    models: tuple[ModelConfig, ...]
    names: tuple[str, ...]
    corpus: Corpus
    layers: tuple[str, ...]
    pooling: Pooling
    output: Path
    random: bool = True


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
        if not job.random:
            report.notes.append("no baseline of random weights was measured (--no-random)")
        whole = {"format": FORMAT, "notes": report.notes, "signatures": report.signatures, "records": report.records}
        write_text(job.output / ALIGNMENT, json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    return report


def _model(job: Job, model: ModelConfig, name: str, report: Report) -> None:
    """States and measures of one model, and of a random one of its shape."""
    facts = {"model": fingerprint(model), "settings": model.settings(), "pooling": job.pooling,
             "layers": list(job.layers), "code": code_hash(STATES_CODE)}  # fmt: skip
    kinds = (OWN, RANDOM) if job.random else (OWN,)
    keys = {kind: digest({**facts, "weights": kind}) for kind in kinds}
    stores = {kind: Store(job.output / "states" / key) for kind, key in keys.items()}
    missing = {
        kind: [side for side, texts in job.corpus.sides.items() if not store.has(side, texts)]
        for kind, store in stores.items()
    }
    if any(missing.values()):
        _compute(job, model, name, stores, missing, report)
    for kind, store in stores.items():
        layers, depth = store.layers(*next(iter(job.corpus.sides.items())))
        called = name if kind == OWN else f"{name} (random)"
        measurer = Measurer(job.corpus, partial(_load, job.corpus, store), layers, depth, gamma=job.pooling == "mean")
        with progress(len(layers) * len(job.corpus.pairs), f"measuring {called}", unit="pair") as bar:
            found = measurer.run(bar.update)
        marks = _facts(job) | facts | {"layers": layers, "depth": depth, "weights": kind, "states": keys[kind]}
        _add(report, called, job.pooling, marks, found)
        if measurer.axes:
            axes = [(f"layer_{layer}", sensitivity) for layer, sensitivity in measurer.axes.items()]
            write_arrays(job.output / "axes" / f"{keys[kind]}-{job.corpus.hash}.npz", axes)


def _compute(job: Job, model: ModelConfig, name: str, stores: dict[str, Store], missing: dict[str, list[str]],
             report: Report) -> None:  # fmt: skip
    from xling_bench.models.load import load
    from xling_bench.represent.reader import Reader, resolve_layers

    lm = load(model)
    reader = Reader(lm, name, job.pooling)
    report.notes += [f"{name}: {note}" for note in lm.notes]
    layers = resolve_layers(job.layers, reader.depth)
    del lm
    for kind, store in stores.items():
        if missing[kind]:
            if kind == RANDOM:
                reader.randomised()
            _fill(job.corpus, store, missing[kind], layers, reader, f"{name} ({kind})" if kind == RANDOM else name)
    if reader.cut:
        report.notes.append(f"{name}: {number_of(reader.cut, 'text')} longer than the model takes lost their end")


def _fill(corpus: Corpus, store: Store, sides: Sequence[str], layers: Sequence[int], reader: Reader, what: str) -> None:
    with progress(sum(len(corpus.sides[side]) for side in sides), f"states of {what}", unit="text") as bar:
        for side in sides:
            store.write(side, corpus.sides[side], layers, reader, bar.update)


def _load(corpus: Corpus, store: Store, side: str, layer: int) -> Vectors:
    return store.load(side, corpus.sides[side], layer)


def _facts(job: Job) -> dict[str, Any]:
    return {"corpus": job.corpus.name, "origin": job.corpus.origin, "data": job.corpus.hash,
            "draws": DRAWS, "seed": SEED, "measures": code_hash(MEASURES_CODE)}  # fmt: skip


def _add(report: Report, model: str, pooling: str | None, facts: dict[str, Any], found: Sequence[Measured]) -> None:
    signature = digest(facts)
    report.signatures[signature] = facts
    for each in found:
        entry = asdict(each) | {"pair": each.pair and str(each.pair)}
        low, high = entry.pop("low"), entry.pop("high")
        entry["interval"] = None if low is None else [low, high]
        report.records.append({"model": model, "pooling": pooling, **entry, "signature": signature})


def digest(facts: dict[str, Any]) -> str:
    """Sixteen hex digits over plain facts."""
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


@cache
def code_hash(places: tuple[str, ...]) -> str:
    """Eight hex digits over the package's files at `places`, each a file or a folder."""
    files = {path for place in places for path in _files(PACKAGE / place)}
    return sha256(b"\0".join(path.read_bytes() for path in sorted(files))).hexdigest()[:8]


def _files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]
