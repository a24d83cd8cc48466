"""`[alignment]` of a recipe: how near held-out translations are while a model learns."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from statistics import mean

import pytest
import training_recipe
import warm

from xling_bench.cli.main import main

pytestmark = pytest.mark.e2e
WORDS = {
    "en": (("The dog", "A child", "Our friend", "The old man", "My sister"),
           ("sees", "finds", "loves", "paints", "buys"), ("the house.", "a book.", "some water.", "the sun.")),
    "de": (("Der Hund", "Ein Kind", "Unser Freund", "Der alte Mann", "Meine Schwester"),
           ("sieht", "findet", "liebt", "malt", "kauft"), ("das Haus.", "ein Buch.", "etwas Wasser.", "die Sonne.")),
}  # fmt: skip
SENTENCES = {language: [" ".join(words) for words in product(*parts)] for language, parts in WORDS.items()}
HELD = range(0, 100, 3)  # every third of the hundred
SETTINGS = ("alignment.every=5", "alignment.sentences=held.tsv", 'alignment.layers=[1, "last"]', "run.steps=12")


@pytest.fixture
def recipe(models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pairs of which every third is held out. The first training pair stands among the held-out ones, too."""
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path / "data"))
    path = training_recipe.write(tmp_path, models["xglm"])
    data = tmp_path / "data"
    for language, texts in SENTENCES.items():
        learnt = [text for number, text in enumerate(texts) if number not in HELD]
        (data / f"pairs.{language}").write_text("\n".join(learnt) + "\n", encoding="utf-8")
    held = ["en\tde", "The dog sees a book!\tUnwichtig."]  # learnt in English, but for its mark
    held += ["\t".join(SENTENCES[language][number] for language in WORDS) for number in HELD]
    (data / "held.tsv").write_text("\n".join(held) + "\n", encoding="utf-8")
    return path


def train(recipe: Path, folder: Path, *more: str) -> int:
    settings = [part for setting in (*SETTINGS, *more) for part in ("--set", setting)]
    return main(["train", str(recipe), "-o", str(folder), *settings])


def lines(folder: Path, name: str = "alignment.jsonl") -> list[dict]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def values(line: dict, measure: str) -> dict[tuple[str, int], float]:
    return {(each["pair"], each["layer"]): each["value"] for each in line["records"] if each["measure"] == measure}


def test_what_is_learnt_draws_held_out_pairs_together(recipe: Path, tmp_path: Path, capsys) -> None:
    """By the contrastive loss alone. Every line is what `represent` says of the model; a text that is learnt is out."""
    out = tmp_path / "out"
    learn = ("run.steps=60", "alignment.every=25", "run.pairs=16", "run.lr=3e-3", "method.instruction_weight=0",
             'method.pooling="mean"')  # fmt: skip
    assert train(recipe, out, *learn) == 0
    assert "held.tsv, pairs en-de 34; left out, for training texts hold them: 1 sentence" in capsys.readouterr().err
    found = lines(out)
    assert [line["step"] for line in found] == [0, 25, 50, 60]
    assert {each["n"] for line in found for each in line["records"]} == {len(HELD)}
    first, last = found[0], found[-1]
    assert values(last, "alignment")["en-de", 1] < 0.8 * values(first, "alignment")["en-de", 1]
    for key in (("en-de", 1), ("de-en", 1)):
        assert values(first, "retrieval_weak")[key] < 0.3 < 0.6 < values(last, "retrieval_weak")[key]
    kept = tmp_path / "kept.tsv"
    text = (tmp_path / "data" / "held.tsv").read_text(encoding="utf-8").splitlines()
    kept.write_text("\n".join([text[0], *text[2:]]) + "\n", encoding="utf-8")
    done = warm.command("represent", f"hf:{out / 'model'}", "--pairs", str(kept), "--layers", "1,last", "--no-random",
                        "-o", str(tmp_path / "states"), environment=dict(os.environ))  # fmt: skip
    assert done.returncode == 0, done.stderr
    measured = json.loads((tmp_path / "states" / "alignment.json").read_text(encoding="utf-8"))["records"]
    same = {(each["pair"], each["layer"], each["measure"]): (each["value"], each["interval"]) for each in measured}
    for each in last["records"]:
        value, interval = same[each["pair"], each["layer"], each["measure"]]
        assert each["value"] == pytest.approx(value, abs=1e-6)
        assert each["interval"] == (interval and pytest.approx(interval, abs=1e-6))
    facts = json.loads((out / "run.json").read_text(encoding="utf-8"))["alignment"]
    assert facts == {"sentences": "held.tsv", "data": first["data"], "pairs": {"en-de": 34}, "in_training": 1}


