"""A Hugging Face hub on the loopback, serving data sets held in memory: what huggingface_hub and `datasets` ask for."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Columns = Mapping[str, Sequence[Any]]
REPOSITORY, REVISION, ENTRY = "RepoNotFound", "RevisionNotFound", "EntryNotFound"  # the hub's X-Error-Code


@dataclass
class Repository:
    """One data set: a single commit, which every name in `branches` points at, and its files."""

    commit: str
    files: dict[str, bytes]
    branches: tuple[str, ...] = ("main",)


@dataclass
class Hub:
    """A running fake hub. `requests` is a log of (method, path), `endpoint` goes into HF_ENDPOINT."""

    endpoint: str
    repositories: dict[str, Repository]
    requests: list[tuple[str, str]] = field(default_factory=list)


def dataset(configs: Mapping[str, Mapping[str, Columns]], branches: tuple[str, ...] = ("main",)) -> Repository:
    """A data set of parquet files, {configuration: {split: columns}}, with the README.md that names them.

    The commit is a hash of the configurations' names only: other rows under the same names are a changed data set
    under a fixed commit.
    """
    files: dict[str, bytes] = {}
    lines = ["---", "configs:"]
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        for split, columns in splits.items():
            name = f"{config}/{split}-00000-of-00001.parquet"
            files[name] = parquet(columns)
            lines += [f"  - split: {split}", f"    path: {name}"]
    files["README.md"] = "\n".join([*lines, "---", ""]).encode()
    commit = hashlib.sha256(repr(sorted(configs)).encode()).hexdigest()[:40]
    return Repository(commit, files, branches)


def parquet(columns: Columns) -> bytes:
    """The columns as one parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), buffer)
    return buffer.getvalue()


@contextmanager
def serve(repositories: Mapping[str, Repository]) -> Iterator[Hub]:
    """Run the hub on a free port until the block ends. Its `repositories` may be changed while it runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.hub = Hub(f"http://127.0.0.1:{server.server_port}", dict(repositories))  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.hub  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _NotFoundError(Exception):
    """Answered as 404 with the hub's error code."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
        """Silence: `Hub.requests` is the log."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes = b"") -> None:
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        path = unquote(urlsplit(self.path).path)
        hub.requests.append((self.command, path))
        try:
            if path.startswith("/api/datasets/"):
                self._api(hub, path.removeprefix("/api/datasets/"), body)
            elif path.startswith("/datasets/"):
                self._file(hub, path.removeprefix("/datasets/"))
            else:
                raise _NotFoundError(REPOSITORY)
        except _NotFoundError as error:
            self._send(404, b"{}", {"X-Error-Code": str(error), "X-Error-Message": "not in the fake hub"})

    def _api(self, hub: Hub, path: str, body: bytes) -> None:
        name, repository, rest = _repository(hub, path)
        action, _, rest = rest.partition("/")
        if not action:
            return self._json(_info(name, repository))
        rest = _after_revision(repository, rest)
        if action == "revision" and not rest:
            return self._json(_info(name, repository))
        if action == "tree":
            recursive = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0].lower() in ("true", "1")
            entries = [e for e in _entries(repository, rest) if recursive or e["path"].rpartition("/")[0] == rest]
            if rest and not entries:
                raise _NotFoundError(ENTRY)
            return self._json(entries)
        if action == "paths-info":
            wanted = json.loads(body)["paths"]
            return self._json([entry for entry in _entries(repository, "") if entry["path"] in wanted])
        raise _NotFoundError(ENTRY)

    def _file(self, hub: Hub, path: str) -> None:
        _, repository, rest = _repository(hub, path)
        action, _, rest = rest.partition("/")
        file = _after_revision(repository, rest) if action == "resolve" else ""
        if file not in repository.files:
            raise _NotFoundError(ENTRY)
        content, headers = repository.files[file], {"X-Repo-Commit": repository.commit}
        headers |= {"ETag": f'"{_blob(content)}"', "Accept-Ranges": "bytes"}
        status, ranged = 200, self.headers.get("Range", "")
        if ranged.startswith("bytes="):
            first, _, last = ranged.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) if last else len(content) - 1, len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            status, content = 206, content[start : end + 1]
        self._send(status, content, headers)

    def _json(self, answer: object) -> None:
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _repository(hub: Hub, path: str) -> tuple[str, Repository, str]:
    owner, _, rest = path.partition("/")
    name, _, rest = rest.partition("/")
    if f"{owner}/{name}" not in hub.repositories:
        raise _NotFoundError(REPOSITORY)
    return f"{owner}/{name}", hub.repositories[f"{owner}/{name}"], rest


def _after_revision(repository: Repository, path: str) -> str:
    """What follows the revision in `main/README.md` or `refs/convert/parquet/README.md`."""
    for revision in (repository.commit, *repository.branches):
        if f"{path}/".startswith(f"{revision}/"):
            return path[len(revision) + 1 :]
    raise _NotFoundError(REVISION)


def _info(name: str, repository: Repository) -> dict[str, Any]:
    files = [{"rfilename": file} for file in repository.files]
    return {"_id": "0", "id": name, "sha": repository.commit, "private": False, "gated": False, "disabled": False,
            "downloads": 0, "likes": 0, "tags": [], "siblings": files}  # fmt: skip


def _entries(repository: Repository, folder: str) -> list[dict[str, Any]]:
    """Every file and folder below `folder`, at any depth."""
    start = f"{folder}/" if folder else ""
    names = [name for name in repository.files if name.startswith(start)]
    above = {name[:i] for name in names for i, c in enumerate(name) if c == "/" and i > len(folder)}
    entries: list[dict[str, Any]] = [
        {"type": "directory", "oid": "0" * 40, "size": 0, "path": p} for p in sorted(above)
    ]
    for name in sorted(names):
        content = repository.files[name]
        entries.append({"type": "file", "oid": _blob(content), "size": len(content), "path": name})
    return entries


def _blob(content: bytes) -> str:
    """Git's name for the content, which the hub gives as its ETag."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
