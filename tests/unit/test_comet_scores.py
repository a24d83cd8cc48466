"""COMET of kept translations where its program is not needed: all scores are known, or what is wrong is seen before."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from runs import FLORES_PAIRS, write_translations

from xling_bench.cli.main import main
from xling_bench.comet import environment, weights
from xling_bench.comet.memory import Memory, digest_of
from xling_bench.comet.scoring import KEPT, Comet
from xling_bench.comet.weights import RANDOM, find_checkpoint
from xling_bench.core.errors import MissingPackageError, ModelError, UsageError
from xling_bench.evaluation.rescore import rescore
from xling_bench.results.frame import load_results

HPARAMS = "class_identifier: regression_metric\npretrained_model: {}\n"


@pytest.fixture(autouse=True)
def no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """COMET is not installed where these tests look."""
    monkeypatch.setenv(environment.VARIABLE, str(tmp_path / "absent"))
    return tmp_path / "absent"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint as it lies on disk; nothing here reads its weights."""
    folder, encoder = tmp_path / "wmt22", tmp_path / "encoder"
    for each in (folder / "checkpoints", encoder):
        each.mkdir(parents=True)
    (encoder / "config.json").write_text("{}", encoding="utf-8")
    (encoder / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "hparams.yaml").write_text(HPARAMS.format(encoder), encoding="utf-8")
    (folder / "checkpoints" / "model.ckpt").write_bytes(b"weights")
    return folder


def segment(doc: dict, said: list) -> dict[str, str]:
    return {"src": doc["source"], "mt": str(said[0]).strip(), "ref": doc["golds"][0]}


def remember(run: Path, checkpoint: Path, score) -> None:
    """Leave scores of all translations of a run but those that `score` has None for, as an interrupted command does."""
    known = Memory(run / KEPT, Comet(find_checkpoint(str(checkpoint)), run, print).rule)
    for path in sorted(run.glob("*/*/samples.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            sample = json.loads(line)
            value = score(path.parent.parent.name, number)
            if value is not None:
                known.add({digest_of(segment(sample["doc"], sample["filtered_resps"])): value})


def test_comet_is_a_metric_like_any_mean_of_items(tmp_path: Path, checkpoint: Path, capsys) -> None:
    """Known scores become numbers with signature, interval, paired test and verdict; the papers' tables hold them."""
    base, worse = (write_translations(tmp_path / name, model=f"./{name}") for name in ("base", "worse"))
    remember(base, checkpoint, lambda unit, n: 0.8 + n % 2 / 100)
    remember(worse, checkpoint, lambda unit, n: 0.7 + n % 3 / 100)
    for run in (base, worse):
        before = {p: p.read_bytes() for p in run.glob("xling_xnli_*/*/*")}
        assert main(["score", str(run), "--comet", str(checkpoint)]) == 0
        assert not (run / KEPT).exists(), "all results have what it held"
        assert before == {p: p.read_bytes() for p in before}
    assert "xling_flores_en_zh/0-0-none: COMET 80.50" in capsys.readouterr().err
    frame = load_results([base])
    row = frame[(frame["metric"] == "comet") & (frame["language"] == "en-zh")].iloc[0]
    assert row["value"] == pytest.approx(0.805)
    digest = find_checkpoint(str(checkpoint)).digest
    assert f"|metric:comet|rule:unbabel-comet-2.2.7,model=wmt22,sha256={digest},fp32,torch=" in row["signature"]
    assert set(frame[frame["benchmark"] == "flores"]["metric"]) == {"chrf", "comet"}, "what was there stays"

    (tmp_path / "gate.toml").write_text('metrics = ["comet"]\n', encoding="utf-8")
    gate = ["gate", "--baseline", str(base), "--candidate", str(worse), "--config", str(tmp_path / "gate.toml")]
    assert main([*gate, "--json", str(tmp_path / "gate.json")]) == 1
    cells = json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))["cells"]
    assert {cell["metric"] for cell in cells} == {"comet"}
    capsys.readouterr()
    assert main(["table", str(base), "--intervals"]) == 0
    assert main(["compare", str(base), str(worse)]) == 0
    shown = capsys.readouterr().out
    assert shown.count(" comet ") == 2 * len(FLORES_PAIRS) + 1  # cells; differences, and their mean


