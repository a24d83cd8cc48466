"""`represent --answers`: tiny models answer invented instructions in three languages."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import warm
from transformers import AutoModelForCausalLM, AutoTokenizer

pytestmark = pytest.mark.e2e
# In languages that their scripts tell: the identifier that others need takes 14 CPU-seconds to start.
QUESTIONS = {"el": "Πες μου για το πράγμα", "th": "บอกฉันเกี่ยวกับสิ่งของ", "ta": "பொருள் பற்றி சொல்லுங்கள்"}
CHAT = "{% for m in messages %}Q: {{ m.content }}{% endfor %}{% if add_generation_prompt %} A:{% endif %}"
SENTENCES = ["--pivot", "el", "--layers", "1,last", "--no-random"]


def represent(*arguments: object) -> subprocess.CompletedProcess:
    return warm.command("represent", *map(str, arguments), environment=dict(os.environ))


def instructions(folder: Path, count: int = 20) -> str:
    """The pattern of the files; number 3 lacks in Thai, and a line of Tamil is broken. Sentences of the same words
    stand beside them."""
    for language, text in QUESTIONS.items():
        lines = [json.dumps({"id": f"n{i}", "prompt": f"{text} {i}, {'please ' * (i % 4)}."}, ensure_ascii=False)
                 for i in range(count) if (language, i) != ("th", 3)]  # fmt: skip
        if language == "ta":
            lines[1] = lines[1].replace("சொல்லு", '"சொல்லு"')
        (folder / f"ask.{language}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = ["\t".join(QUESTIONS), *("\t".join(f"{text} {i}" for text in QUESTIONS.values()) for i in range(6))]
    (folder / "pairs.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(folder / "ask.{lang}")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def chatty(models: dict[str, Path], tmp_path: Path) -> Path:
    """The tiny Llama with a chat template."""
    folder = shutil.copytree(models["llama"], tmp_path / "chatty")
    (folder / "chat_template.jinja").write_text(CHAT, encoding="utf-8")
    return folder


def test_answers_are_the_models_own_and_their_states_compared(models, chatty, tmp_path) -> None:
    """Texts as transformers' `generate` writes them, one by one, after its own chat template or Alpaca's; cosines of
    the means of their tokens' states, from its plain forward pass."""
    out, given = tmp_path / "out", instructions(tmp_path)
    command = [f"hf:{chatty}", f"hf:{models['llama']}", *SENTENCES, "--name", "chatty,plain", "--answers", given,
               "--answer-tokens", "12", "--pairs", tmp_path / "pairs.tsv", "-o", out]  # fmt: skip
    done = represent(*command, "--langs", "th,ta")
    assert done.returncode == 0, done.stderr
    assert "line 2 of ask.ta is no JSON, so this instruction is not asked in ta" in done.stderr
    assert "| chatty | el-th |" in done.stdout
    index = json.loads((out / "answers" / "index.json").read_text(encoding="utf-8"))
    assert [(each["model"], each["languages"]) for each in index] == [(name, ["el", "th", "ta"])
                                                                       for name in ("chatty", "plain")]  # fmt: skip
    found = json.loads((out / "alignment.json").read_text(encoding="utf-8"))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(chatty), AutoTokenizer.from_pretrained(chatty)
    for name, key in ((each["model"], each["key"]) for each in index):
        rows = {language: kept(out / "answers" / key / f"{language}.json") for language in QUESTIONS}
        assert [len(rows[language]) for language in QUESTIONS] == [20, 19, 19]
        form = "Q: {} A:" if name == "chatty" else (
            "Below is an instruction that describes a task. Write a response that appropriately completes the request."
            "\n\n### Instruction:\n{}\n\n### Response:"
        )  # fmt: skip
        for row in [*rows["th"].values()][:4]:
            ids = tokenizer(form.format(row["prompt"]), return_tensors="pt")["input_ids"]
            made = model.generate(ids, do_sample=False, max_new_tokens=12)[0, ids.shape[1] :]
            assert tokenizer.decode(made, skip_special_tokens=True).strip() == row["answer"]
        cosines = [vector(model, tokenizer, rows["el"][k]["answer"]) @ vector(model, tokenizer, row["answer"])
                   for k, row in rows["th"].items() if k in rows["el"]]  # fmt: skip
        (record,) = (each for each in found["records"]
                     if (each["model"], each["pair"], each["layer"], each["measure"])
                     == (name, "el-th", 2, "answers_cosine"))  # fmt: skip
        assert (record["value"], record["n"]) == (pytest.approx(np.mean(cosines), abs=1e-5), 19)
        facts = found["signatures"][record["signature"]]
        assert facts["template"] == ("chat" if name == "chatty" else "alpaca")
        assert (facts["max_new_tokens"], facts["asked_in"]) == (12, "auto")
    before = contents(out)
    again = represent(*command, "--langs", "th,ta")
    assert (again.stdout, contents(out)) == (done.stdout, before)
    less = represent(*command, "--langs", "th")
    assert less.returncode == 0
    after = contents(out / "answers")
    assert all(after[name] == before[f"answers/{name}"] for name in after if name != "index.json"), "none asked again"


