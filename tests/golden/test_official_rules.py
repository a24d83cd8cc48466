"""The official question-answering rules, written anew from their descriptions, against ours on random answers.

SQuAD v1.1 (Rajpurkar et al. 2016), SQuAD v2 (2018), MLQA (Lewis et al. 2020). Nothing of `metrics.qa` is used.
"""

import random
import string
import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby

import pytest

from xling_bench.benchmarks import expected as expected_of
from xling_bench.metrics.metric import Answer
from xling_bench.metrics.registry import score_text

ENGLISH = {"a", "an", "the"}
ARTICLES = {
    "en": ENGLISH,
    "es": {"un", "una", "unos", "unas", "el", "la", "los", "las"},
    "vi": {"của", "là", "cái", "chiếc", "những"},
    "de": {"ein", "eine", "einen", "einem", "eines", "einer", "der", "die", "das", "den", "dem", "des"},
}
MLQA = ("ar", "de", "en", "es", "hi", "vi", "zh")
Tokens = Callable[[str], list[str]]


def without_articles(text: str, articles: set[str]) -> str:
    """Whole words of letters and digits that are articles become a blank, wherever they end: before a mark, too."""
    runs = ("".join(run) for _, run in groupby(text, str.isalnum))
    return "".join(" " if run in articles else run for run in runs)


def squad_tokens(text: str) -> list[str]:
    bare = text.lower().translate(dict.fromkeys(map(ord, string.punctuation)))
    return without_articles(bare, ENGLISH).split()


def mlqa_tokens(language: str) -> Tokens:
    def tokens(text: str) -> list[str]:
        kept = [c for c in text.lower() if c not in string.punctuation and unicodedata.category(c)[0] != "P"]
        bare = without_articles("".join(kept), ARTICLES.get(language, set()))
        if language == "ar":
            bare = " ".join(bare.split("ال"))
        if language != "zh":
            return bare.split()
        pieces = ["".join(run) for _, run in groupby(bare, lambda c: "\u4e00" <= c <= "\u9fa5")]
        return [token for piece in pieces for token in (piece if "\u4e00" <= piece[0] <= "\u9fa5" else piece.split())]

    return tokens


def overlap(said: list[str], gold: list[str]) -> float:
    left = list(gold)
    shared = 0
    for token in said:
        if token in left:
            left.remove(token)
            shared += 1
    return 2 * shared / (len(said) + len(gold)) if shared else 0.0


def first_version(said: str, golds: Sequence[str], tokens: Tokens) -> dict[str, float]:
    """SQuAD v1.1 and MLQA: the best gold; equal when nothing is left of either, without overlap."""
    pairs = [(tokens(said), tokens(gold)) for gold in golds]
    return {"exact": max(float(a == b) for a, b in pairs), "f1": max(overlap(a, b) for a, b in pairs)}


def second_version(said: str, golds: Sequence[str]) -> dict[str, float]:
    """SQuAD v2: golds of which nothing is left do not count; without any, only an empty answer is right."""
    left = [gold for gold in map(squad_tokens, golds) if gold] or [[]]
    answer = squad_tokens(said)
    f1 = max(overlap(answer, gold) if answer and gold else float(answer == gold) for gold in left)
    return {"exact": max(float(answer == gold) for gold in left), "f1": f1}


PIECES = [
    *sorted(ENGLISH.union(*ARTICLES.values())),
    *("ال", "الكتاب", "سالم", "خالد", " ال", "\u0651", "\u0640", "٣", "दिल्ली", "।", "कि", "क\u093c", "१९"),
    *("北京", "大学", "龥", "龦", "㐀", "日々", "ラ", "？", "，", "。", "、", "５", "Ａ", "ﬁ"),
    *("Hà Nội", "nội", "la\u0300", "é", "e\u0301", "ß", "ẞ", "İ", "ı", "Ä", "owl", "Owls", "A", "THE", "An", "x"),
    *("1", "5", "1.5", "-5", "−5", "3,5", "x²", "½", "a-b", "the-owl", "o’clock", "it's", "_", "a_b", "·", "“", "”"),
    *("—", "–", "¿", "«", "$", "€", "+", "°", "|", "<", "\u200b", "\u200c", "\u200d", "\u200f", "\ufeff", "\u00ad"),
    *(" ", " ", " ", "  ", "\t", "\n", "\u00a0", "\u3000", "\u2028", "\x1f", "\x00", "😀"),
]  # fmt: skip


def texts(rng: random.Random) -> tuple[str, list[str]]:
    """An answer and one to three golds that share some of its pieces."""
    pieces = rng.choices(PIECES, k=rng.choice([0, 1, 1, 2, 3, 4, 6, 9]))
    golds = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        gold = [p for p in pieces if rng.random() < 0.8] + rng.choices(PIECES, k=rng.choice([0, 0, 0, 1, 2, 4]))
        if rng.random() < 0.3:
            rng.shuffle(gold)
        golds.append(rng.choice(["", " "]).join(gold))
    return rng.choice(["", " "]).join(pieces), golds


def check(items: int) -> None:
    rng = random.Random(20261128)  # noqa: S311
    right = {"squad-v1.1": 0.0, "squad-v2": 0.0, "mlqa": 0.0}
    for number in range(items):
        said, golds = texts(rng)
        unanswerable = golds if rng.random() < 0.8 else []
        language = MLQA[number % len(MLQA)]
        for name, benchmark, gold, expected in (
            ("squad-v1.1", "xquad", golds, first_version(said, golds, squad_tokens)),
            ("squad-v2", "indicqa", unanswerable, second_version(said, unanswerable)),
            ("mlqa", "mlqa", golds, first_version(said, golds, mlqa_tokens(language))),
        ):
            found = score_text(["exact", "f1"], Answer(expected_of(benchmark, language), said, gold))
            assert found == pytest.approx(expected, abs=1e-12), (name, language, said, gold)
            right[name] += found["f1"]
    assert all(0.3 < total / items < 0.9 for total in right.values()), (
        "answers that are all right or wrong test nothing"
    )


def test_a_thousand_random_answers_are_scored_as_officially() -> None:
    check(1000)


@pytest.mark.slow
def test_ten_thousand_random_answers_are_scored_as_officially() -> None:
    check(10_000)