@pytest.mark.parametrize(
    ("layout", "column", "value"),
    [
        ("afp-2", "flores avg 0 comet", "75.5"),
        ("extrapolating-2", "flores en-hi 0 comet", "70.5"),
        ("extrapolating-3", "flores avg comet", "72.2"),
        ("extrapolating-5", "flores zh comet", "80.5"),
    ],
)
def test_the_papers_tables_take_it_times_100(
    layout: str, column: str, value: str, tmp_path: Path, checkpoint: Path, capsys
) -> None:
    """en-zh has 80.5, the other six pairs 70.5."""
    run = write_translations(tmp_path / "run")
    remember(run, checkpoint, lambda unit, n: (0.8 if unit.endswith("en_zh") else 0.7) + n % 2 / 100)
    assert main(["score", str(run), "--comet", str(checkpoint)]) == 0
    capsys.readouterr()
    assert main(["table", str(run), "--layout", layout, "--format", "csv"]) == 0
    head, *rows = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert rows[0][head.index(column)] == value


def test_scores_of_random_weights_are_stamped_wherever_they_stand(tmp_path: Path, checkpoint: Path, capsys) -> None:
    run = write_translations(tmp_path / "run")
    (checkpoint / RANDOM).write_text("made for tests\n", encoding="utf-8")
    remember(run, checkpoint, lambda unit, n: 0.5)
    assert main(["score", str(run), "--comet", str(checkpoint)]) == 0
    capsys.readouterr()
    for command in (["--layout", "afp-2"], ["--layout", "extrapolating-5", "--format", "latex"]):
        assert main(["table", str(run), *command]) == 0
        assert "(random COMET)" in capsys.readouterr().out
    assert main(["table", str(run), "--intervals"]) == 0
    assert "random COMET: the checkpoint's weights were never trained" in capsys.readouterr().err
    assert main(["report", str(run), "-o", str(tmp_path / "page")]) == 0
    assert "random COMET" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    (checkpoint / RANDOM).unlink()  # another rule: its scores replace the others, and the warning goes
    remember(run, checkpoint, lambda unit, n: 0.6)
    assert main(["score", str(run), "--comet", str(checkpoint)]) == 0
    assert "random COMET" not in "".join(p.read_text(encoding="utf-8") for p in run.glob("*/*/results.json"))


