"""Rows that a model cannot learn from, by its tokenizer: found before the first update, all of them and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xling_bench.core.errors import DataError
from xling_bench.training.corpora import load
from xling_bench.training.recipe import Recipe
from xling_bench.training.screening import FULL, NOTHING, SPECIAL, Screening

KNOWN = ("a", "b", "<s>", "Answer", "in", "English:", "German:", "Translate", "into", "=", "<unk>")
TEXTS = st.lists(st.sampled_from(["a", "b", "<s>", "x", "y"]), min_size=1, max_size=7).map(" ".join)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), min_size=3, max_size=8)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Of these words, and nothing for x and y; of special tokens `<s>`. It ends no text."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(KNOWN)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106
    words.normalizer = normalizers.Sequence([normalizers.Replace(letter, "") for letter in "xy"])
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>")  # noqa: S106 - no password


def recipe(p_src: float, learn: str, length: int) -> Recipe:
    files = {"en": "en.txt", "de": "de.txt"}
    pairs = {"kind": "moses", "name": "p", "files": files, "translation": True}
    tasks = {"kind": "alpaca", "name": "t", "files": {"en": "en.json", "de": "de.json"}}
    data = {"pairs": [pairs], "instructions": [tasks], "languages": ["en", "de"], "decontaminate": [], "p_src": p_src,
            "reverse": 0.5}  # fmt: skip
    run = {"pairs": 2, "instructions": 2, "length": length, "pair_length": 4}
    found = {"name": "r", "model": {"path": "m"}, "data": data, "run": run, "method": {"learn": learn}}
    return Recipe.model_validate_json(json.dumps(found))


def write(folder: Path, rows: list[tuple[str, ...]]) -> None:
    for at, language in enumerate(("en", "de")):
        (folder / f"{language}.txt").write_text("".join(f"{row[at]}\n" for row in rows), encoding="utf-8")
        tasks = [{"instruction": row[at], "input": "", "output": row[2 + at]} for row in rows]
        (folder / f"{language}.json").write_text(json.dumps(tasks), encoding="utf-8")


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from(["response", "text"]), st.sampled_from([6, 9, 64]))
def test_what_is_left_can_be_learnt_and_what_is_not_cannot(tokenizer, tmp_path_factory, rows, p_src, learn, length):
    """Every draw of a long run has something to learn; every row that is left out has a draw that has not."""
    folder = tmp_path_factory.mktemp("rows")
    write(folder, rows)
    chosen = recipe(p_src, learn, length)
    screen = Screening(chosen, tokenizer, 1)
    whole = load(chosen.data, seed=3, root=folder)
    try:
        left = load(chosen.data, seed=3, root=folder, screen=screen)
    except DataError:  # nothing is left of a stream, or of a language
        left = whole
    special = {tokenizer.bos_token_id}
    vectors = {text: set(tokenizer(text)["input_ids"][:4]) - special for row in rows for text in row[:2]}
    if left is not whole and left.pairs and whole.pairs:
        drawn = {left.pairs[i].id for i in range(5 * len(left.pairs))}
        assert drawn == {row.id for row in whole.pairs if vectors[row.source] and vectors[row.target]}
    if left is not whole and left.instructions:
        samples = [left.instructions[i] for i in range(30 * len(left.instructions))]
        assert all(screen._why(each) == "" for each in samples)


def test_why_and_where(tokenizer, tmp_path: Path) -> None:
    """By reason, the first three places of each: a response in German is German's fault, a long prompt its own."""
    rows = [("a", "b", "a", "b")] * 2 + [(f"a {'a ' * n}", f"b {'b ' * n}", "a", "b") for n in range(3)]
    rows += [("x", "b", "a b", "y"), ("<s> x", "a", "a", "a"), ("a " * 9, "b a", "a", "a")]
    write(tmp_path, rows)
    chosen = recipe(0.5, "response", 9)
    report = load(chosen.data, seed=0, root=tmp_path, screen=Screening(chosen, tokenizer, 1)).report["unlearnable"]
    assert report["pairs"] == {
        NOTHING: {"count": 1, "first": ["en.txt, line 6"]},
        SPECIAL: {"count": 1, "first": ["en.txt, line 7"]},
    }
    assert report["instructions"] == {
        NOTHING: {"count": 1, "first": ["de.json, row 6"]},
        FULL: {"count": 1, "first": ["en.json, row 8"]},
    }
    assert report["translations"] == {
        NOTHING: {"count": 1, "first": ["en.txt, line 6"]},
        FULL: {"count": 1, "first": ["en.txt, line 8"]},
    }
