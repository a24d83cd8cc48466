"""Checksums of a unit's files, so that what changed after it was written is seen, and nothing is taken for not there.

`results.json` holds, in `xling.checksums`: `results`, of all else in it; `samples` and `bytes`, of its samples.jsonl;
`answers`, of the items and what the model said there, which scoring again must find; `scores`, of its rows in
items.parquet. Each is the beginning of a SHA-256. Results of older versions have none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xling_bench.core.errors import DataError
from xling_bench.core.files import encoded
from xling_bench.core.reading import read_object

DIGITS = 16
SUMS = "checksums"
SCORES, OLD_SCORES = "scores", "items"  # of a unit's rows in items.parquet; see `results.items.old_choices`
RESULTS, SAMPLES = "results.json", "samples.jsonl"
AGAIN = "Bring back the file as it was, or move the folder away and have it measured again."

Result = dict[str, Any]


def sealed(
    result: Result, text: str | None, samples: Iterable[dict[str, Any]] = (), items: str | None = None
) -> Result:
    """`result`, plain JSON data, with the checksums of itself and of its samples, whose file holds `text`; None where
    no samples are kept. `items` is the checksum of its rows in items.parquet (`results.items.digest_of`)."""
    sums: dict[str, Any] = {} if items is None else {SCORES: items}
    if text is not None:
        data = encoded(text)
        sums |= {"samples": digest(data), "bytes": len(data), "answers": of_answers(samples)}
    own = {**result["xling"], SUMS: sums}
    return {**result, "xling": {**own, SUMS: {"results": _of_result({**result, "xling": own}), **sums}}}


def check_result(result: Result, path: Path, *, samples: bool = True) -> dict[str, Any] | None:
    """The checksums of a results file, or None for one of an older version.

    Raises DataError where its content is not what was written, and, with `samples`, where these are gone or have
    another length.
    """
    own = result["xling"]
    sums = own.get(SUMS)
    if sums is None:
        return None
    if not isinstance(sums, dict):
        raise DataError(f"{path}: {SUMS} is {sums!r:.80}, no table of checksums. {AGAIN}")
    rest = {name: value for name, value in sums.items() if name != "results"}
    found = _of_result({**result, "xling": {**own, SUMS: rest}})
    if sums.get("results") != found:
        raise DataError(_changed(path, found, sums.get("results")))
    if "bytes" in sums and samples:
        file = path.with_name(SAMPLES)
        length = file.stat().st_size if file.is_file() else None
        if length != sums["bytes"]:
            state = "is gone" if length is None else f"has {length:,} bytes"
            raise DataError(
                f"{file} {state}; it had {sums['bytes']:,} when {RESULTS} was written. {AGAIN} Only if `xling-bench "
                "score` was stopped, start that again."
            )
    return sums


def sums_beside(samples: Path) -> dict[str, Any] | None:
    """The checksums in the results file beside a samples file; None where there are none."""
    path = samples.with_name(RESULTS)
    return check_result(read_object(path), path) if path.is_file() else None


def check_samples(sums: dict[str, Any] | None, path: Path) -> None:
    """Raise DataError where a samples file is not the one that was written. Reads all of it."""
    if not sums or "samples" not in sums:
        return
    if not path.is_file():
        raise DataError(f"{path} is gone. {AGAIN}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]
    if found != sums["samples"]:
        raise DataError(_changed(path, found, sums["samples"]))


def _changed(path: Path, found: str, written: Any) -> str:
    return f"{path} was changed after it was written: its checksum is {found}, not {written!s:.20}. {AGAIN}"


def of_answers(samples: Iterable[dict[str, Any]]) -> str:
    """The checksum of all items, but for the names of the metrics they are scored by, and what a model said to each."""
    rows = [[{k: v for k, v in s["doc"].items() if k != "metrics"}, s["filtered_resps"]] for s in samples]
    return digest(_canonical(json.loads(json.dumps(rows, default=str))))


def digest(data: bytes) -> str:
    """The beginning of a SHA-256."""
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def _of_result(result: Result) -> str:
    return digest(_canonical(result))


def _canonical(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(errors="surrogatepass")
