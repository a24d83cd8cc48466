"""`data fetch` and `XLING_DATA=hub` through the real command line, huggingface_hub and `datasets`, on a fake hub."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakehub import Hub, Repository, dataset, parquet, serve

pytestmark = pytest.mark.e2e

XNLI, STORIES = "facebook/xnli", "juletxara/xstory_cloze"
LABELS = ("entailment", "neutral", "contradiction")
AWKWARD = [
    'He said "no".', '"', "NA", "None", "null", " leading and trailing ", "ﬁ ﬂ é \u0065\u0301", "日本語、テキスト。",
    "zero\u200bwidth", "line\u2028separator", "3,5", "It's 'quoted'",
]  # fmt: skip


def xnli_columns(language: str, split: str) -> dict[str, list[Any]]:
    """Twelve invented rows in the hub's columns, every one with something a CSV parser likes to change."""
    return {
        "premise": [text if i % 2 else f"{language} {split} {i}: {text}" for i, text in enumerate(AWKWARD)],
        "hypothesis": AWKWARD[::-1],
        "label": [i % 3 for i in range(len(AWKWARD))],
    }


def xnli_repository() -> Repository:
    splits = ("test", "validation")
    return dataset({language: {s: xnli_columns(language, s) for s in splits} for language in ("en", "de")})


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve({XNLI: xnli_repository()}) as running:
        yield running


