"""`data fetch spm`: download the SentencePiece files of spBLEU; a file that is not the expected one is never kept."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from xling_bench.core.errors import DataError, MissingDataError, MissingPackageError, OutputError, XlingError
from xling_bench.core.extras import installing
from xling_bench.data.lock import Datasets, Files, LockedFile, read_locked_files, update_lock
from xling_bench.metrics.spm import OFFICIAL, SpmFile, spm_folders, spm_path

LARGEST = 32 * 2**20  # bytes; the files have about 5 MB
LEAST_PIECES = 200_000  # Goyal et al. 2022: flores101 has 256,000
CHUNK = 2**16
WAIT = 60.0  # seconds without a byte
LOOPBACK = ("127.0.0.1", "::1", "localhost")
Say = Callable[[str], None]


def fetch_spm(say: Say) -> int:
    """Fetch every official file that is not there yet; one that fails is named and does not stop the others.

    Returns the number of failures.
    """
    failed = 0
    for wanted in OFFICIAL.values():
        try:
            say(f"{wanted.name}: {spm_path(wanted.name)} is there and is the official file")
            continue
        except DataError:
            pass  # absent, another file, or one of unknown origin: fetched anew
        try:
            _fetch(wanted, say)
        except XlingError as error:
            failed += 1
            say(f"{wanted.name}: {error}")
    return failed


def addresses(wanted: SpmFile) -> list[str]:
    """Where a file is looked for, in order. `XLING_SPM_URL` names a folder of copies, checked no less."""
    own = os.environ.get("XLING_SPM_URL")
    if own:
        return [f"{own.rstrip('/')}/{wanted.file}"]
    hub = os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
    return [wanted.url, *([f"{hub}/{wanted.hub}"] if wanted.hub else [])]


def _fetch(wanted: SpmFile, say: Say) -> None:
    reasons = []
    for url in addresses(wanted):
        try:
            path, size, digest = _download(wanted, url)
        except DataError as error:
            reasons.append(str(error))
            continue
        if not wanted.sha256:
            update_lock(_record(wanted.name, LockedFile(url=url, bytes=size, sha256=digest)))
        say(f"{wanted.name}: {path}, {size:,} bytes from {url}, sha256 {digest}")
        return
    raise MissingDataError("; ".join(reasons))


def _record(name: str, entry: LockedFile) -> Callable[[Datasets, Files], None]:
    def change(_: Datasets, files: Files) -> None:
        files.setdefault(name, entry)

    return change


def _download(wanted: SpmFile, url: str) -> tuple[Path, int, str]:
    """One file into our folder, in place only once its digest is right. Raises DataError or OutputError."""
    locked = None if wanted.sha256 else read_locked_files().get(wanted.name)
    expected = locked.sha256 if locked else wanted.sha256
    path = spm_folders()[0] / wanted.file
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    digest, size = hashlib.sha256(), 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            for chunk in _chunks(url, wanted):
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        found = digest.hexdigest()
        if expected and found != expected:
            raise DataError(f"{url} gave {size:,} bytes with sha256 {found}, expected {expected}: not kept")
        if not expected:
            _check_first(temporary, url)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}. Set XLING_SPM_DIR to a writable folder.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path, size, found


def _check_first(path: Path, url: str) -> None:
    """What is trusted because it came first must at least be such a model, not some server's error page."""
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise MissingPackageError(f"sentencepiece is not installed: {installing('bleu')}") from error
    try:
        pieces = SentencePieceProcessor(model_proto=path.read_bytes()).vocab_size()
    except RuntimeError as error:
        raise DataError(f"{url} gave no SentencePiece model: not kept") from error
    if pieces < LEAST_PIECES:
        raise DataError(f"{url} gave a SentencePiece model of {pieces:,} pieces, expected 256,000: not kept")


def _chunks(url: str, wanted: SpmFile) -> Iterator[bytes]:
    """The body in pieces, with a progress bar on a terminal. Raises DataError for whatever goes wrong on the way."""
    limit = wanted.size or LARGEST
    try:
        with _opener(url).open(url, timeout=WAIT) as answer:
            promised = int(answer.headers.get("Content-Length") or 0)
            received = 0
            with tqdm(total=promised or None, unit="B", unit_scale=True, desc=wanted.name, disable=None) as bar:
                while chunk := answer.read(CHUNK):
                    received += len(chunk)
                    if received > limit:
                        raise DataError(f"{url} gave more than {limit:,} bytes: not kept")
                    bar.update(len(chunk))
                    yield chunk
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error) if not isinstance(error, urllib.error.HTTPError) else error
        raise DataError(f"{url} cannot be read: {reason}") from error
    least = promised or wanted.size or 1
    if received < least:
        raise DataError(f"{url} broke off after {received:,} of {least:,} bytes: not kept")


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Opens https, and http on this machine; redirects are held to the same. Raises DataError for another address."""
    _check(url)
    handlers: list[Any] = [_Redirects()]
    if urlsplit(url).hostname in LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise DataError(f"{url} refused: expected an https address (http only on this machine)")


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> Any:
        _check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
