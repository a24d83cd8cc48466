"""`xling-bench demo`: the main job, end to end, from a user's seat."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


def test_demo_trains_scores_compares_and_writes_the_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "xling_bench", "demo", "-o", str(tmp_path / "demo"), "--steps", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "runner and lm_eval agree on 5 tasks" in done.stderr
    table = (tmp_path / "demo" / "table.md").read_text(encoding="utf-8")
    whole, shown = ([line.split() for line in text.splitlines() if "| 0 " in line] for text in (table, done.stdout))
    assert [line for line in whole if line[1] == "XNLI"] == shown, "a part that fits on a screen"
    assert "not benchmark scores" in done.stdout
    assert "gap to en" in table
    assert "not benchmark scores" in table
    page = tmp_path / "demo" / "site" / "index.html"
    assert done.stderr.splitlines()[-1] == f"the report, for your browser: {page}"
    assert "Sample data." in page.read_text(encoding="utf-8")
    with (tmp_path / "demo" / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["benchmark"] for row in rows} == {"xnli", "pawsx", "xcopa", "xquad", "flores"}
    assert all(row["signature"].startswith("xling|task:") and "source:sample" in row["signature"] for row in rows)
