"""Long work in a log: a line now and then, none for what is soon done, and never a terminal's control characters."""

import pytest

from xling_bench.core import progress as module
from xling_bench.core.progress import counted, progress


def run() -> None:
    with progress(4, "requests") as bar:
        assert list(counted("abcd", bar)) == list("abcd")


def test_short_work_leaves_no_line_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert capsys.readouterr() == ("", "")


def test_long_work_leaves_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.0)
    monkeypatch.setenv("TQDM_DISABLE", "1")  # as `chatter.quiet` sets it, for lm-eval's bars
    run()
    said = capsys.readouterr().err
    lines = said.splitlines()
    assert "\r" not in said
    assert len(lines) >= 4
    assert all(line.startswith("requests: ") and line.isascii() for line in lines)
    assert " 4/4 " in lines[-1]


def test_a_bar_within_another_moves_no_cursor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.0)
    with progress(2, "requests") as outer:
        for _ in counted("ab", outer):
            run()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 8
    assert all(line.startswith("requests: ") and "\x1b" not in line for line in lines)


def test_quiet_work_says_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.0)
    with progress(2, "requests", quiet=True) as bar:
        list(counted("ab", bar))
    assert capsys.readouterr().err == ""
