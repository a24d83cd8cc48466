"""Folders as `represent` leaves them, with numbers made up by a test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LAYERS = (0, 1, 2)


def record(model: str, pair: str | None, layer: int | None, measure: str, value: float | None, mark: str,
           **more: Any) -> dict[str, Any]:  # fmt: skip
    interval = None if value is None else [value - 0.05, value + 0.05]
    return {"model": model, "pooling": "mean", "intervention": None, "pair": pair, "layer": layer, "measure": measure,
            "value": value, "n": 100, "interval": interval, "signature": mark, **more}  # fmt: skip


def write_represent(folder: Path, mexa: Mapping[str, Mapping[str, float]], fingerprints: Sequence[str] = (),
                    *, notes: Sequence[str] = (), answers: bool = False) -> Path:  # fmt: skip
    """A folder of models with a MEXA (mean over layers) for each language: {model: {language: mexa}}; everything else
    is made of it. `fingerprints` are the models', in order (default: their names)."""
    records, signatures = [], {}
    for at, (model, by_language) in enumerate(mexa.items()):
        own, random = f"own{at}", f"random{at}"
        mark = fingerprints[at] if fingerprints else model
        signatures |= {own: {"weights": "own", "model": mark}, random: {"weights": "random", "model": mark}}
        for language, value in by_language.items():
            pair = f"en-{language}"
            for layer in LAYERS:
                low = value * (0.5, 1.0, 0.2)[layer]
                names = ("mexa", "retrieval_weak", "cka", "alignment")
                records += [record(model, pair, layer, name, low, own) for name in names]
                records.append(record(model, f"{language}-en", layer, "retrieval_weak", low / 2, own))
                records.append(record(f"{model} (random)", pair, layer, "retrieval_weak", 0.1, random))
            records.append(record(model, pair, None, "mexa_mean", value, own))
            records.append(record(model, pair, None, "mexa_max", value, own))
            records.append(record(model, language, None, "tokens", 30.5, own))
            records.append(record(model, pair, None, "tokens_ratio", 1.25, own))
        records += [record(model, None, layer, "language_probe", 0.9, own) for layer in LAYERS]
        codes = ["en", *by_language]
        records += [record(model, f"{a}-{b}", 1, "distance", 0.1 * (i + j), own)
                    for i, a in enumerate(codes) for j, b in enumerate(codes) if i < j]  # fmt: skip
        if answers:
            key = folder / "answers" / f"key{at}"
            key.mkdir(parents=True)
            for code in codes:
                rows = [{"id": str(n), "prompt": f"Question {n} in {code}", "answer": f"<b>{code}</b> {n}"}
                        for n in range(3)]  # fmt: skip
                (key / f"{code}.json").write_text(json.dumps(rows), encoding="utf-8")
            for name in ("answers_cosine", "answers_cosine_other", "answers_retrieval_weak"):
                records.append(record(model, f"en-{codes[1]}", 2, name, 0.5, own))
    if answers:
        index = [{"model": model, "key": f"key{at}", "languages": ["en", *languages]}
                 for at, (model, languages) in enumerate(mexa.items())]  # fmt: skip
        (folder / "answers" / "index.json").write_text(json.dumps(index), encoding="utf-8")
    signatures["strings"] = {"weights": "strings"}
    first = next(iter(mexa.values()))
    records += [record("string overlap", f"en-{key}", None, "retrieval_weak", 0.3, "strings") for key in first]
    places = {"layer": 1, "perplexity": 5.0, "models": list(mexa), "facts": {"method": "t-SNE of nobody 1.0"}}
    clouds = [{"model": model, "language": code, "points": [[i + at, i * at] for i in range(9)]}
              for at, model in enumerate(mexa) for code in ("en", *first)]  # fmt: skip
    (folder / "maps").mkdir(parents=True)
    (folder / "maps" / "one.json").write_text(json.dumps({**places, "clouds": clouds}), encoding="utf-8")
    whole = {"format": 1, "notes": list(notes), "maps": ["one.json"], "signatures": signatures, "records": records}
    (folder / "alignment.json").write_text(json.dumps(whole), encoding="utf-8")
    return folder