def test_what_is_known_is_used_and_what_lacks_is_asked_for(tmp_path: Path, checkpoint: Path, capsys) -> None:
    run = write_translations(tmp_path / "run")
    files = {path: path.read_bytes() for path in run.glob("*/*/*")}
    remember(run, checkpoint, lambda unit, n: None if unit == "xling_flores_en_zh" and n == 3 else 0.5)
    assert main(["score", str(run), "--comet", str(checkpoint)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "COMET is not installed" in line] == said[-1:]
    assert "xling-bench comet install" in said[-1]
    lines = (run / KEPT).read_bytes()
    changed = {path.parts[-3] for path, old in files.items() if path.read_bytes() != old}
    assert "xling_flores_en_zh" not in changed
    remember(run, checkpoint, lambda unit, n: 0.25 if unit == "xling_flores_en_zh" and n == 3 else None)
    assert (run / KEPT).read_bytes().startswith(lines), "what was known is still known"
    assert main(["score", str(run), "--comet", str(checkpoint)]) == 0
    assert load_results([run]).query("metric == 'comet'")["value"].min() == pytest.approx((59 * 0.5 + 0.25) / 60)
    written = {path: path.read_bytes() for path in run.glob("*/*/*")}
    assert main(["score", str(run), "--comet", str(checkpoint)]) == 0
    assert written == {path: path.read_bytes() for path in written}, "nothing was left to do"
    before = load_results([run])
    assert not rescore(run, ["bleu"], print)[1].keys() - {"xling_xnli_en/0-0-none", "xling_xnli_zh/0-0-none"}
    after = load_results([run])
    assert set(after.query("benchmark == 'flores'")["metric"]) == {"chrf", "bleu", "comet"}
    columns = ["task", "metric", "value", "n"]
    assert after.query("metric != 'bleu'")[columns].values.tolist() == before[columns].values.tolist()


def test_a_score_that_was_edited_is_not_taken(tmp_path: Path, checkpoint: Path) -> None:
    """Neither in the file of what is known, whose sound lines stay, nor in a result."""
    path = tmp_path / KEPT
    Memory(path, "rule").add({"a" * 32: 0.5, "b" * 32: 0.75})
    path.write_bytes(path.read_bytes().replace(b"0.75", b"0.95") + b'{"segment": "cut of')
    assert Memory(path, "rule").known == {"a" * 32: 0.5}
    assert Memory(path, "rule").known == {"a" * 32: 0.5}, "and the rest was dropped"
    assert Memory(path, "another rule").known == {}

    run = write_translations(tmp_path / "run")
    remember(run, checkpoint, lambda unit, n: 0.5)
    assert main(["score", str(run), "--comet", str(checkpoint)]) == 0
    samples = next(run.glob("xling_flores_en_zh/*/samples.jsonl"))
    samples.write_text(samples.read_text(encoding="utf-8").replace('"comet": 0.5', '"comet": 0.9', 1), encoding="utf-8")
    remember(run, checkpoint, lambda unit, n: 0.5)
    assert main(["score", str(run), "--comet", str(checkpoint)]) == 0
    assert "0.9" not in [line[-5:] for line in samples.read_text(encoding="utf-8").splitlines()]
    assert load_results([run]).query("metric == 'comet'")["value"].eq(0.5).all()


def damaged_settings(folder: Path) -> str:
    (folder / "hparams.yaml").write_text("- {", encoding="utf-8")
    return str(folder)


def encoder_gone(folder: Path) -> str:
    (folder / "hparams.yaml").write_text(HPARAMS.format("/nowhere/xlm-r"), encoding="utf-8")
    return str(folder)


def no_tokenizer(folder: Path) -> str:
    (folder.parent / "encoder" / "tokenizer.json").unlink()
    return str(folder)


def encoder_of_the_hub(folder: Path) -> str:
    (folder / "hparams.yaml").write_text(HPARAMS.format("xlm-roberta-large"), encoding="utf-8")
    return str(folder)


def no_weights(folder: Path) -> str:
    shutil.rmtree(folder / "checkpoints")
    return str(folder)


@pytest.mark.parametrize(
    ("spoil", "kind", "said"),
    [
        (no_weights, UsageError, "expected one checkpoint, .*model.ckpt; there is none"),
        (lambda folder: str(folder / "other.ckpt"), UsageError, "no such file"),
        (damaged_settings, ModelError, "hparams.yaml: cannot be read"),
        (encoder_gone, ModelError, "pretrained_model is /nowhere/xlm-r; there is no such folder"),
        (no_tokenizer, ModelError, "encoder, the pretrained_model of .*hparams.yaml, has no tokenizer.json or"),
        (encoder_of_the_hub, ModelError, "xlm-roberta-large, whose tokenizer .* neither a folder here nor to be had"),
        (lambda _: "Unbabel/wmt22-comet-da", ModelError, "Unbabel/wmt22-comet-da is neither a folder here nor to be"),
        (lambda _: "wmt22-comet-da", ModelError, "wmt22-comet-da is neither .* check the name and the network"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_is_not_whole_is_one_clear_error(
    spoil, kind, said: str, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(kind, match=said):
        find_checkpoint(spoil(checkpoint))


def test_a_checkpoint_is_known_by_its_content(checkpoint: Path) -> None:
    first = find_checkpoint(str(checkpoint))
    assert find_checkpoint(str(checkpoint / "checkpoints" / "model.ckpt")) == first
    os.utime(first.path)
    assert find_checkpoint(str(checkpoint)).digest == first.digest
    seen = {first.digest}
    files = (first.path, checkpoint / "hparams.yaml", first.encoder / "config.json", first.encoder / "tokenizer.json")
    for path in files:
        path.write_bytes(path.read_bytes() + b"\n")
        seen.add(find_checkpoint(str(checkpoint)).digest)
    assert len(seen) == 5


def test_an_environment_of_other_versions_is_refused() -> None:
    found = {name: versions[0] for name, versions in environment.pins().items()}
    environment.check_versions(found | {"torch": found["torch"] + "+cpu", "pip": "99"}, Path("here"))
    for name, version, said in (("unbabel-comet", "2.2.6", "it has unbabel-comet 2.2.6, expected 2.2.7"),
                                ("transformers", None, "it has no transformers, expected 4.")):  # fmt: skip
        other = {key: value for key, value in (found | {name: version}).items() if value}
        with pytest.raises(MissingPackageError, match=said):
            environment.check_versions(other, Path("here"))


def test_a_checkpoint_whose_bytes_were_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/data/0", bytes(1000))
    weights._check_whole(path)
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="model/data/0 in it is not what its checksum says"):
        weights._check_whole(path)


def test_a_place_of_something_else_and_a_python_without_packages_are_refused(tmp_path: Path, capsys) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").touch()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pyvenv.cfg").touch()  # somebody's own environment
    for place in ("thesis", "mine"):
        assert main(["comet", "install", "--into", str(tmp_path / place)]) == 2
        assert "is there and no environment that `comet install` made" in capsys.readouterr().err
    assert (tmp_path / "mine" / "pyvenv.cfg").exists()
    old = tmp_path / "python3.99"
    old.write_text("#!/bin/sh\necho 3 99\n", encoding="utf-8")
    old.chmod(0o755)
    assert main(["comet", "install", "--into", str(tmp_path / "new"), "--python", str(old)]) == 2
    assert "made for Python 3.11 and 3.12" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
