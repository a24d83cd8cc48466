"""Answers to parallel instructions: read, asked, kept, compared. The model here is a list of what it says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.core.errors import DataError, MissingDataError, UsageError
from xling_bench.core.unit import Unit
from xling_bench.represent.answer_similarity import Compared, similarities
from xling_bench.represent.answers import Answers, Asking
from xling_bench.represent.parallel_prompts import AFP_FORM, Prompts, asked, check_template, read_prompts, settled
from xling_bench.represent.retrieval import unit
from xling_bench.training.corpora.templates import template
from xling_bench.training.corpora.texts import Task, instruction_of

GERMAN = "Das ist eine ziemlich lange Antwort auf die Frage nach der Farbe des Hauses."
ENGLISH = "This is a rather long answer to the question about the colour of the house."
PROMPTS = Prompts("own", "en", {"en": {f"q{i}": f"What is {i}?" for i in range(40)},
                                "de": {f"q{i}": f"Was ist {i}?" for i in range(0, 40, 2)}})  # fmt: skip


def write(folder: Path, language: str, *lines: str) -> str:
    (folder / f"ask.{language}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder / "ask.{lang}.jsonl")


def row(key: str, prompt: str = "Why?") -> str:
    return json.dumps({"id": key, "prompt": prompt})


def test_instructions_are_joined_by_their_ids(tmp_path: Path) -> None:
    write(tmp_path, "en", row("a", "One?"), row("b", "Two?"), row("c"), row("d"))
    write(tmp_path, "hi", '{"id": "b", "prompt": "ये "बैच" है"}', row("d"), row("a"), row("z"))
    given = write(tmp_path, "de", row("c"), row("b"), row("a"))
    found = read_prompts(given, "en", ["hi", "de"])
    assert {key: list(rows) for key, rows in found.sides.items()} == {"en": [*"abcd"], "hi": [*"ad"], "de": [*"abc"]}
    assert found.notes == (
        "line 1 of ask.hi.jsonl is no JSON, so this instruction is not asked in hi",
        "left out: 1 instruction in hi with an id that en lacks, such as z",
    )
    first = read_prompts(given, "en", ["de"], 2)
    assert ({key: list(rows) for key, rows in first.sides.items()}, first.notes) == ({"en": [*"ab"], "de": [*"ab"]}, ())


@pytest.mark.parametrize(("lines", "error", "said"), [
    ([row("a"), row("a")], DataError, "line 2: the id 'a' stands there a second time"),
    ([row("a"), '{"id": "b"}'], DataError, "line 2: expected an object with texts `id` and `prompt`"),
    ([row("a"), row("b", " ")], DataError, "line 2: expected an object with texts"),
    ([row("a"), "[]"], DataError, "line 2: expected an object"),
    ([row("y"), row("z"), row("a")], DataError, "de shares 1 instruction with en, by `id`; expected 2 or more"),
])  # fmt: skip
def test_files_that_are_none(tmp_path: Path, lines: list[str], error: type[Exception], said: str) -> None:
    write(tmp_path, "en", row("a"), row("b"))
    given = write(tmp_path, "de", *lines)
    with pytest.raises(error, match=said):
        read_prompts(given, "en", ["de"])
    with pytest.raises(MissingDataError, match=r"there is no file .*ask\.fr\.jsonl"):
        read_prompts(given, "en", ["fr"])
    with pytest.raises(UsageError, match=r"'hplr': Did you mean 'hplt'\? Expected hplt, or a name with \{lang\}"):
        read_prompts("hplr", "en", ["de"])


def test_templates() -> None:
    """AFP's is what our training learns to answer, but for the space that a response begins with."""
    learnt = (
        instruction_of(template("afp"), "", Task("Was ist das?", "", ""), "de", Task("", "", "Tee"), "de")
        .filled()
        .prompt
    )
    assert asked("afp", None, "Was ist das?", "de") + " " == learnt
    assert AFP_FORM.endswith(":")
    alpaca = instruction_of(template("alpaca"), "", Task("Was?", "", ""), "de", Task("", "", "Tee"), "de").filled()
    assert asked("alpaca", None, "Was?", "de") == alpaca.prompt
    plain, chat = SimpleNamespace(chat_template=None), SimpleNamespace(chat_template="{{ x }}")
    assert [settled(None, plain, "m"), settled(None, chat, "m"), settled("afp", chat, "m")] == ["alpaca", "chat", "afp"]
    with pytest.raises(UsageError, match="m's tokenizer has no chat template; give alpaca or afp"):
        settled("chat", plain, "m")
    with pytest.raises(UsageError, match="Did you mean 'alpaca'"):
        check_template("alpacca")


