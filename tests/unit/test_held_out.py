"""Sentences that are measured on the way: which of them training texts hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.core.errors import DataError
from xling_bench.core.unit import Unit
from xling_bench.represent.corpus import Corpus
from xling_bench.training.corpora.contamination import Checker, Index, Place
from xling_bench.training.corpora.held_out import held_out

EN = ("one two", "three four five", "six seven", "eight nine ten eleven")
DE = ("eins zwei", "drei vier", "sechs sieben", "acht neun zehn elf")
SHARED = Corpus("own", "own", "en", {"en": EN, "de": DE}, {Unit.of("en", "de"): ("en", "de")}, shared=True)


def test_a_row_goes_by_either_of_its_languages() -> None:
    """Whole but for case and marks; three words are a piece here, so a longer text holds the last one."""
    found = held_out(SHARED, ["Sechs: sieben!", "x eight nine ten y"], limit=9, words=3)
    assert (found.corpus.sides, found.in_training) == ({"en": EN[:2], "de": DE[:2]}, 2)
    assert held_out(SHARED, ["one", "zwei drei vier x"], limit=3, words=3).corpus.sides == {"en": EN[:3], "de": DE[:3]}
    with pytest.raises(DataError, match="of own's 4 sentences in en-de, training texts hold all but 1"):
        held_out(SHARED, [*EN[:2], DE[2]], limit=9, words=3)


def test_pairs_with_sentences_of_their_own_lose_their_own() -> None:
    sides = {"en.de": EN, "de": DE, "en.es": EN[::-1], "es": ("uno", "dos", "tres", "cuatro")}
    pairs = {Unit.of("en", "de"): ("en.de", "de"), Unit.of("en", "es"): ("en.es", "es")}
    found = held_out(Corpus("own", "own", "en", sides, pairs, shared=False), ["uno"], limit=9, words=3)
    assert found.corpus.sides == {**sides, "en.es": EN[2::-1], "es": ("dos", "tres", "cuatro")}
    assert found.in_training == 1


@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(" ".join), max_size=4))
def test_what_is_left_is_what_the_check_for_contamination_does_not_find(texts: list[str]) -> None:
    """The same rule as of test splits, seen from the other side: one sentence at a time as an evaluation text."""
    en, de = ("a b c d", "d c", "b", "z"), ("a a", "d d d", "c b a", "z")
    corpus = Corpus("own", "own", "en", {"en": en, "de": de}, SHARED.pairs, shared=True)
    left = []
    for row in range(4):
        index = Index(3)
        for text in (en[row], de[row]):
            index.add(text, Place("", "", "", ""))
        if not any(Checker([index], 3).hits(text) for text in texts):
            left.append(row)
    if len(left) < 2:
        with pytest.raises(DataError):
            held_out(corpus, texts, limit=9, words=3)
        return
    found = held_out(corpus, texts, limit=9, words=3).corpus.sides
    assert found == {"en": tuple(en[row] for row in left), "de": tuple(de[row] for row in left)}