def test_training_is_to_the_bit_what_it_is_without(recipe: Path, models, tmp_path: Path) -> None:
    """With dropout, so that a random number drawn or a mode left on would show."""
    base = shutil.copytree(models["xglm"], tmp_path / "base")
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    (base / "config.json").write_text(json.dumps(config | {"dropout": 0.2, "attention_dropout": 0.1}), encoding="utf-8")
    more = (f"model.path={base}", "run.log_every=1")
    assert train(recipe, tmp_path / "with", *more, "alignment.every=1") == 0
    assert train(recipe, tmp_path / "without", *more, "alignment.every=0") == 0
    assert len(lines(tmp_path / "with")) == 13
    assert not (tmp_path / "without" / "alignment.jsonl").exists()
    for name in ("log.jsonl", "model/model.safetensors"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes(), name


def test_killed_and_gone_on_it_is_the_same_file(recipe: Path, tmp_path: Path) -> None:
    """Killed after a checkpoint, with half a line and lines of steps that are trained again."""
    assert train(recipe, tmp_path / "whole") == 0
    whole = (tmp_path / "whole" / "alignment.jsonl").read_bytes()
    assert [line["step"] for line in lines(tmp_path / "whole")] == [0, 5, 10, 12]
    killed = tmp_path / "killed"
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    command = [sys.executable, "-m", "xling_bench", "train", str(recipe), "-o", str(killed), *settings]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not (killed / "checkpoint-8").is_dir() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    shutil.rmtree(killed / "model", ignore_errors=True)
    with (killed / "alignment.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 12, "records": []}\n{"step": 1')
    assert train(recipe, killed) == 0
    assert (killed / "alignment.jsonl").read_bytes() == whole
    shutil.rmtree(killed / "model")  # all was measured, and only the model is missing
    assert train(recipe, killed) == 0
    assert (killed / "alignment.jsonl").read_bytes() == whole


def test_of_two_processes_one_measures(recipe: Path, tmp_path: Path) -> None:
    """At the base and after each of four updates: what one process measures that learns the same."""
    one, two = tmp_path / "one", tmp_path / "two"
    settings = (*SETTINGS, "run.steps=4", "alignment.every=1", "run.pairs=6", "run.instructions=4")
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "xling_bench", "train"]
    given = [part for setting in settings for part in ("--set", setting)]
    subprocess.run([sys.executable, *several, str(recipe), "-o", str(two), *given], check=True, capture_output=True,
                   timeout=300)  # fmt: skip
    assert train(recipe, one, *settings[4:]) == 0
    assert [line["step"] for line in lines(two)] == [0, 1, 2, 3, 4]
    for alone, shared in zip(lines(one), lines(two), strict=True):
        for measure in ("alignment", "uniformity"):
            assert values(shared, measure) == pytest.approx(values(alone, measure), rel=1e-3)


WRONG = [
    (("alignment.evry=4",), "alignment.evry: there is no such key. Did you mean 'every'"),
    (("alignment.every=-1",), "alignment.every: Input should be greater than or equal to 0"),
    (("alignment.limit=1",), "alignment.limit: Input should be greater than or equal to 2"),
    (("alignment.layers=[3]",), "alignment.layers: 3: unknown layer; expected numbers from 0 (the embedding) to 2"),
    (('alignment.layers=["first"]',), "alignment.layers: first: unknown layer"),
    (("alignment.layers=[]",), "alignment.layers: name one or more"),
    (("alignment.layers=last",), "alignment.layers: expected a list"),
    (("alignment.layers=[1.5]",), "alignment.layers"),
    (("alignment.pooling=max",), "alignment.pooling: Input should be 'mean', 'weighted' or 'last', got \"max\""),
    (("alignment.sentences=flores",), "alignment.sentences: flores is a test split"),
    (("alignment.sentences=nowhere.tsv",), "nowhere.tsv: no such file"),
    (("alignment.sentences=learnt.tsv",), "training texts hold all but 0"),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_what_is_wrong_is_one_line(recipe: Path, tmp_path: Path, capsys, change: tuple[str, ...], said: str) -> None:
    rows = ["en\tde", *(f"{en}\t{de}" for en, de in zip(SENTENCES["en"][1:3], SENTENCES["de"][1:3], strict=True))]
    (tmp_path / "data" / "learnt.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert train(recipe, tmp_path / "out", *change) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1, error
    assert not (tmp_path / "out").exists()


def test_words_are_measured_too_and_retrieval_may_end_a_run(recipe: Path, tmp_path: Path, capsys) -> None:
    """The model is that of the best measurement after the base model's, whichever that is."""
    data, out = tmp_path / "data", tmp_path / "out"
    words = [("dog", "Hund"), ("child", "Kind"), ("friend", "Freund"), ("sister", "Schwester"), ("child", "Kinder")]
    (data / "words-de.txt").write_text("".join(f"{a}\t{b}\n" for a, b in words), encoding="utf-8")
    given = ("alignment.words=words-{lang}.txt", "alignment.word_limit=3", "alignment.every=2", "run.steps=12",
             "stop.by=retrieval", "stop.patience=2")  # fmt: skip
    assert train(recipe, out, *given) == 0
    assert "and words' translations looked for: en-de 3" in capsys.readouterr().err
    found, facts = lines(out), json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert facts["alignment"]["words"] == {"data": found[0]["words"], "pairs": {"en-de": 3}, "no_data": []}
    induced = [each for line in found for each in line["records"] if each["measure"] == "lexicon_induction"]
    assert {(each["pair"], each["n"]) for each in induced} == {("en-de", 3)}
    assert len(induced) == 2 * len(found), "at both layers"
    scores = {line["step"]: mean(values(line, "retrieval_weak").values()) for line in found if line["step"]}
    chosen = facts["chosen"]
    assert chosen == {"by": "retrieval", "step": max(scores, key=scores.__getitem__), "ended": max(scores),
                      "score": pytest.approx(max(scores.values()))}  # fmt: skip
    assert chosen["ended"] == 12 or chosen["ended"] == chosen["step"] + 4
    assert (out / f"checkpoint-{chosen['step']}").is_dir()