class Model:
    """Answers by rule; `fails` at a batch. It has what `Answers.write` asks of a loaded model."""

    rows, max_length, generation_config = 100, 4096, {}
    tokenizer = SimpleNamespace(chat_template=None, eos_token_id=2, eos_token="</s>")  # noqa: S106

    def __init__(self, fails: int = 99) -> None:
        self.batches, self.fails = [], fails

    def start_afresh(self) -> None:
        """Nothing is kept."""

    def check_known(self, *_: object) -> None:
        """All are."""

    def tok_encode(self, text: str) -> list[int]:
        return [3] * len(text)

    def texts(self, batch: list) -> list[str]:
        if len(self.batches) == self.fails:
            raise KeyboardInterrupt
        self.batches.append([context for context, _ in batch])
        return [self.say(context.partition("Instruction:\n")[2].partition("\n")[0]) for context, _ in batch]

    @staticmethod
    def say(prompt: str) -> str:
        number = int(prompt.rsplit(maxsplit=1)[-1].strip("?"))
        if number % 8 == 0 and prompt.startswith("Was"):
            return " \n"
        if number % 8 == 4:
            return f"{number}."
        return f" {number}: {GERMAN if prompt.startswith('Was') and number % 8 == 2 else ENGLISH}"


def test_what_was_kept_is_not_made_again(tmp_path: Path) -> None:
    """Broken off at each batch and gone on, the files are those of one go; each answer is made once."""
    asking = Asking(PROMPTS)
    whole, model = Answers(tmp_path / "whole", asking), Model()
    whole.write(model, "m", lambda _: None)
    assert [len(batch) for batch in model.batches] == [16, 16, 8, 16, 4]
    content = {path.name: path.read_bytes() for path in whole.folder.iterdir()}
    assert content.keys() == {"en.json", "de.json", "asked.json"}
    for fails in range(5):
        broken, made = Answers(tmp_path / str(fails), asking), []
        for model in (Model(fails), Model()):
            try:
                broken.write(model, "m", lambda _: None)
            except KeyboardInterrupt:
                assert broken.missing() == (["en", "de"] if fails < 3 else ["de"])
            made += [context for batch in model.batches for context in batch]
        assert {path.name: path.read_bytes() for path in broken.folder.iterdir()} == content
        assert len(made) == len(set(made)) == 60
    (whole.folder / "de.json").write_text("[{}]", encoding="utf-8")
    (whole.folder / "en.part0000.json").write_text("[]", encoding="utf-8")
    assert whole.missing() == ["de"]
    assert not (whole.folder / "en.part0000.json").exists()


def test_empty_answers_and_languages_that_cannot_be_told(tmp_path: Path) -> None:
    """Of 20 German answers 5 are empty, 5 are numbers, 5 English and 5 German; of 40 English ones 5 are numbers."""
    answers = Answers(tmp_path, Asking(PROMPTS))
    answers.write(Model(), "m", lambda _: None)
    compared = Compared(answers)
    assert len(compared.shared("de")) == 15
    assert [(each.pair, each.value, each.n, each.low is None) for each in compared.languages()] == [
        ("en", 1.0, 35, False), ("de", 0.5, 10, False),
    ]  # fmt: skip
    assert list(compared.notes()) == [
        "of 40 answers in en 5 are in no language that can be told, and count neither way in answers_own_language",
        "5 of 20 answers in de are empty, and in no pair",
        "of 15 answers in de 5 are in no language that can be told, and count neither way in answers_own_language",
    ]
    numbers = {key: [float(text.partition(":")[0].strip(" .")) for text in texts]
               for key, texts in answers.sides.items()}  # fmt: skip
    found = list(compared.by_layer(lambda key, layer: states(numbers[key], layer), [0, 3], lambda _: None))
    assert {(each.layer, each.measure, each.pair) for each in found} >= {(3, "answers_retrieval_weak", "de-en")}
    assert {each.n for each in found} == {15}
    same = [each.value for each in found if each.measure in ("answers_cosine", "answers_retrieval_weak")]
    assert same == pytest.approx([1.0] * 6), "the same instruction's answers are one number, wherever they stand"


def states(numbers: list[float], layer: int) -> np.ndarray:
    return np.array([[math.cos(n + layer), math.sin(n + layer)] for n in numbers], np.float32)


@given(st.integers(0, 10_000), st.integers(2, 9))
def test_definitions_the_long_way(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    ours = rng.normal(size=(n, 5)) + 0.5
    theirs = ours + rng.normal(size=(n, 5))
    found = similarities(Unit.of("en", "de"), unit(ours), unit(theirs))
    cos = np.array([[x @ y / np.linalg.norm(x) / np.linalg.norm(y) for y in theirs] for x in ours])
    rest = [[cos[i, j] for j in range(n) if j != i] + [cos[j, i] for j in range(n) if j != i] for i in range(n)]
    assert found["en-de", "answers_cosine"] == pytest.approx(np.diag(cos))
    assert found["en-de", "answers_cosine_other"] == pytest.approx(np.mean(rest, 1))
    off = (cos.sum() - np.trace(cos)) / (n * (n - 1))
    assert found["en-de", "answers_cosine_other"].mean() == pytest.approx(off), "of any two different instructions"
    for way, table in (("en-de", cos), ("de-en", cos.T)):
        nearest = [all(table[i, i] > table[i, j] for j in range(n) if j != i) for i in range(n)]
        assert found[way, "answers_retrieval_weak"].tolist() == nearest


def test_what_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"instruction q\d+ in en: \d+ tokens and 4000 for the answer do not fit m"):
        Answers(tmp_path, Asking(PROMPTS, tokens=4000)).write(Model(), "m", lambda _: None)
    with pytest.raises(UsageError, match="--answer-tokens 0: expected 1 or more"):
        Asking(PROMPTS, tokens=0).check()
