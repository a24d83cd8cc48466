"""`data fetch spm` through the command line, against a server on the loopback."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tinyspm import large_spm, tiny_spm

from xling_bench.cli.main import main
from xling_bench.core.errors import MissingDataError
from xling_bench.data import fetch_spm as fetching
from xling_bench.data.lock import read_locked_files
from xling_bench.metrics.bleu import _tokenizer, bleu_statistics
from xling_bench.metrics.spm import OFFICIAL, spm_path

F200, F101 = OFFICIAL["flores200"].file, OFFICIAL["flores101"].file


@dataclass
class Server:
    """What it answers by file name: content, with the length it promises; or an address to go to instead."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    promise: dict[str, int] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
        """Silence."""

    def do_GET(self) -> None:
        state: Server = self.server.state  # type: ignore[attr-defined]
        name = self.path.rpartition("/")[2]
        if name in state.elsewhere:
            self.send_response(302)
            self.send_header("Location", state.elsewhere[name])
            self.end_headers()
        elif name in state.files:
            self.send_response(200)
            self.send_header("Content-Length", str(state.promise.get(name, len(state.files[name]))))
            self.end_headers()
            self.wfile.write(state.files[name])
        else:
            self.send_error(404)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serves a good flores101, and a flores200 whose digest the suite is told to expect."""
    good = replace(OFFICIAL["flores200"], sha256=hashlib.sha256(tiny_spm()).hexdigest(), size=len(tiny_spm()))
    monkeypatch.setitem(OFFICIAL, "flores200", good)
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Server(f"http://127.0.0.1:{running.server_port}/spm", {F200: tiny_spm(), F101: large_spm()})
    running.state = state  # type: ignore[attr-defined]
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    monkeypatch.setenv("XLING_SPM_URL", state.url)
    monkeypatch.setenv("XLING_SPM_DIR", str(tmp_path / "spm"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SACREBLEU", str(tmp_path / "sacrebleu"))
    monkeypatch.setenv("XLING_LOCK", str(tmp_path / "xling.lock"))
    yield state
    running.shutdown()
    running.server_close()
    thread.join()
    _tokenizer.cache_clear()


def there(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.glob("spm/*"))


def test_both_files_are_fetched_recorded_and_used(server: Server, tmp_path: Path, capsys) -> None:
    assert main(["data", "fetch", "spm"]) == 0
    assert there(tmp_path) == sorted([F200, F101])
    assert f"bytes from {server.url}/{F101}, sha256 " in capsys.readouterr().err
    locked = json.loads((tmp_path / "xling.lock").read_text(encoding="utf-8"))
    digest = hashlib.sha256(large_spm()).hexdigest()
    entry = {"url": f"{server.url}/{F101}", "bytes": len(large_spm()), "sha256": digest}
    assert locked == {"spm": {"flores101": entry}}
    statistics = bleu_statistics("the ferry stops", "the ferry stops", "flores101")
    assert statistics == [15, 15, 15, 14, 13, 12, 15, 14, 13, 12]  # pieces: ▁ t h e ▁ f er r y ▁ s t o p s

    before, server.files = (tmp_path / "xling.lock").read_bytes(), {}
    assert main(["data", "fetch", "spm"]) == 0  # nothing left to do: asks no server
    assert (tmp_path / "xling.lock").read_bytes() == before


def test_flores101_is_refused_without_a_record_and_held_to_it_afterwards(
    server: Server, tmp_path: Path, capsys
) -> None:
    (tmp_path / "spm").mkdir()
    (tmp_path / "spm" / F101).write_bytes(large_spm())
    with pytest.raises(MissingDataError, match="no digest of flores101 is known"):
        spm_path("flores101")
    assert main(["data", "fetch", "spm"]) == 0
    assert spm_path("flores101").name == F101
    (tmp_path / "spm" / F101).unlink()
    server.files[F101] = large_spm() + large_spm()[-16:]
    capsys.readouterr()
    assert main(["data", "fetch", "spm"]) == 2
    assert f"expected {hashlib.sha256(large_spm()).hexdigest()}: not kept" in capsys.readouterr().err
    assert there(tmp_path) == [F200]
    assert read_locked_files()["flores101"].sha256 == hashlib.sha256(large_spm()).hexdigest()


def damage(server: Server, kind: str) -> None:
    content = server.files[F200]
    server.promise[F200] = len(content)
    if kind == "truncated":
        server.files[F200] = content[:-100]
    elif kind == "corrupted":
        server.files[F200] = content[:500] + bytes([content[500] ^ 1]) + content[501:]
    elif kind == "too long":
        server.files[F200], server.promise[F200] = content + b"x", len(content) + 1
    elif kind == "truncated, no length":
        server.files[F200], server.promise[F200] = content[:-100], 0
    elif kind == "absent":
        del server.files[F200]
    else:
        server.elsewhere[F200] = kind


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("truncated", "broke off after"),
        ("corrupted", "with sha256"),
        ("too long", "gave more than"),
        ("truncated, no length", "bytes"),
        ("absent", "404"),
        ("http://example.org/model", "expected an https address"),
        ("file:///etc/passwd", "not allowed"),
    ],
)
def test_a_bad_download_is_refused_and_leaves_nothing(server, tmp_path, capsys, kind: str, reason: str) -> None:
    damage(server, kind)
    assert main(["data", "fetch", "spm"]) == 2
    line = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("flores200: "))
    assert reason in line
    assert there(tmp_path) == [F101]  # the other file came all the same; no temporary file
    with pytest.raises(MissingDataError):
        spm_path("flores200")


@pytest.mark.parametrize("content", [b"<html>please log in</html>", tiny_spm()], ids=["page", "small model"])
def test_what_is_trusted_first_must_look_like_the_file(server: Server, tmp_path: Path, content: bytes) -> None:
    server.files[F101] = content
    assert main(["data", "fetch", "spm"]) == 2
    assert there(tmp_path) == [F200]
    assert read_locked_files() == {}


def test_a_wrong_file_is_replaced_and_a_failure_keeps_benchmarks_in_the_lock(server: Server, tmp_path: Path) -> None:
    entry = {"path": "a/b", "revision": "0" * 40, "licence": "x", "data": {"de/test": {"rows": 1, "hash": "h"}}}
    (tmp_path / "xling.lock").write_text(json.dumps({"xnli": entry}), encoding="utf-8")
    (tmp_path / "spm").mkdir()
    (tmp_path / "spm" / F200).write_bytes(b"junk")
    assert main(["data", "fetch", "spm"]) == 0
    assert spm_path("flores200").read_bytes() == tiny_spm()
    locked = json.loads((tmp_path / "xling.lock").read_text(encoding="utf-8"))
    assert locked["xnli"] == entry
    assert list(locked["spm"]) == ["flores101"]


def test_plain_http_is_for_this_machine_only(server: Server, monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setenv("XLING_SPM_URL", "http://example.org/spm")
    assert main(["data", "fetch", "spm"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all("refused: expected an https address" in line for line in errors)
    assert there(tmp_path) == []


def test_addresses_follow_the_hub_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XLING_SPM_URL", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example/")
    first, second = fetching.addresses(OFFICIAL["flores200"])
    assert first == OFFICIAL["flores200"].url
    assert second == "https://hub.example/facebook/nllb-200-distilled-600M/resolve/main/sentencepiece.bpe.model"
    assert fetching.addresses(OFFICIAL["flores101"]) == [OFFICIAL["flores101"].url]
