"""QA scores against values worked out by hand from the official programs' rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.metrics.chrf import (
    chrf,
    chrf_signature,
    chrf_statistics,
    in_other_form,
)
from xling_bench.metrics.qa import (
    abstains,
    contains,
    exact,
    f1,
    normalize_mlqa,
    normalize_squad,
)

# (rule, prediction, gold, exact, f1): every line computed on paper from the rule's description.
CASES = [
    (normalize_squad, "The Panthers.", "Panthers", 1.0, 1.0),  # article and punctuation go
    (normalize_squad, "a big red fox", "red fox jumps", 0.0, 2 * (2 / 3) * (2 / 3) / (4 / 3)),  # big red fox / 3 tokens
    (normalize_squad, "दिल्ली।", "दिल्ली", 0.0, 0.0),  # the English rule keeps the danda: XQuAD's known flaw
    (normalize_squad, "", "", 1.0, 0.0),  # SQuAD v1.1: EM 1, F1 0
    (normalize_mlqa("de"), "in der Stadt Köln!", "Köln", 0.0, 2 * (1 / 3) * 1 / (4 / 3)),  # in stadt köln
    (normalize_mlqa("de"), "Die Donau", "donau", 1.0, 1.0),
    (normalize_mlqa("es"), "el río Ebro", "río Ebro", 1.0, 1.0),
    (normalize_mlqa("vi"), "của những người", "người", 1.0, 1.0),
    (normalize_mlqa("hi"), "दिल्ली।", "दिल्ली", 1.0, 1.0),  # MLQA removes Unicode punctuation
    (normalize_mlqa("zh"), "在北京大学。", "北京大学", 0.0, 2 * (4 / 5) * 1 / (9 / 5)),  # five characters, four shared
    (normalize_mlqa("zh"), "IBM公司", "IBM 公司", 1.0, 1.0),
    (normalize_mlqa("ar"), "الكتاب", "كتاب", 1.0, 1.0),
    (normalize_mlqa("en"), "an owl", "The owl", 1.0, 1.0),
]


@pytest.mark.parametrize(("rule", "prediction", "gold", "em", "score"), CASES)
def test_by_hand(rule, prediction: str, gold: str, em: float, score: float) -> None:
    assert exact(prediction, [gold], rule) == em
    assert f1(prediction, [gold], rule) == pytest.approx(score)


def test_official_arabic_rule_deletes_al_inside_words() -> None:
    # MLQA's expression turns سالم into س م and خالد into خ د (measured on the official program).
    assert normalize_mlqa("ar")("سالم") == ["س", "م"]
    assert normalize_mlqa("ar")("خالد") == ["خ", "د"]


def test_best_gold_counts_and_no_gold_means_abstaining() -> None:
    assert exact("owl", ["fox", "an owl"], normalize_squad) == 1.0
    assert exact("", [], normalize_squad) == 1.0
    assert exact("fox", [], normalize_squad) == 0.0
    assert f1("", [], normalize_squad, empty_matches=True) == 1.0
    assert f1("fox", [], normalize_squad, empty_matches=True) == 0.0


def test_contains_looks_for_the_first_gold_only() -> None:
    assert contains("It was Paris, I think", ["paris", "Lyon"]) == 1.0
    assert contains("It was Lyon", ["paris", "Lyon"]) == 0.0


@given(st.text(), st.text())
def test_exact_never_exceeds_f1_except_empty(prediction: str, gold: str) -> None:
    for rule in (normalize_squad, normalize_mlqa("zh"), normalize_mlqa("ar")):
        if rule(gold):
            assert exact(prediction, [gold], rule) <= f1(prediction, [gold], rule) + 1e-12
            assert exact(gold, [gold], rule) == 1.0


def test_chrf_adds_up_over_items() -> None:
    from sacrebleu.metrics import CHRF

    pairs = [("Das ist gut.", "Das ist sehr gut."), ("天气很好", "今天天气很好"), ("", "नमस्ते दुनिया")]
    ours = chrf([chrf_statistics(h, r) for h, r in pairs])
    theirs = CHRF(word_order=2).corpus_score([h for h, _ in pairs], [[r for _, r in pairs]]).score
    assert ours == pytest.approx(theirs)
    assert chrf([chrf_statistics("même texte", "même texte")]) == pytest.approx(100.0)


def test_the_normal_form_is_the_references() -> None:
    nfc, nfd = "caf\u00e9", "cafe\u0301"
    for hypothesis, reference, other in [
        (nfd, nfc, True), (nfc, nfd, True), (nfc, nfc, False), (nfd, nfd, False), (f"{nfc} {nfd}", nfc, True),
        ("cafe", nfd, False), (nfd, "cafe", False), ("\u095c", "\u0921\u093c", True), (nfd, "\u095c", False),
        ("", "", False),
    ]:  # fmt: skip
        assert in_other_form(hypothesis, reference) is other, (hypothesis, reference)
    assert chrf([chrf_statistics(nfd, nfc)]) < 100, "sacreBLEU's score stays what it is"


def test_chrf_signature_is_sacrebleus_own() -> None:
    from sacrebleu.metrics import CHRF

    metric = CHRF(word_order=2)
    metric.corpus_score(["a"], [["a"]])
    theirs = dict(part.split(":") for part in str(metric.get_signature()).split("|"))
    ours = dict(part.split("=") for part in chrf_signature().split(",")[1:])
    assert {"nrefs": ours.pop("nrefs"), **ours} == {name: theirs[name] for name in ("nrefs", *ours)}


def test_abstaining_is_seen_through_punctuation_and_case() -> None:
    answers = ("उत्तर देना संभव नहीं", "unanswerable")
    for text in ("उत्तर देना संभव नहीं।", "“उत्तर देना संभव नहीं”", " Unanswerable, ", "unanswerable"):
        assert abstains(text, answers)
    assert not abstains("it is unanswerable", answers)
    assert contains("", []) == 1.0
    assert contains("fox", []) == 0.0
