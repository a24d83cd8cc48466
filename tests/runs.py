"""Run folders in the real file formats, with outcomes made up by a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xling_bench.evaluation.rescore import rescore
from xling_bench.results.facts import Facts, item_ids
from xling_bench.results.items import COLUMNS, digest_of
from xling_bench.results.seal import sealed

XNLI = ("en", "ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
Texts = Callable[[str, int], tuple[dict[str, Any], list[Any]]]  # (language, item) -> fields of its doc, answers
Outcomes = Mapping[str, Sequence[float] | np.ndarray]


def outcomes(items: int, units: Sequence[str] = XNLI, *, accuracy: float = 0.6, seed: int = 0) -> dict[str, np.ndarray]:
    """Right and wrong answers, correlated over languages as those to translations are."""
    rng = np.random.default_rng(seed)
    easy = rng.uniform(size=items)
    return {unit: (0.5 * easy + 0.5 * rng.uniform(size=items) < accuracy).astype(float) for unit in units}


def turned(scores: np.ndarray, share: float, seed: int = 1) -> np.ndarray:
    """The scores with `share` of all items turned from right to wrong."""
    right = np.flatnonzero(scores == 1)
    changed = scores.copy()
    changed[np.random.default_rng(seed).choice(right, round(share * scores.size), replace=False)] = 0.0
    return changed


def write_run(
    folder: Path,
    scores: Outcomes,
    *,
    benchmark: str = "xnli",
    metric: str = "acc",
    model: str = "./checkpoint",
    name: str = "",
    fingerprint: str = "",
    shots: int = 0,
    seed: int = 0,
    choices: Outcomes | None = None,
    family: str = "xglm",
    texts: Texts | None = None,
    clusters: Sequence[int] | np.ndarray | None = None,
    **facts: Any,
) -> Path:
    """Write `RUN/<task>/<shots>-<seed>-<demos>/results.json` and `items.parquet`, with `texts` also samples.jsonl.

    `model` is the path typed, `name` what results keep of it (none: an older version's), `fingerprint` its content's.
    `clusters` are the positions of the first item of each item's cluster (None: each by itself). `facts` change what
    was measured.
    """
    parts = []
    for unit, values in scores.items():
        items = np.asarray(values, dtype=float)
        ids = [f"{benchmark}-test-{number:04d}" for number in range(items.size)]
        own = _facts(benchmark, unit, metric, items.size, shots, seed) | facts
        own["model"] = fingerprint or own["model"]
        if family in ("native", "cf", "mcf"):  # no benchmark's default here: its tasks have names of their own
            own["task"] = own["task"].replace("xling_", f"xling-{family}_")
        read = Facts.read(own)
        key = read.key
        value = float(items.mean()) if metric != "chrf" else 40 + float(items.mean())
        task, place = own["task"], f"{own['task']}/{shots}-{seed}-{own['demos']}"
        result = {
            "results": {task: {"alias": task, f"{metric},none": value}},
            "config": {"model": "hf", "model_args": {"pretrained": model}},
            "xling": {"key": key, "signature": read.signature, "facts": own, "benchmark": benchmark, "unit": unit,
                      "family": family, "warnings": [], **({"name": name} if name else {})},
        }  # fmt: skip
        chosen = np.arange(items.size) % 2 + items if choices is None else choices[unit]
        named = ids if clusters is None else [ids[first] for first in clusters]
        rows = {"unit": place, "key": key, "metric": metric, "item": ids, "score": items, "choice": chosen,
                "cluster": named}  # fmt: skip
        parts.append(pd.DataFrame(rows, columns=list(COLUMNS)).astype({"choice": "int64"}))
        (folder / place).mkdir(parents=True)
        kept, samples = None, []
        if texts is not None:
            docs = [({"id": ids[i], **texts(unit, i)[0]}, texts(unit, i)[1]) for i in range(items.size)]
            samples = [{"doc": doc, "filtered_resps": answers} for doc, answers in docs]
            kept = "".join(json.dumps(sample) + "\n" for sample in samples)
            (folder / place / "samples.jsonl").write_text(kept, encoding="utf-8")
        result = sealed(json.loads(json.dumps(result)), kept, samples, digest_of(parts[-1]))
        (folder / place / "results.json").write_text(json.dumps(result), encoding="utf-8")
    known = [pd.read_parquet(folder / "items.parquet")] if (folder / "items.parquet").is_file() else []
    pd.concat(known + parts, ignore_index=True).to_parquet(folder / "items.parquet", index=False)
    return folder


def unseal(folder: Path) -> None:
    """Make a unit's results those of an older version, which kept no checksums."""
    path = folder / "results.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    del result["xling"]["checksums"]
    path.write_text(json.dumps(result), encoding="utf-8")


def reseal(folder: Path) -> None:
    """Give a unit's results the checksums of what its files hold now, as if a run had written that."""
    samples, path = folder / "samples.jsonl", folder / "results.json"
    text = samples.read_text(encoding="utf-8") if samples.is_file() else None
    unseal(folder)
    result = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(sealed(result, text, map(json.loads, (text or "").splitlines()))), encoding="utf-8")


def _facts(benchmark: str, unit: str, metric: str, items: int, shots: int, seed: int) -> dict[str, Any]:
    demos = {"demos": "same", "seed": seed, "demo_data": "d"} if shots else {"demos": "none"}
    return {
        "task": f"xling_{benchmark}_{unit.replace('-', '_')}",
        "language": unit,
        "split": "test",
        "form": benchmark,
        "data": f"data-{unit}",
        "source": "files",
        "items": items,
        "ids": f"ids-{items}",
        "template": f"template-{unit}",
        "shots": shots,
        **demos,
        "limit": None,
        "metrics": {metric: "items"},
        "model": "0123456789abcdef",
        "settings": {"dtype": "auto", "revision": None},
        "scoring": "shared-prefix",
        "lm_eval": "0.4.13",
        "xling_bench": "0.1.0",
        "code": "01234567",
    }


FLORES_PAIRS = ("en-zh", "zh-en", "en-ar", "en-el", "en-hi", "en-tr", "en-vi")  # those of the papers' tables of COMET


def write_translations(
    folder: Path, items: int = 60, segments: Mapping[str, Sequence[Mapping[str, str]]] | None = None, **more: Any
) -> Path:
    """A run of FLORES and one of XNLI. Of each pair's `segments` (src, mt, ref) there are as many as `items`; None:
    invented ones, told apart by pair and number."""

    def texts(unit: str, number: int) -> tuple[dict[str, Any], list[Any]]:
        invented = {"src": f"source {number}", "mt": f"{unit} {number}", "ref": f"{unit} reference {number}"}
        each = segments[unit][number] if segments else invented
        doc = {"source": each["src"], "golds": [each["ref"]], "benchmark": "flores",
               "answer_language": unit.partition("-")[2], "abstain": []}  # fmt: skip
        return doc, [f" {each['mt']}\n"]

    chrf = {pair: np.ones(items) for pair in segments or FLORES_PAIRS}
    ids = item_ids([f"flores-test-{number:04d}" for number in range(items)])
    write_run(folder, chrf, benchmark="flores", metric="chrf", texts=texts, ids=ids, **more)
    assert not rescore(folder, ["chrf"], lambda _: None)[1]  # samples hold what their scores are made of
    return write_run(folder, outcomes(items, ("en", "zh")), **more)
