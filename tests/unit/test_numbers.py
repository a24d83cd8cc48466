"""The number of an answer: found and read by our rule, whatever the language writes it like."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.benchmarks import expected
from xling_bench.metrics.answer_number import answer_of, values
from xling_bench.metrics.metric import Answer
from xling_bench.metrics.reasoning import reasoning_shares, sentences
from xling_bench.metrics.registry import score_text

SAID = [
    ("en", "5 + 6 = 11. The answer is 11.", 11),
    ("en", "The answer is 18 dollars per day. She has 3 ducks.", 18),
    ("en", "The answer is 9 * 2 = 18.", 18),
    ("en", "So the answer is \\boxed{1,200}", 1200),
    ("en", "#### 42", 42),
    ("en", "She earns $18.00", 18),
    ("en", "1,234.50", "1234.5"),
    ("en", "10 - 3", 3),
    ("en", "It is -5", -5),
    ("en", "The answer is not known, perhaps 4", 4),
    ("de", "Die Antwort ist 70.000 Euro.", 70000),
    ("de", "Die Antwort lautet 1.234,5.", "1234.5"),
    ("de", "The answer is 8. Wirklich: 9", 8),
    ("fr", "La réponse est 1\u202f200 euros.", 1200),
    ("es", "son 3, 4 y 12.", 12),
    ("ja", "5+6=11。答えは１１です。", 11),
    ("zh", "答案是 2，125。还有 3 个", 2125),
    ("bn", "উত্তর হল ১১।", 11),
    ("bn", "১,২০,০০০", 120000),
    ("th", "คำตอบคือ ๑๑", 11),
    ("ru", "Ответ — 5.", 5),
    ("te", "సమాధానం 11.", 11),
    ("sw", "Jibu ni 1,000,000", 1000000),
]


@pytest.mark.parametrize(("language", "text", "value"), SAID)
def test_the_number_is_found_and_read(language: str, text: str, value: object) -> None:
    assert Decimal(str(value)) in answer_of(text, language)


def test_what_is_no_number_and_what_another() -> None:
    assert answer_of("", "en") == answer_of("eleven, I think", "en") == frozenset()
    assert answer_of("15", "en").isdisjoint(answer_of("1.5", "en"))
    assert values("1.200") == {Decimal("1.2"), Decimal(1200)}
    assert values("0.125") == {Decimal("0.125")}
    assert values("3.14") == {Decimal("3.14")}
    # lm-eval's rule takes 1.5 for 15 and does not know native digits; ours is held apart from it by name.
    names = ["exact_number", "lmeval_flexible"]
    for language, text, ours, theirs in (("en", "1.5", 0.0, 1.0), ("bn", "১৫", 1.0, 0.0), ("en", "15.00", 1.0, 0.0)):
        found = score_text(names, Answer(expected("mgsm", language), text, ["15"]))
        assert found == {"exact_number": ours, "lmeval_flexible": theirs}


@given(
    number=st.integers(-(10**7), 10**7),
    other=st.integers(0, 99),
    mark=st.sampled_from([",", ".", "\u202f", "\u00a0", "'", ""]),
    cue=st.sampled_from(["", "Die Antwort lautet ", "The answer is "]),
)
def test_thousands_may_be_parted_in_any_way(number: int, other: int, mark: str, cue: str) -> None:
    text = f"Zuerst {other} Stück. {cue}{number:,}".replace(",", mark)
    assert Decimal(number) in answer_of(text, "de")


ENGLISH = "She starts with sixteen eggs and eats three of them for breakfast every morning."
GERMAN = "Sie beginnt mit sechzehn Eiern und isst jeden Morgen drei davon zum Frühstück."
FRENCH = "Elle commence avec seize œufs et en mange trois chaque matin au petit déjeuner."


def test_the_language_of_reasoning_is_a_share_of_what_can_be_decided() -> None:
    mixed = reasoning_shares(f"{GERMAN} 16 - 3 = 13. {ENGLISH}\n{FRENCH}\n13 * 2 = 26", "de")
    assert mixed.target is not None
    assert mixed.english is not None
    assert mixed.other is not None
    assert mixed.target + mixed.english + mixed.other == pytest.approx(1)
    letters = [sum(map(str.isalpha, text)) for text in (GERMAN, ENGLISH, FRENCH)]
    assert mixed.target == pytest.approx(letters[0] / sum(letters))
    assert mixed.letters == sum(letters)
    assert reasoning_shares(GERMAN, "de")[:3] == (1, 0, 0)
    assert reasoning_shares(ENGLISH, "en")[:3] == (1, 1, 0)
    assert reasoning_shares("5 + 6 = 11", "de")[:3] == (None, None, None)
    assert reasoning_shares("ok 11", "de").undecided == 2


def test_where_the_language_is_not_recognised_english_still_is() -> None:
    mixed = reasoning_shares(f"{ENGLISH} {GERMAN}", "ee")
    assert (mixed.target, mixed.other, mixed.undecided) == (None, None, 0)
    letters = [sum(map(str.isalpha, text)) for text in (ENGLISH, GERMAN)]
    assert mixed.english == pytest.approx(letters[0] / sum(letters))
    assert reasoning_shares(ENGLISH, "ee").english == 1.0
    assert reasoning_shares(GERMAN, "ee").english == 0.0


def test_short_sentences_are_taken_with_the_next() -> None:
    assert sentences("Ja. Nein. Also gut, das sind dreizehn Eier.") == ["Ja. Nein. Also gut, das sind dreizehn Eier."]
    assert sentences("16.50 Euro") == ["16.50 Euro"]
    assert sentences("5 + 6") == []