class Shell:
    """The command line as users start it, with its own cache and lock file."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder, self.lock, self.cache = folder, folder / "xling.lock", folder / "hf"
        self.environment = {
            **{k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE")},
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(self.cache),
            "HF_HUB_DISABLE_XET": "1",
            "XLING_LOCK": str(self.lock),
        }

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "xling_bench", *arguments],
            env=self.environment | environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def check(self, key: str, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """`data check --json`: exit code, and what was found by `unit/split`, less what was missing."""
        done = self("data", "check", key, "--json", **environment)
        rows = json.loads(done.stdout)
        return done.returncode, {f"{r['unit']}/{r['split']}": r for r in rows if not r["missing"]}


@pytest.fixture
def shell(tmp_path: Path, hub: Hub) -> Shell:
    return Shell(tmp_path, hub.endpoint)


def test_fetch_locks_commit_and_rows_and_names_what_the_hub_lacks(hub: Hub, shell: Shell) -> None:
    done = shell("data", "fetch", "xnli", "--langs", "de,sw,en")
    assert done.returncode == 0, done.stderr
    assert "xnli sw test: facebook/xnli has no usable 'sw' test" in done.stderr
    assert "xnli en test: 12 rows" in done.stderr
    locked = json.loads(shell.lock.read_text(encoding="utf-8"))["xnli"]
    assert locked["path"] == XNLI
    assert locked["revision"] == hub.repositories[XNLI].commit
    assert len(locked["revision"]) == 40
    assert locked["licence"] == "CC BY-NC 4.0"
    assert sorted(locked["data"]) == ["de/dev", "de/test", "en/dev", "en/test"]
    assert {entry["rows"] for entry in locked["data"].values()} == {12}
    assert len({entry["hash"] for entry in locked["data"].values()}) == 4

    before = shell.lock.read_bytes()
    assert shell("data", "fetch", "xnli", "--langs", "en,de").returncode == 0
    assert shell.lock.read_bytes() == before
    code, found = shell.check("xnli", XLING_DATA="hub")
    assert code == 0
    assert {unit: row["hash"] for unit, row in found.items()} == {u: e["hash"] for u, e in locked["data"].items()}


def test_languages_are_added_at_the_same_commit_and_replaced_at_another(hub: Hub, shell: Shell) -> None:
    def units() -> list[str]:
        return sorted(json.loads(shell.lock.read_text(encoding="utf-8"))["xnli"]["data"])

    shell("data", "fetch", "xnli", "--langs", "de")
    shell("data", "fetch", "xnli", "--langs", "en")
    assert units() == ["de/dev", "de/test", "en/dev", "en/test"]
    old = hub.repositories[XNLI].commit
    hub.repositories[XNLI].commit = "b" * 40
    done = shell("data", "fetch", "xnli", "--langs", "en")
    assert f"replaces commit {old[:12]} by bbbbbbbbbbbb" in done.stderr
    assert units() == ["en/dev", "en/test"]


def test_hub_and_official_files_have_the_same_hash(shell: Shell, tmp_path: Path) -> None:
    assert shell("data", "fetch", "xnli", "--langs", "de,en").returncode == 0
    hashes = {"hub": shell.check("xnli", XLING_DATA="hub")[1]}
    for kind in ("plain", "gz"):
        folder = tmp_path / kind / "XNLI-1.0"
        folder.mkdir(parents=True)
        for split, theirs in (("test", "test"), ("dev", "validation")):
            lines = ["language\tgold_label\tsentence1_tokenized\tsentence1\tsentence2"]
            for i in range(12):  # the languages alternate; ids count within a language
                for language in ("de", "en"):
                    row = {name: column[i] for name, column in xnli_columns(language, theirs).items()}
                    lines.append(f"{language}\t{LABELS[row['label']]}\t-\t{row['premise']}\t{row['hypothesis']}")
            content = ("\n".join(lines) + "\n").encode()
            if kind == "plain":
                (folder / f"xnli.{split}.tsv").write_bytes(content)
            else:
                (folder / f"xnli.{split}.tsv.gz").write_bytes(gzip.compress(content))
        code, hashes[kind] = shell.check("xnli", XLING_DATA="files", XLING_DATA_DIR=str(tmp_path / kind))
        assert code == 0
    wanted = {unit: row["hash"] for unit, row in hashes["hub"].items()}
    assert sorted(wanted) == ["de/dev", "de/test", "en/dev", "en/test"]
    assert {unit: row["hash"] for unit, row in hashes["plain"].items()} == wanted
    assert {unit: row["hash"] for unit, row in hashes["gz"].items()} == wanted


def test_rows_changed_under_the_same_commit_are_an_error(hub: Hub, shell: Shell) -> None:
    shell("data", "fetch", "xnli", "--langs", "de,en")
    columns = xnli_columns("de", "test")
    columns["label"][5] = 0
    hub.repositories[XNLI].files["de/test-00000-of-00001.parquet"] = parquet(columns)
    shutil.rmtree(shell.cache)
    code, found = shell.check("xnli", XLING_DATA="hub")
    locked = json.loads(shell.lock.read_text(encoding="utf-8"))["xnli"]["data"]["de/test"]["hash"]
    assert code == 2
    assert [unit for unit, row in found.items() if row["error"]] == ["de/test"]
    assert f"xling.lock says {locked}" in found["de/test"]["error"]


def test_a_locked_file_that_cannot_be_read_is_an_error_not_a_missing_language(hub: Hub, shell: Shell) -> None:
    shell("data", "fetch", "xnli", "--langs", "de,en")
    files, name = hub.repositories[XNLI].files, "de/test-00000-of-00001.parquet"
    files[name] = files[name][: len(files[name]) // 2]
    shutil.rmtree(shell.cache)
    code, found = shell.check("xnli", XLING_DATA="hub")
    assert code == 2
    assert "xling.lock has xnli de test, but facebook/xnli has no usable 'de' test" in found["de/test"]["error"]
    assert found["en/test"]["rows"] == 12


def test_the_hubs_own_conversion_is_read_by_folder(shell: Shell, hub: Hub) -> None:
    """`refs/convert/parquet`: no README.md, `<configuration>/<split>/0000.parquet`, often several files."""
    parts = [
        {
            "story_id": [f"{part}-{i}" for i in range(6)],
            **{f"input_sentence_{n}": [f"Satz {n}."] * 6 for n in (1, 2, 3, 4)},
            **{f"sentence_quiz{n}": [f"Ende {n}."] * 6 for n in (1, 2)},
            "answer_right_ending": [1, 2] * 3,
        }
        for part in (0, 1)
    ]
    files = {f"en/{split}/000{i}.parquet": parquet(p) for split in ("eval", "train") for i, p in enumerate(parts)}
    hub.repositories[STORIES] = Repository("c" * 40, files | {".gitattributes": b""}, ("refs/convert/parquet",))
    done = shell("data", "fetch", "xstorycloze", "--langs", "en,ru")
    assert done.returncode == 0, done.stderr
    assert "xstorycloze en test: 12 rows" in done.stderr
    assert "xstorycloze ru test: juletxara/xstory_cloze has no usable 'ru' eval" in done.stderr
    code, found = shell.check("xstorycloze", XLING_DATA="hub")
    assert (code, sorted(found)) == (0, ["en/test", "en/train"])


@pytest.mark.parametrize("key", ["xnli", "xstorycloze"])
def test_what_was_fetched_is_there_without_a_network(key: str, hub: Hub, shell: Shell) -> None:
    columns = {
        "story_id": ["a"],
        **{f"input_sentence_{n}": ["Satz."] for n in (1, 2, 3, 4)},
        **{f"sentence_quiz{n}": ["Ende."] for n in (1, 2)},
        "answer_right_ending": [2],
    }
    files = {f"en/{split}/0000.parquet": parquet(columns) for split in ("eval", "train")}
    hub.repositories[STORIES] = Repository("c" * 40, files, ("refs/convert/parquet",))
    assert shell("data", "fetch", key, "--langs", "en").returncode == 0
    hub.requests.clear()
    code, found = shell.check(key, XLING_DATA="hub", HF_HUB_OFFLINE="1")
    assert code == 0
    assert len(found) == 2
    assert hub.requests == []


def test_no_lock_entry(shell: Shell, hub: Hub) -> None:
    done = shell("data", "check", "xnli", XLING_DATA="hub")
    assert done.returncode == 2
    assert done.stdout.startswith("xnli  missing: all (xling.lock has no xnli ar test")
    done = shell("run", "--dry-run", "--model", "hf:any", "--tasks", "xling_xnli_de", "-o", "out", XLING_DATA="hub")
    assert done.returncode == 2
    assert (
        "no data: xling_xnli_de: xling.lock has no xnli de test: nothing has been fetched from the hub" in done.stderr
    )
    assert hub.requests == []


def test_hub_out_of_reach(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = Shell(tmp_path, f"http://127.0.0.1:{port}")("data", "fetch", "xnli", "--langs", "de")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "xnli: the hub cannot be asked about facebook/xnli: [Errno 111] Connection refused",
        "xling-bench: nothing could be fetched; the lines above say why for each benchmark.",
    ]


def test_one_benchmark_that_fails_does_not_stop_the_others(shell: Shell) -> None:
    done = shell("data", "fetch", "pawsx", "xcopa", "xnli", "--langs", "de")
    assert done.returncode == 2
    assert "pawsx: the hub cannot be asked about google-research-datasets/paws-x: 404" in done.stderr
    assert "xcopa: none of de is among its languages: en, et," in done.stderr
    assert list(json.loads(shell.lock.read_text(encoding="utf-8"))) == ["xnli"]


def test_a_lock_file_that_cannot_be_written(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = shell("data", "fetch", "xnli", "--langs", "de", XLING_LOCK=str(tmp_path / "file" / "xling.lock"))
    assert done.returncode == 2
    assert "Set XLING_LOCK to a writable place." in done.stderr.splitlines()[-1]
