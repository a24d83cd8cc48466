"""Bilingual lexicon induction: precision@1 by CSLS, against its definition written out, and the files of words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xling_bench.core.errors import MissingDataError, UsageError
from xling_bench.represent.induction import precision
from xling_bench.represent.retrieval import unit
from xling_bench.training.corpora.word_pairs import read_lexicons


def test_precision_is_that_of_the_definition() -> None:
    """Lample et al. 2018, Equation 3, word by word; several translations, of which one is enough."""
    random = np.random.default_rng(0)
    candidates = unit(random.normal(size=(25, 6)))
    words = unit(np.concatenate([candidates, candidates[:15]]) + 0.4 * random.normal(size=(40, 6)))
    right = [sorted({x % 25, *random.choice(25, size=2)}) for x in range(40)]
    cosine = words @ candidates.T
    ours = [np.mean(sorted(row)[-10:]) for row in cosine]
    theirs = [np.mean(sorted(column)[-10:]) for column in cosine.T]
    expected = []
    for x in range(len(words)):
        scores = [2 * cosine[x, y] - ours[x] - theirs[y] for y in range(len(candidates))]
        expected.append(float(int(np.argmax(scores)) in right[x]))
    assert list(precision(words, candidates, right)) == expected
    assert 0 < sum(expected) < len(expected)
    assert list(precision(candidates, candidates, [[y] for y in range(25)])) == [1.0] * 25
    twins = np.concatenate([candidates, candidates])
    assert not precision(candidates, twins, [[y] for y in range(25)]).any(), "a tie with a wrong word is no success"


def test_words_are_the_first_of_their_files(tmp_path: Path) -> None:
    """XLing-Eval's either way round; a language without a file is named; a name needs its place for languages."""
    for one, other, text in (
        ("en", "de", "dog\tHund\ndog\tKöter\ncat\tKatze\nsun\tSonne\n"),
        ("fi", "en", "koira\tdog\nhauva\tdog\nkissa\tcat\n"),
    ):
        folder = tmp_path / "dictionaries" / "xling_eval" / f"{one}-{other}"
        folder.mkdir(parents=True)
        (folder / f"yacle.test.freq.2k.{one}-{other}.tsv").write_text(text, encoding="utf-8")
    found = read_lexicons("xling-eval", ["en", "de", "fi", "th"], pivot="en", root=tmp_path, limit=2)
    assert {str(pair): (each.words, each.candidates, each.right) for pair, each in found.pairs.items()} == {
        "en-de": (("dog", "cat"), ("Hund", "Köter", "Katze"), ((0, 1), (2,))),
        "en-fi": (("dog", "cat"), ("koira", "hauva", "kissa"), ((0, 1), (2,))),
    }
    assert found.no_data == ("th",)
    (tmp_path / "own-th.txt").write_text("dog\tหมา\n", encoding="utf-8")
    own = read_lexicons("own-{lang}.txt", ["en", "th", "de"], pivot="en", root=tmp_path, limit=9)
    assert (list(map(str, own.pairs)), own.no_data) == (["en-th"], ("de",))
    assert own.hash != found.hash
    with pytest.raises(UsageError, match=r"with \{lang\}"):
        read_lexicons("own.txt", ["en", "th"], pivot="en", root=tmp_path, limit=9)
    with pytest.raises(MissingDataError, match=r"no file for sw with en in .*codogogo/xling-eval"):
        read_lexicons("xling-eval", ["en", "sw"], pivot="en", root=tmp_path, limit=9)