def kept(path: Path) -> dict[str, dict]:
    return {row["id"]: row for row in json.loads(path.read_text(encoding="utf-8"))}


def vector(model, tokenizer, text: str) -> np.ndarray:
    with torch.no_grad():
        states = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[-1][0].mean(0)
    return (states / states.norm()).numpy()


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_in_the_same_bytes(models, tmp_path) -> None:
    """kill -9 once a part of the answers is there, then once the states are begun."""
    given = instructions(tmp_path, 70)
    command = [f"hf:{models['bloom']}", "--langs", "th", *SENTENCES, "--answers", given, "--answer-tokens", "40",
               "--pairs", str(tmp_path / "pairs.tsv")]  # fmt: skip
    assert represent(*command, "-o", tmp_path / "whole").returncode == 0
    killed = tmp_path / "killed"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XLING_")}
    for pattern in ("answers/*/el.part*.json", "answers/*/th.part*.json"):
        process = subprocess.Popen([sys.executable, "-m", "xling_bench", "represent", *command, "-o", str(killed)],
                                   env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        started = time.monotonic()
        while process.poll() is None and not [*killed.glob(pattern)] and time.monotonic() - started < 200:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert represent(*command, "-o", killed).returncode == 0
    assert contents(killed) == contents(tmp_path / "whole")


@pytest.mark.parametrize(("change", "message"), [
    (["--answers", "hplt"], "--answers hplt is read from files: set XLING_DATA_DIR"),
    (["--answers", "hptl"], "Did you mean 'hplt'?"),
    (["--answers", "nowhere.{lang}"], "there is no file nowhere.el"),
    (["--answers", "ask.{lang}", "--langs", "th,ko", "--pairs", "ko.tsv"], "there is no file ask.ko"),
    (["--answers", "ask.{lang}", "--answer-tokens", "0"], "--answer-tokens 0: expected 1 or more"),
    (["--answers", "ask.{lang}", "--answer-tokens", "2048"], "do not fit llama, which takes 2048"),
    (["--answers", "ask.{lang}", "--answer-template", "chat"], "llama's tokenizer has no chat template"),
    (["--answers", "ask.{lang}", "--answer-template", "caht"], "Did you mean 'chat'?"),
    (["--answer-template", "afp"], "belong to --answers"),
    (["--answer-tokens", "4"], "belong to --answers"),
])  # fmt: skip
def test_refusals(change, message, models, tmp_path, monkeypatch) -> None:
    """One line, exit code 2, and no numbers."""
    monkeypatch.chdir(tmp_path)
    instructions(tmp_path)
    (tmp_path / "ko.tsv").write_text("el\tth\tko\na\tb\tc\nd\te\tf\n", encoding="utf-8")
    command = [f"hf:{models['llama']}", "--langs", "th", "--pairs", "pairs.tsv", *SENTENCES, "-o", "out"]
    done = represent(*command, *change)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "out" / "alignment.json").exists()
