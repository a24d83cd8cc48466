"""The SentencePiece files that define spBLEU: where they are looked for, and that they are the ones.

`flores200` (NLLB Team 2022) and `flores101` (Goyal et al. 2022) are names of two exact files: a score under either name
was made with that file, so a file with another digest is refused, never used. sacreBLEU downloads the files at first
use and checks nothing; here only `xling-bench data fetch spm` downloads.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xling_bench.core.errors import DataError, MissingDataError, UsageError
from xling_bench.core.lockfile import SPM, damaged, lock_path, read_entries


@dataclass(frozen=True, slots=True)
class SpmFile:
    """One official file.

    `file` is its name with us, `sacrebleu` its name in sacreBLEU's cache. `url` is the publisher's address, `hub` the
    path of a byte-identical copy on the Hugging Face hub or "". `sha256` is "" and `size` (bytes) 0 where nobody
    published them: xling.lock then holds the digest of the first fetch.
    """

    name: str
    file: str
    sacrebleu: str
    url: str
    hub: str = ""
    sha256: str = ""
    size: int = 0


OFFICIAL = {
    "flores200": SpmFile(
        name="flores200",
        file="flores200_sacrebleu_tokenizer_spm.model",
        sacrebleu="flores200sacrebleuspm",
        url="https://dl.fbaipublicfiles.com/large_objects/nllb/models/spm_200/flores200_sacrebleu_tokenizer_spm.model",
        hub="facebook/nllb-200-distilled-600M/resolve/main/sentencepiece.bpe.model",
        sha256="14bb8dfb35c0ffdea7bc01e56cea38b9e3d5efcdcb9c251d6b40538e1aab555a",
        size=4_852_054,
    ),
    "flores101": SpmFile(
        name="flores101",
        file="sacrebleu_tokenizer_spm.model",
        sacrebleu="sacrebleu_tokenizer_spm.model",
        url="https://dl.fbaipublicfiles.com/fairseq/models/flores/sacrebleu_tokenizer_spm.model",
    ),
}


def official(name: str) -> SpmFile:
    """The official file called `name`. Raises UsageError for any other name."""
    if name not in OFFICIAL:
        raise UsageError(f"unknown spBLEU model {name!r}: expected {' or '.join(OFFICIAL)}")
    return OFFICIAL[name]


def spm_folders() -> list[Path]:
    """Our folders, the one to fetch to first: `$XLING_SPM_DIR` if set, then `xling-bench/spm` in the user's cache."""
    own = os.environ.get("XLING_SPM_DIR")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [*([Path(own)] if own else []), caches / "xling-bench" / "spm"]


def expected_digest(name: str) -> str:
    """The sha256 the file must have: the published one, else the one in xling.lock.

    Raises MissingDataError where neither exists, DataError for a damaged lock file.
    """
    if found := official(name).sha256:
        return found
    entry = read_entries().get(SPM, {}).get(name)
    if entry is None:
        raise MissingDataError(
            f"no digest of {name} is known: nobody published one, and {lock_path()} has none, so no file can be "
            f"accepted as {name}. Run `xling-bench data fetch spm` once, which records it, or bring the {lock_path()} "
            "of a machine that did."
        )
    digest = entry.get("sha256") if isinstance(entry, dict) else None
    if not isinstance(digest, str) or len(digest) != 64:
        raise damaged(f"{SPM} {name} has no sha256")
    return digest


def spm_path(name: str) -> Path:
    """The official file, found and verified (a file that did not change is hashed once per process).

    Looked for in `$XLING_SPM_DIR`, our cache folder, sacreBLEU's cache; the first found counts. Raises MissingDataError
    where there is none or its digest is unknown, DataError for a file with another digest, UsageError for another name.
    """
    path = _locate(official(name))
    _compare(name, path, _digest(path, file_state(path)), expected_digest(name))
    return path


def read_spm(name: str) -> bytes:
    """The official file's content, the very bytes that were verified. Raises as `spm_path`."""
    path = _locate(official(name))
    content = path.read_bytes()
    _compare(name, path, hashlib.sha256(content).hexdigest(), expected_digest(name))
    return content


def _locate(wanted: SpmFile) -> Path:
    sacrebleu = Path(os.environ.get("SACREBLEU") or Path.home() / ".sacrebleu") / "models" / wanted.sacrebleu
    places = [*(folder / wanted.file for folder in spm_folders()), sacrebleu]
    for place in places:
        if place.is_file():
            return place
    raise MissingDataError(
        f"spBLEU with {wanted.name} needs the file {wanted.file}; there is none of {', '.join(map(str, places))}. "
        f"Run `xling-bench data fetch spm`, or put the file at {places[0]}, or choose `--metrics chrf`."
    )


def file_state(path: Path) -> tuple[int, int]:
    """Size and time of change: what tells a cache that there is another file under the same name."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@cache
def _digest(path: Path, _state: tuple[int, int]) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _compare(name: str, path: Path, digest: str, expected: str) -> None:
    if digest != expected:
        raise DataError(
            f"{path} is not {name}'s file: expected sha256 {expected}, found {digest}. Scores made with another file "
            "are not comparable; delete it and run `xling-bench data fetch spm`."
        )
