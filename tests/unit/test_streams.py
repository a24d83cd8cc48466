"""Whoever reads what we say may go away, or never be there: work goes on, and exit codes mean what they say."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from runs import outcomes, write_run

from xling_bench.cli import common
from xling_bench.cli.main import main
from xling_bench.core.progress import counted, progress

HERE = [sys.executable, "-m", "xling_bench"]


def test_a_note_that_nobody_reads_stops_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    common.tell("a note")
    monkeypatch.setattr("xling_bench.core.progress.SECONDS", 0.0)
    with progress(3, "requests") as bar:
        assert list(counted("abc", bar)) == list("abc")


def test_closed_streams_change_neither_output_nor_exit_code(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", outcomes(30, ("en", "de")))
    command = f"{' '.join(HERE)} table {run} --format csv 2>&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "note" not in done.stdout, "notes are no part of a table"
    missing = f"{' '.join(HERE)} gate --baseline {run} --candidate {tmp_path}/nowhere"
    for closed in ("2>&-", "2>/dev/full", ">&- 2>&-"):
        done = subprocess.run(["bash", "-c", f"{missing} {closed}"], capture_output=True, text=True, check=False)
        assert done.returncode == 2, "1 would say that there is a regression"


def test_a_fault_of_ours_is_no_regression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    run = write_run(tmp_path / "run", outcomes(30, ("en", "de")))
    monkeypatch.setattr("xling_bench.regress.gate.run_gate", lambda *_, **__: 1 / 0)
    assert main(["gate", "--baseline", str(run), "--candidate", str(run)]) == 2
    assert "ZeroDivisionError" in capsys.readouterr().err
