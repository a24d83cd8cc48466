"""Real models on real items through the command line: run, table, compare, gate, report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from weights import REAL, SMOLLM2, Weights, build

pytestmark = [pytest.mark.real, pytest.mark.data]
TASKS = "xling_xcopa_en,xling_xcopa_sw,xling_xnli_en,xling_xnli_de"
ITEMS = 10


def command(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XLING_DATA_DIR": str(data), "OMP_NUM_THREADS": "2"}
    line = [sys.executable, "-m", "xling_bench", *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True)


def run_of(weights: Weights, kind: str, output: Path, data: Path) -> Path:
    spec = f"gguf:{weights.gguf}" if kind == "gguf" else f"hf:{weights.folder}"
    options = ["--tasks", TASKS, "--limit", str(ITEMS), "--device", "cpu", "-o", str(output)]
    done = command("run", "--model", spec, *options, data=data)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return output


def results(run: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(run.glob("*/*/results.json"))]


def samples(run: Path) -> dict[str, list[Any]]:
    found = {}
    for path in sorted(run.glob("*/*/samples.jsonl")):
        lines = path.read_text("utf-8").splitlines()
        found[path.parent.parent.name] = [json.loads(line)["filtered_resps"] for line in lines]
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> dict[tuple[str, str], Path]:
    """Both models from their folders, SmolLM2 from its file, too."""
    place = tmp_path_factory.mktemp("runs")
    found = {}
    for weights in REAL:
        build(weights)
        for kind in ("hf", "gguf") if weights == SMOLLM2 else ("hf",):
            found[weights.name, kind] = run_of(weights, kind, place / f"{weights.name}-{kind}", data_folder)
    return found


def test_the_engine_is_used_for_every_unit(runs) -> None:
    for run in runs.values():
        found = results(run)
        assert len(found) == len(TASKS.split(","))
        assert {one["xling"]["scoring"]["backend"] for one in found} == {"shared-prefix"}
        assert {one["config"]["model_args"]["dtype"] for one in found} == {"float32"}


def test_a_file_and_its_folder_get_equal_numbers_and_say_what_they_are(runs) -> None:
    file, folder = runs[SMOLLM2.name, "gguf"], runs[SMOLLM2.name, "hf"]
    assert samples(file) == samples(folder)
    for one, other in zip(results(file), results(folder), strict=True):
        facts = one["xling"]["facts"]
        assert facts["gguf"] == "Q4_1"
        assert facts["gguf_tensors"] == "Q4_1 210, F32 61, Q8_0 1"
        assert "|gguf:Q4_1|" in one["xling"]["signature"]
        assert "gguf" not in other["xling"]["facts"]
        assert facts["model"] != other["xling"]["facts"]["model"]
        assert one["config"]["model_args"]["pretrained"] == SMOLLM2.gguf.stem, "a name, no path"


def test_english_is_above_chance(runs) -> None:
    for run in runs.values():
        (english,) = [one for one in results(run) if one["xling"]["facts"]["task"] == "xling_xcopa_en"]
        assert english["results"]["xling_xcopa_en"]["acc,none"] >= 0.5


def test_table_compare_gate_and_report_take_them(runs, data_folder, tmp_path) -> None:
    folders = [str(run) for run in runs.values()]
    table = command("table", *folders, data=data_folder)
    assert table.returncode == 0, table.stderr
    assert all(weights.name in table.stdout for weights in REAL)
    first, *_, last = folders
    compared = command("compare", last, first, data=data_folder)
    assert compared.returncode == 0, compared.stderr
    gate = command("gate", "--baseline", first, "--candidate", first, data=data_folder)
    assert gate.returncode == 0, gate.stderr + gate.stdout
    page = command("report", *folders, "-o", str(tmp_path / "site"), data=data_folder)
    assert page.returncode == 0, page.stderr
    text = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert all(weights.name in text for weights in REAL)
    assert "gguf:Q4_1" in text
