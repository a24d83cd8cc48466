"""The hub's columns and the official files give the same canonical row for the same content, id included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakehub import dataset
from fakehub import serve as serve_hub
from hub_cases import CASES, NLI_RECORDS, Case, Record

from xling_bench.benchmarks.rows import check_rows, rows_hash
from xling_bench.catalog import benchmarks, get_benchmark
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.unit import Unit
from xling_bench.data import hub
from xling_bench.data.source import read_files


def serve(records: dict[str, list[Record]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put `records` in the place of the download."""

    def stub(_: Benchmark, language: str, split: str, revision: str, parts: list[str]) -> Iterator[Record]:
        return iter(records[language])

    monkeypatch.setattr(hub, "_records", stub)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_hub_and_file_rows_are_the_same(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = get_benchmark(case.key)
    for name, text in case.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    serve(case.records, monkeypatch)
    rows, dropped = hub.read_at(benchmark, Unit(case.unit), case.split, "0" * 40)
    official, _, dropped_there = read_files(benchmark, tmp_path, Unit(case.unit), case.split)
    checked, expected = check_rows(benchmark, rows, "hub"), check_rows(benchmark, official, "files")
    assert checked == expected
    assert rows_hash(checked) == rows_hash(expected)
    assert checked[0]["id"] == case.id
    assert dropped == dropped_there == case.dropped


def test_every_hub_benchmark_but_xnli_is_covered_here() -> None:
    """XNLI goes through the whole path in tests/e2e/test_hub.py."""
    assert {case.key for case in CASES} | {"xnli"} == set(benchmarks())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_other_columns_are_a_data_error(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    serve({language: [{"renamed": "x"}] for language in case.records}, monkeypatch)
    with pytest.raises(DataError, match="unexpected columns"):
        hub.read_at(get_benchmark(case.key), Unit(case.unit), case.split, "0" * 40)


def test_an_english_that_the_hub_has_elsewhere_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """KorNLI's one configuration would pass for English."""
    for key in ("kornli", "xnlieu"):
        serve({"en": NLI_RECORDS}, monkeypatch)
        with pytest.raises(MissingDataError, match="has no English: its items are XNLI's"):
            hub.read_at(get_benchmark(key), Unit("en"), "test", "0" * 40)


def test_a_language_that_lacks_items_shares_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """AmericasNLI's rows have no numbers: nobody knows which items Otomi lacks."""
    serve({"oto": NLI_RECORDS, "qu": NLI_RECORDS}, monkeypatch)
    benchmark = get_benchmark("americasnli")
    ids = [{r["id"] for r in hub.read_at(benchmark, Unit(u), "test", "0" * 40)[0]} for u in ("oto", "qu")]
    assert not ids[0] & ids[1]


def test_flores_sides_of_different_length_are_a_data_error(monkeypatch: pytest.MonkeyPatch) -> None:
    serve({"en": [{"text": "One."}, {"text": "Two."}], "de": [{"text": "Eins."}]}, monkeypatch)
    with pytest.raises(DataError, match="shorter"):
        hub.read_at(get_benchmark("flores"), Unit("en-de"), "test", "0" * 40)


@pytest.mark.parametrize("text", ["{", "[]", '{"xnli": 1}', '{"xnli": {"path": "p"}}', b"\xff"])
def test_a_damaged_lock_file_is_named(text: str | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xling_bench.data.lock import read_lock

    path = tmp_path / "xling.lock"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.setenv("XLING_LOCK", str(path))
    with pytest.raises(DataError, match="not a lock file of ours"):
        read_lock()


SUITE_2026 = ("afrixnli", "xnlieu", "xnlieu_native", "kornli", "myxnli", "americasnli", "multiblimp", "copal_id",
              "copal_id_colloquial", "wmt24pp")  # fmt: skip


@pytest.mark.e2e
def test_what_is_hub_only_comes_through_a_hub_as_the_official_file_has_it(tmp_path: Path) -> None:
    """`data fetch` through huggingface_hub and `datasets`, then `data check` of the hub and of the official layout."""
    cases = {case.key: case for case in CASES if case.key in SUITE_2026}
    assert set(cases) == set(SUITE_2026)
    served: dict[str, dict[str, dict[str, dict[str, list[Any]]]]] = {}
    for case in cases.values():
        benchmark, (language, rows) = get_benchmark(case.key), next(iter(case.records.items()))
        code = benchmark.hub.codes.get(language) or benchmark.codes.get(language, language)
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        config = served.setdefault(benchmark.hub.path, {}).setdefault(benchmark.hub.config.format(code=code), {})
        config[benchmark.hub.splits[case.split]] = columns
        for name, text in case.files.items():
            (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "files" / name).write_bytes(text.encode())
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE")}
    with serve_hub({path: dataset(configs) for path, configs in served.items()}) as hub:
        environment |= {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1",
                        "XLING_LOCK": str(tmp_path / "xling.lock")}  # fmt: skip

        def command(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "xling_bench", "data", *arguments]
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

        fetched = command("fetch", *cases, "--langs", "en,ha,eu,ko,my,qu,cs,id,pt_br")
        assert fetched.returncode == 0, fetched.stderr
        environment["XLING_DATA"] = "hub"
        found = [json.loads(command("check", *cases, "--json").stdout)]
        environment |= {"XLING_DATA": "files", "XLING_DATA_DIR": str(tmp_path / "files")}
        found.append(json.loads(command("check", *cases, "--json").stdout))
    wanted = {(case.key, case.unit, case.split) for case in cases.values()}
    hashes = [
        {row["benchmark"]: row["hash"] for row in rows if (row["benchmark"], row["unit"], row["split"]) in wanted}
        for rows in found
    ]
    assert hashes[0].keys() == set(cases)
    assert all(hashes[0].values())
    assert hashes[0] == hashes[1]
