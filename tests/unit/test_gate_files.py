"""The files the gate writes: no name breaks their format, they fit, and they are the same each time."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from gates import CELL, gate
from runs import XNLI, outcomes, turned, write_run

from xling_bench.cli.main import main
from xling_bench.core.files import write_text
from xling_bench.regress.gate import run_gate
from xling_bench.regress.output import LONGEST_COMMENT, to_json, to_junit, to_markdown, to_text
from xling_bench.regress.settings import GateConfig
from xling_bench.regress.verdict import Gate, verdict_on

ROOT = Path(__file__).resolve().parents[2]


def odd_gate(cells: int = 2, name: str = "a|b <i>@all</i> `x` \x00\ud800 [y](z)") -> Gate:
    config = GateConfig()
    rows = [replace(CELL, language=unit) for unit in (XNLI * (cells // len(XNLI) + 1))[:cells]]
    findings = tuple(verdict_on(row, config) for row in rows)
    return Gate(name.encode(errors="replace").decode(), "candidate", config, findings, ("a note & more",))


def test_odd_names_break_no_format() -> None:
    found = odd_gate()
    suites = fromstring(to_junit(found))
    assert [case.get("classname") for case in suites.iter("testcase")] == ["xnli.xglm.0-shot.none.acc"] * 2
    odd = replace(CELL, family='f"<>&\x08', demos="\ufffe")
    parsed = fromstring(to_junit(replace(found, findings=(verdict_on(odd, found.config),))))
    assert next(parsed.iter("testcase")).get("classname") == 'xnli.f"<>&[U+0008].0-shot.[U+FFFE].acc'
    text = to_markdown(found)
    assert "<i>" not in text
    assert "@all" not in text
    assert "](z)" not in text
    assert json.loads(to_json(found))["baseline"].startswith("a|b")
    assert "a|b <i>" in to_text(found)


def test_names_neither_mention_nor_link_nor_steer_what_shows_them() -> None:
    """GitHub resolves entities before it looks for mentions (github/cmark-gfm#181)."""
    name = "@all #7 https://x.y www.x.y\nfake line \x1b[31m\u202etxet\u2066 a\u200db"
    found = replace(odd_gate(), candidate=name, baseline="b" * 70_000, notes=("n" * 70_000,))
    text = to_markdown(found)
    assert "&#64;&#8203;all &#35;&#8203;7 https&#58;//x.y www&#46;x.y fake line" in text
    assert "b ... (70000 characters)" in text
    assert len(text.encode()) <= LONGEST_COMMENT
    for form in (text, to_text(found), to_junit(found)):
        assert not {"\x1b", "\u202e", "\u2066"} & set(form)
    shown = "@all #7 https://x.y www.x.y fake line [U+001B][31m[U+202E]txet[U+2066] a[U+200D]b"
    assert f"candidate: {shown}\n" in to_text(found)
    assert json.loads(to_json(found))["candidate"] == name


def test_a_comment_fits_github_and_counts_what_was_cut() -> None:
    text = to_markdown(odd_gate(2000, "mödel" * 20))
    assert len(text.encode()) <= LONGEST_COMMENT
    assert "more rows are in the JSON file." in text
    assert text.endswith("</details>\n")
    assert text.count("- regressed:") == 10
    assert "- and 1990 more, below" in text
    assert len(to_markdown(odd_gate(15)).encode()) < 5000


@pytest.mark.long
def test_bytes_are_the_same_each_time(base: Path, tmp_path: Path) -> None:
    scores = outcomes(5010)
    worse = write_run(tmp_path / "worse", scores | {"el": turned(scores["el"], 0.05)})
    first, second = (run_gate(base, worse, GateConfig(), draws=200) for _ in range(2))
    for form in (to_json, to_junit, to_markdown, to_text):
        assert form(first) == form(second)


def test_infinite_mde_is_null_and_said(tmp_path: Path) -> None:
    scores = outcomes(6)
    run = write_run(tmp_path / "run", scores)
    code, found = gate(tmp_path, run, run, "--strict")
    assert code == 3
    assert found["cells"][0]["mde"] is None
    assert "with so few items no change could be seen" in found["cells"][0]["why"]


def test_no_output_overwrites_what_is_read(tmp_path: Path, capsys) -> None:
    run = write_run(tmp_path / "run", outcomes(30, ("en", "de")))
    file = tmp_path / "base.parquet"
    main(["gate", "--candidate", str(run), "--write-baseline", str(file)])
    kept = file.read_bytes(), (run / "items.parquet").read_bytes()
    for options, message in (
        (["--markdown", str(file)], "is what --baseline names"),
        (["--junit", str(run / "items.parquet")], "would overwrite a file of a run"),
        (["--markdown", str(tmp_path / "x"), "--junit", str(tmp_path / "x")], "is what --markdown names"),
        (["--markdown", ""], "expected the name of a file"),
    ):
        assert gate(tmp_path, file, run, *options)[0] == 2
        assert message in capsys.readouterr().err
    assert main(["gate", "--candidate", str(run), "--write-baseline", str(run / "items.parquet")]) == 2
    assert main(["gate", "--candidate", str(file), "--write-baseline", str(file)]) == 2
    assert (file.read_bytes(), (run / "items.parquet").read_bytes()) == kept


@pytest.mark.parametrize("wrong", ["a cell is missing", "the settings are no TOML"])
def test_files_of_an_earlier_gate_do_not_stand_when_this_one_cannot_judge(tmp_path: Path, capsys, wrong: str) -> None:
    """A pipeline publishes them whatever the exit code is; and others read them, so they hold no private path."""
    baseline = write_run(tmp_path / "secret" / "base", outcomes(60, ("en", "de")))
    whole = write_run(tmp_path / "secret" / "whole", outcomes(60, ("en", "de")))
    part = write_run(tmp_path / "secret" / "part", outcomes(60, ("en",)))
    settings = tmp_path / "secret" / "gate.toml"
    settings.write_text("alpha = " if "TOML" in wrong else "", encoding="utf-8")
    files = {name: tmp_path / f"gate.{name}" for name in ("json", "markdown", "junit")}
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    options += ["--config", str(settings), "--baseline", str(baseline), "--candidate"]
    if "cell" in wrong:
        assert main(["gate", *options, str(whole)]) == 0
    assert main(["gate", *options, str(part)]) == 2
    said = capsys.readouterr().err.partition(": ")[2].strip().replace(f"{settings}", "gate.toml")
    found = json.loads(files["json"].read_text(encoding="utf-8"))
    assert (found["status"], found["exit_code"], found["error"]) == ("error", 2, said)
    case = fromstring(files["junit"].read_text(encoding="utf-8")).find("./testsuite/testcase")
    assert case.find("error").get("message") == said
    comment = files["markdown"].read_text(encoding="utf-8")
    assert "nothing was judged" in comment
    assert "secret" not in comment


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert os.read(reader, 10) == b"text"
    assert pipe.is_fifo()
    os.close(reader)


@pytest.mark.long
def test_the_exit_code_stands_when_the_reader_has_gone_or_cannot_show_it(tmp_path: Path) -> None:
    """A table of 26 kB: more than the buffer between the command and a reader that reads nothing."""
    scores = outcomes(100)
    lost = {unit: 0 * values for unit, values in scores.items()}
    for shots in range(6):
        write_run(tmp_path / "a", scores, shots=shots, model="modèle")
        write_run(tmp_path / "b", lost, shots=shots, model="modèle")
    command = [sys.executable, "-m", "xling_bench", "gate", "--baseline", "a", "--candidate", "b"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    done.stdout.close()
    assert done.stderr.read() == b""
    assert done.wait() == 1
    whole = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment)
    assert (whole.returncode, whole.stderr) == (1, b"")
    assert rb"mod\xe8le" in whole.stdout
    whole = subprocess.run([*command[:3], "compare", "a", "b"], cwd=tmp_path, capture_output=True, env=environment)
    assert (whole.returncode, rb"mod\xe8le" in whole.stdout) == (0, True)
