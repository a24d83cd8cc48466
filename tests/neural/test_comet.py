"""COMET from nothing: installed, compared with its own program, added to runs; what is wrong is one clear error."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from runs import FLORES_PAIRS, write_translations

from xling_bench.catalog import get_benchmark
from xling_bench.cli.main import main
from xling_bench.comet import scoring
from xling_bench.comet.memory import digest_of
from xling_bench.comet.scoring import KEPT
from xling_bench.core.unit import Unit
from xling_bench.data import load
from xling_bench.results.frame import load_results

LANGUAGES = ("de", "hi", "sw", "th", "zh")
EACH = 20
API = """
import json, sys
from comet import load_from_checkpoint
model = load_from_checkpoint(sys.argv[1], local_files_only=True)
print(json.dumps(model.predict(json.load(sys.stdin), batch_size=16, gpus=0, progress_bar=False)["scores"]))
"""


def flores() -> dict[str, list[dict[str, str]]]:
    """A hundred, from English into five languages: FLORES' own sentences, every second translation without its end."""
    found: dict[str, list[dict[str, str]]] = {}
    for language in LANGUAGES:
        unit = Unit.of("en", language)
        rows = load(get_benchmark("flores"), unit, "test").rows[:EACH]
        texts = [(str(row["source"]), str(row["target"])) for row in rows]
        marks = "<pad> " if language == "sw" else ""  # which COMET's own pooling treats apart
        found[unit] = [
            {"src": source, "mt": marks + (target if number % 2 else target[: len(target) // 2]).strip(), "ref": target}
            for number, (source, target) in enumerate(texts)
        ]
    return found


def scored(run: Path) -> dict[str, float]:
    """A run's COMET scores, by what was scored."""
    found = {}
    for path in sorted(run.glob("xling_flores_*/*/samples.jsonl")):
        for sample in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            doc, said = sample["doc"], str(sample["filtered_resps"][0]).strip()
            found[digest_of({"src": doc["source"], "mt": said, "ref": doc["golds"][0]})] = sample["comet"]
    return found


def test_scores_are_those_of_its_own_program(
    installed: Path, checkpoint: Path, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """To 1e-6 on 100 segments in 5 languages, whatever is computed together, by the program all of them or, but for the
    first, by ours; through files of a run and back."""
    given = flores()
    flat = [segment for pair in given.values() for segment in pair]
    assert len(flat) == len(LANGUAGES) * EACH
    done = subprocess.run([installed / "bin" / "python", "-c", API, checkpoint / "checkpoints" / "model.ckpt"],
                          input=json.dumps(flat), capture_output=True, text=True, check=True)  # fmt: skip
    theirs = dict(zip(map(digest_of, flat), json.loads(done.stdout), strict=True))
    assert max(theirs.values()) - min(theirs.values()) > 0.1, "scores differ, so that equal ones say something"
    for batch, takes_over in ((16, False), (3, True)):
        monkeypatch.setattr(scoring, "WORTH", 1 if takes_over else EACH)
        run = write_translations(tmp_path / f"run{batch}", EACH, given)
        capsys.readouterr()
        assert main(["score", str(run), "--comet", str(checkpoint), "--comet-batch-size", str(batch)]) == 0
        ours, told = scored(run), capsys.readouterr().err
        assert ("computed here from now on" in told) == takes_over
        assert ours.keys() == theirs.keys()
        assert max(abs(ours[key] - theirs[key]) for key in ours) <= 1e-6
        system = load_results([run]).query("metric == 'comet'")["value"]
        assert system.mean() == pytest.approx(sum(theirs.values()) / len(theirs), abs=1e-6)


def test_a_run_gets_it_and_goes_on(installed, checkpoint, models, sample_data, tmp_path: Path, capsys) -> None:
    run = tmp_path / "run"
    tasks = ["--tasks", "xling_flores_en_zh,xling_flores_zh_en", "--metrics", "chrf"]
    command = ["run", "--model", f"hf:{models['xglm']}", *tasks, "-o", str(run)]
    assert main(command) == 0
    assert main(["score", str(run), "--comet", str(checkpoint)]) == 0
    before = {path: path.read_bytes() for path in run.glob("*/*/*")}
    capsys.readouterr()
    assert main(command) == 0, "its results are as they should be"
    assert main(["table", str(run), "--layout", "afp-2", "--format", "csv"]) == 0
    assert before == {path: path.read_bytes() for path in before}
    assert " (random COMET)," in capsys.readouterr().out
    frame = load_results([run]).query("metric == 'comet'")
    assert frame["signature"].str.contains(r"rule:unbabel-comet-2\.2\.7,model=tiny,sha256=\w{16},fp32,").all()


def test_killed_it_goes_on_where_it_was(installed: Path, checkpoint: Path, tmp_path: Path) -> None:
    run, whole = (write_translations(tmp_path / name, 200) for name in ("killed", "whole"))
    command = [sys.executable, "-m", "xling_bench", "score", str(run), "--comet", str(checkpoint)]
    kept = run / KEPT
    process = subprocess.Popen([*command, "--comet-batch-size", "1"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while not kept.is_file() or kept.read_bytes().count(b"\n") < 20:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    known = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()[1:-1]]
    assert 10 < len(known) < 200 * len(FLORES_PAIRS)
    while any(str(installed).encode() in path.read_bytes() for path in programs()):
        time.sleep(0.01)  # the worker's input has ended, and so does it
    assert main(command[3:]) == 0
    assert main(["score", str(whole), "--comet", str(checkpoint)]) == 0
    ours, others = scored(run), scored(whole)
    assert all(ours[entry["segment"]] == entry["score"] for entry in known)
    assert max(abs(ours[key] - others[key]) for key in ours) <= 1e-6
    assert not kept.exists()


def programs() -> list[Path]:
    """Command lines of all processes that are there."""
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if path.is_file() and os.access(path, os.R_OK)]


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def without_a_weight(path: Path) -> None:
    import torch

    stored = torch.load(path, weights_only=True)
    del stored["state_dict"]["estimator.ff.0.weight"]
    torch.save(stored, path)


def without_numbers(path: Path) -> None:
    import torch

    stored = torch.load(path, weights_only=True)
    stored["state_dict"]["estimator.ff.0.weight"].fill_(float("nan"))
    torch.save(stored, path)


def with_an_object(path: Path) -> None:
    import torch

    torch.save(torch.load(path, weights_only=True) | {"callbacks": {"of": Path("theirs")}}, path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut_off, "model.ckpt cannot be loaded: .* Is it damaged\\?"),
        (without_a_weight, "lacks 1 of the model's weights, estimator.ff.0.weight among them"),
        (without_numbers, "is no number; is it damaged\\?"),
        (with_an_object, "unpickling it could run code, and was not done.*--trust-checkpoint"),
    ],
)
def test_a_damaged_checkpoint_is_one_clear_error(spoil, said: str, installed, checkpoint, tmp_path, capsys) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "spoilt")
    spoil(folder / "checkpoints" / "model.ckpt")
    run = write_translations(tmp_path / "run", 4)
    before = {path: path.read_bytes() for path in run.glob("*/*/*")}
    capsys.readouterr()
    assert main(["score", str(run), "--comet", str(folder)]) == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert re.search(said, last), last
    assert before == {path: path.read_bytes() for path in before}
    if spoil is with_an_object:
        assert main(["score", str(run), "--comet", str(folder), "--trust-checkpoint"]) == 0


def test_an_environment_of_another_version_is_one_clear_error(installed, checkpoint, tmp_path, capsys) -> None:
    run = write_translations(tmp_path / "run", 4)
    metadata = next(installed.glob("lib/python*/site-packages/unbabel_comet-*.dist-info/METADATA"))
    text = metadata.read_text(encoding="utf-8")
    metadata.write_text(text.replace("\nVersion: 2.2.7\n", "\nVersion: 2.2.6\n"), encoding="utf-8")
    try:
        assert main(["score", str(run), "--comet", str(checkpoint)]) == 2
    finally:
        metadata.write_text(text, encoding="utf-8")
    *_, last = capsys.readouterr().err.splitlines()
    assert "it has unbabel-comet 2.2.6, expected 2.2.7. `xling-bench comet install` makes it anew." in last


def test_installed_twice_it_stays(installed: Path, capsys) -> None:
    before = (installed / "pyvenv.cfg").stat()
    assert main(["comet", "install"]) == 0
    assert "is what it should be already" in capsys.readouterr().err
    assert (installed / "pyvenv.cfg").stat() == before


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_stopped_nothing_is_left_half_made(how: signal.Signals, tmp_path: Path, monkeypatch, capsys) -> None:
    """Killed outright it leaves what the next try removes; that one is without network: pip is told to look nowhere."""
    into = tmp_path / "new" / "comet"
    command = [sys.executable, "-m", "xling_bench", "comet", "install", "--into", str(into)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = [process.stderr.readline() for _ in range(2)]
    assert "about 1.3 GB" in said[0]
    assert said[1] == "  packages\n"
    time.sleep(1)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert not into.exists()
    if how == signal.SIGTERM:
        assert process.returncode == 130
    else:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        assert main(command[3:]) == 2
        assert "cannot be made: pip says 'No matching distribution found" in capsys.readouterr().err
    assert [path.name for path in into.parent.iterdir()] == [".comet.lock"]
