"""The corrected Arabic and the segmented Unicode rules against values worked out by hand, and IndicQA's parts."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.benchmarks import expected
from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import UsageError
from xling_bench.metrics.metric import Answer
from xling_bench.metrics.qa import (
    exact,
    f1,
    indicqa_parts,
    normalize_mlqa,
    normalize_mlqa_corrected,
    normalize_squad,
)
from xling_bench.metrics.registry import score_text
from xling_bench.metrics.unicode import contains_unicode, normalize_unicode

ZWSP, RLM = "\u200b", "\u200f"

# (language, text, tokens): the rule's five steps done on paper.
TOKENS = [
    ("en", "The “Owl’s” a nest—an ’99 one.", ["owls", "nestan", "99", "one"]),  # quotes and dash go, then the, a
    ("en", "a\u0310 the", ["a\u0310"]),  # a with a mark is no article: MLQA's \b would leave the mark alone
    ("de", "Die Straße, der „Ä“-Weg", ["strasse", "äweg"]),  # die, der are articles; the hyphen is punctuation
    ("es", "¿La Coruña o el río?", ["coruña", "o", "río"]),  # ¿ is P*; la, el are articles
    ("vi", "Của những Người Việt…", ["người", "việt"]),  # both leading words are MLQA's articles
    ("ru", "«Москва» — столица", ["москва", "столица"]),  # guillemets and dash; no articles
    ("hi", "दिल्ली।", ["दिल्ली"]),  # the danda is Po
    ("hi", "क़िला", [unicodedata.normalize("NFC", "क\u093cिला")]),  # U+0958 and क + nukta: one word
    ("bn", "ঢাকা। রবীন্দ্রনাথ ঠাকুর", ["ঢাকা", "রবীন্দ্রনাথ", "ঠাকুর"]),  # danda; conjuncts stay whole words
    ("ta", "சென்னை, தமிழ்நாடு", ["சென்னை", "தமிழ்நாடு"]),
    ("te", "“హైదరాబాద్”", ["హైదరాబాద్"]),
    ("ar", "الكتاب، سالم؟", ["كتاب", "سالم"]),  # the article goes, ال inside سالم stays; Arabic , and ? are P*
    ("ar", f"{RLM}الف والكتاب", ["الف", "والكتاب"]),  # one letter after ال; ال after و; the direction mark goes
    ("zh", "在北京（IBM公司）。", ["在", "北", "京", "ibm", "公", "司"]),
    ("zh", "1997年7月1日", ["1997", "年", "7", "月", "1", "日"]),
    ("ja", "ラーメン屋の「日々」", ["ラ", "ー", "メ", "ン", "屋", "の", "日", "々"]),  # ー belongs to no script
    ("ja", "か\u309aIBM", ["か\u309a", "ibm"]),  # a mark without a composed form stays on its letter
    ("th", "กรุง น้ำ 5 kg.", ["ก", "รุ", "ง", "น้ำ", "5", "kg"]),  # clusters: ก|รุ|ง, น้ำ is one
    ("km", f"ភ្នំ{ZWSP}ពេញ", ["ភ្នំ", "ពេ", "ញ"]),
    ("my", "မာ", ["မာ"]),  # UAX 29 parts ာ from its consonant; a mark never stands alone
    ("tr", "İSTANBUL, Iğdır", ["istanbul", "ığdır"]),
    ("ko", "서울특별시", ["서울특별시"]),
    ("en", "北京 ", ["北京"]),  # characters are tokens in languages written without spaces only
    ("de", "", []),
    ("zh", "。、", []),
]


# (language, one writing, another): the same answer.
SAME = [
    ("en", "\u22125 °C", "-5 °C"),  # minus sign
    ("de", "–5", "-5"),  # an en dash for it
    ("en", "\u200e-5", "-5"),  # direction marks
    ("ar", "١٩٤٣", "1943"),
    ("hi", "१९४३", "1943"),
    ("th", "พ.ศ. ๒๕๖๐", "พศ 2560"),
    ("zh", "１９９７年", "1997年"),  # full-width digits
    ("ar", "٣٫٥", "3.5"),
    ("fa", "۱۲٬۰۰۰", "12,000"),
    ("en", "(1.5)", "1.5."),
    ("en", "1939–1945", "1939 - 1945"),
    ("de", "ﬁnden Ａ", "finden a"),  # ligature, full width
    ("ja", "ｶﾞﾗｽ", "ガラス"),  # half width
    ("hi", "बड\u093cा", "ब\u095cा"),  # a letter that NFC always takes apart
    ("ko", unicodedata.normalize("NFD", "서울"), "서울"),
    ("de", "STRASSE", "Straße"),  # full case folding
    ("el", "ΟΔΟΣ", "οδος"),  # final sigma
    ("ar", "اَلْكِتَابُ", "الكتاب"),  # short vowels
    ("ar", "الكتـــاب", "الكتاب"),  # tatweel
    ("fa", "می\u200cشود", "میشود"),  # ZWNJ
    ("bn", "র\u200d্যাব", "র্যাব"),  # ZWJ
    ("en", "İstanbul", "Istanbul"),
    ("tr", "İSTANBUL", "istanbul"),
    ("tr", "İstanbul".lower(), "istanbul"),  # Python's lower case of İ has two characters
    ("tr", "IĞDIR", "ığdır"),
    ("en", "it´s ❤\ufe0f", "it's ❤"),  # an accent for an apostrophe, a variation selector
    ("de", "Zu\u00adcker", "Zucker"),  # soft hyphen
    ("th", "น\u0e4d\u0e49า", "น้ำ"),  # am in two parts, the tone between
    ("uk", "п\u02bcять", "п'ять"),  # the letter apostrophe
    ("sw", "ng\u02bcombe", "ng’ombe"),
    ("en", "1E−5", "1e-5"),
]
# (language, one answer, another): not the same, though an official rule says so of most.
OTHER = [
    ("en", "15 million", "1.5 million"),
    ("de", "3,5", "35"),
    ("en", "-5", "5"),
    ("en", "−5", "5"),
    ("en", "-$5", "$5"),
    ("zh", "气温-5度", "气温5度"),
    ("ar", "٣٫٥", "٣٥"),
    ("en", ".5", "5"),
    ("en", "1/2", "12"),
    ("en", "½", "12"),
    ("en", "1½", "11 2"),
    ("en", "10²", "102"),
    ("en", "1:30", "130"),
    ("en", "1e-5", "1e5"),
    ("en", "1939-1945", "19391945"),
    ("en", "1.2.2020", "1.22020"),
    ("tr", "ılık", "ilik"),
]


@pytest.mark.parametrize(("language", "one", "other"), SAME)
def test_writings_of_one_answer_are_equal(language: str, one: str, other: str) -> None:
    rule = normalize_unicode(language)
    assert rule(one) == rule(other) != []
    assert exact(one, [other], rule) == contains_unicode(f"x {one} y", [other], rule) == 1.0


@pytest.mark.parametrize(("language", "one", "other"), OTHER)
def test_other_answers_are_not(language: str, one: str, other: str) -> None:
    rule = normalize_unicode(language)
    assert exact(one, [other], rule) == 0.0
    assert contains_unicode(one, [other], rule) == contains_unicode(other, [one], rule) == 0.0


def test_letters_before_a_hyphen_make_it_none_of_a_number() -> None:
    rule = normalize_unicode("en")
    assert rule("COVID-19 on Route-66") == ["covid19", "on", "route66"]
    assert rule("No. 5, then 6.") == ["no", "5", "then", "6"]


# What is found within an answer: language, answer, golds, the score.
WITHIN = [
    ("tr", "İstanbul'da doğdu", ["istanbul"], 1.0),
    ("en", "in 1943 or so", ["1942", "1943"], 1.0),  # any gold
    ("en", "15", ["5"], 0.0),
    ("en", "1e5", ["5"], 0.0),
    ("en", "1.5", ["5"], 0.0),
    ("en", "1.5", ["1"], 0.0),
    ("en", "5km, about", ["5"], 1.0),
    ("hi", "कि", ["क"], 0.0),  # a letter without its vowel sign
    ("zh", "在北京大学。", ["北京"], 1.0),
    ("en", "anything", ["。"], 0.0),
    ("en", "", ["。"], 1.0),
    ("en", "", [], 1.0),
    ("en", "anything", [], 0.0),
]


@pytest.mark.parametrize(("language", "answer", "golds", "score"), WITHIN)
def test_contains_by_hand(language: str, answer: str, golds: list[str], score: float) -> None:
    assert contains_unicode(answer, golds, normalize_unicode(language)) == score


@pytest.mark.parametrize("benchmark", ["xquad", "mlqa", "mlama", "indicqa"])
def test_every_benchmark_of_short_answers_has_the_rule_beside_its_official_one(benchmark: str) -> None:
    names = get_benchmark(benchmark).metrics["generate"]
    ours = [name for name in names if name.endswith("_unicode")]
    assert {"exact_unicode", "contains_unicode"} <= set(ours)
    same = score_text(ours, Answer(expected(benchmark, "hi"), "सन् १९४३।", ["सन् 1943"]))
    assert same == dict.fromkeys(ours, 1.0)
    assert score_text(["exact"], Answer(expected(benchmark, "hi"), "सन् १९४३", ["सन् 1943"])) == {"exact": 0.0}
    assert score_text(["exact_unicode", "exact"], Answer(expected(benchmark, "hi"), "1.5", ["15"])) == {
        "exact_unicode": 0.0,
        "exact": 1.0,
    }


def test_indicqa_abstains_by_our_rule_too() -> None:
    names = ["f1_unicode", "exact_unicode", "contains_unicode"]
    right = Answer(expected("indicqa", "hi"), "unanswerable", [], abstained=True)
    assert score_text(names, right) == dict.fromkeys(names, 1.0)
    assert score_text(names, Answer(expected("indicqa", "hi"), "मुंबई", [])) == dict.fromkeys(names, 0.0)


@pytest.mark.parametrize(("language", "text", "tokens"), TOKENS)
def test_unicode_tokens_by_hand(language: str, text: str, tokens: list[str]) -> None:
    rule = normalize_unicode(language)
    assert rule(text) == tokens
    assert rule(unicodedata.normalize("NFD", text)) == tokens


# (language, prediction, gold, exact, f1 = 2 * shared / (tokens of both))
SCORES = [
    ("hi", "दिल्ली।", "दिल्ली", 1.0, 1.0),  # 0 under XQuAD's English rule
    ("hi", "नई दिल्ली।", "दिल्ली", 0.0, 2 / 3),  # 1 of 2 against 1 of 1
    ("bn", "ঢাকা।", "ঢাকা", 1.0, 1.0),
    ("ta", "சென்னை நகரம்", "சென்னை", 0.0, 2 / 3),
    ("te", "హైదరాబాద్ నగరం!", "హైదరాబాద్", 0.0, 2 / 3),
    ("ru", "в «Москве»", "Москве", 0.0, 2 / 3),
    ("ar", "في الكتاب", "كتاب", 0.0, 2 / 3),  # في كتاب against كتاب
    ("de", "in der Stadt", "die Stadt", 0.0, 2 / 3),  # in stadt against stadt
    ("en", "An owl", "the Owl.", 1.0, 1.0),
    ("es", "los ríos", "ríos", 1.0, 1.0),
    ("vi", "những người Việt", "người Kinh", 0.0, 1 / 2),  # người việt against người kinh
    ("zh", "在北京大学。", "北京大学", 0.0, 8 / 9),  # 4 shared of 5 and 4
    ("ja", "東京都", "東京", 0.0, 4 / 5),  # 2 shared of 3 and 2
    ("th", "กรุงเทพ", "กรุง", 0.0, 2 * 3 / 9),  # ก รุ ง เ ท พ against ก รุ ง
    ("zh", "。", "北京", 0.0, 0.0),
    ("zh", "", "", 1.0, 0.0),  # as SQuAD v1.1 and MLQA: nothing against nothing is exact, yet shares no token
]


@pytest.mark.parametrize(("language", "prediction", "gold", "em", "score"), SCORES)
def test_unicode_scores_by_hand(language: str, prediction: str, gold: str, em: float, score: float) -> None:
    rule = normalize_unicode(language)
    assert exact(prediction, [gold], rule) == em
    assert f1(prediction, [gold], rule) == pytest.approx(score)


def test_any_code_of_a_language_and_no_other_word() -> None:
    assert normalize_unicode("zho_Hant")("臺北") == ["臺", "北"]
    with pytest.raises(UsageError, match="klingon"):
        normalize_unicode("klingon")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("سالم", ["سالم"]),  # official: س م
        ("خالد الكتاب", ["خالد", "كتاب"]),  # official: خ د كتاب
        ("اَلْكِتَاب", ["كِتَاب"]),  # short vowels on the article's own letters
        ("الف", ["الف"]),  # "thousand": one letter would be left
        ("الف.", ["الف"]),  # punctuation is no letter
        ("ال 99", ["ال", "99"]),  # the next word is not this word's rest
        ("\u0627\u0655لكترون", ["\u0627\u0655لكترون"]),  # إ written as alif and hamza below is no alif
        ("", []),
    ],
)
def test_corrected_arabic_by_hand(text: str, tokens: list[str]) -> None:
    assert normalize_mlqa_corrected("ar")(text) == tokens


@given(st.text(), st.sampled_from(["de", "en", "es", "hi", "vi", "zh"]))
def test_other_languages_keep_the_official_rule(text: str, language: str) -> None:
    assert normalize_mlqa_corrected(language)(text) == normalize_mlqa(language)(text)


def test_corrected_rule_knows_mlqas_languages_only() -> None:
    with pytest.raises(KeyError, match="fr"):
        normalize_mlqa_corrected("fr")


UNICODE = ["ar", "de", "en", "es", "hi", "vi", "zh", "th", "ja", "bn", "ta", "te", "ru", "tr", "my", "km"]
RULES = {
    "squad": normalize_squad,
    "mlqa ar": normalize_mlqa("ar"),
    "corrected ar": normalize_mlqa_corrected("ar"),
    **{code: normalize_unicode(code) for code in UNICODE},
}
# Letters, marks and punctuation of every language above, so that marks meet letters and articles more often.
ALPHABET = "".join(sorted({c for _, text, _ in TOKENS for c in unicodedata.normalize("NFD", text)}))
TEXTS = st.text() | st.text(ALPHABET)


@given(TEXTS, TEXTS, st.sampled_from(sorted(RULES)))
def test_exact_never_exceeds_f1_unless_both_are_empty(prediction: str, gold: str, name: str) -> None:
    rule = RULES[name]
    em, score = exact(prediction, [gold], rule), f1(prediction, [gold], rule)
    if rule(prediction) or rule(gold):
        assert em <= score <= 1.0
    else:
        assert (em, score) == (1.0, 0.0)  # SQuAD v1.1's own contradiction, kept
    assert em <= f1(prediction, [gold], rule, empty_matches=True)
    assert exact(gold, [gold], rule) == 1.0
    assert f1(gold, [gold], rule) == (1.0 if rule(gold) else 0.0)


@given(TEXTS, st.sampled_from(sorted(RULES)), st.text(" \t\n\u3000\u00a0"))
def test_outer_space_and_letter_case_change_nothing(text: str, name: str, space: str) -> None:
    rule = RULES[name]
    assert rule(space + text + space) == rule(text)
    other = text.swapcase()
    if name != "tr" and other.lower() == text.lower():  # not so for ß, ς and the like: Unicode's case is not one to one
        assert rule(other) == rule(text)


@given(st.text(ALPHABET.translate({ord(" "): None, ord(ZWSP): None})), st.sampled_from(UNICODE))
def test_no_mark_is_torn_from_its_letter(word: str, language: str) -> None:
    rule = normalize_unicode(language)
    tokens = rule("x" + word)
    assert not [token for token in tokens if unicodedata.category(token[0]).startswith("M")]
    assert tokens == rule("x" + unicodedata.normalize("NFD", word))


# (prediction, golds, abstained, scores) by SQuAD v2's rule.
PARTS = [
    ("मुंबई शहर", ["मुंबई"], False, {"f1": 2 / 3, "exact": 0, "f1_hasans": 2 / 3, "exact_hasans": 0}),
    ("मुंबई", ["दिल्ली", "मुंबई"], False, {"f1": 1, "exact": 1, "f1_hasans": 1, "exact_hasans": 1}),
    ("unanswerable", ["मुंबई"], True, {"f1": 0, "exact": 0, "f1_hasans": 0, "exact_hasans": 0}),
    ("unanswerable", [], True, {"f1": 1, "exact": 1, "acc_noans": 1}),
    ("", [""], False, {"f1": 1, "exact": 1, "acc_noans": 1}),
    ("मुंबई", [], False, {"f1": 0, "exact": 0, "acc_noans": 0}),
    # A gold the rule empties ("The") is left out where another is there: silence does not meet it.
    ("", ["The", "owl"], False, {"f1": 0, "exact": 0, "f1_hasans": 0, "exact_hasans": 0}),
]


@pytest.mark.parametrize(("prediction", "golds", "abstained", "scores"), PARTS)
def test_indicqa_parts_by_hand(prediction: str, golds: list[str], abstained: bool, scores: dict[str, float]) -> None:
    assert indicqa_parts(prediction, golds, abstained=abstained) == pytest.approx(scores)
    assert set(indicqa_parts(prediction, golds, abstained=abstained)) == set(scores)


def test_indicqa_parts_take_another_rule() -> None:
    assert indicqa_parts("दिल्ली।", ["दिल्ली"], abstained=False)["exact"] == 0.0
    assert indicqa_parts("दिल्ली।", ["दिल्ली"], abstained=False, rule=normalize_unicode("hi"))["exact"] == 1.0


# (benchmark, language, answer, right answers, abstained): scores by hand from the rules.
TABLE = [
    ("indicqa", "hi", "दिल्ली", ["दिल्ली"], False, {"f1": 1.0, "exact": 1.0, "f1_hasans": 1.0}),
    ("indicqa", "hi", "पता नहीं", ["दिल्ली"], True, {"f1": 0.0, "exact": 0.0, "exact_hasans": 0.0}),
    ("indicqa", "hi", "पता नहीं", [], True, {"f1": 1.0, "exact": 1.0, "acc_noans": 1.0}),
    ("indicqa", "hi", "दिल्ली", [], False, {"f1": 0.0, "exact": 0.0, "acc_noans": 0.0}),
    # MLQA's rule makes a blank of every ال, the corrected one of that at the start of a word: سالم keeps its own.
    ("mlqa", "ar", "سالم", ["س م"], False, {"f1": 1.0, "exact": 1.0, "f1_corrected": 0.0, "exact_corrected": 0.0}),
    ("mlqa", "ar", "الكتاب", ["كتاب"], False, {"f1": 1.0, "f1_corrected": 1.0}),
    # A Chinese answer to a Russian question is in the wrong language, digits in none: neither counts.
    ("xquad", "ru", "北京是中国的首都", ["Пекин"], False, {"f1": 0.0, "right_language": 0.0, "f1_right": None}),
    ("xquad", "ru", "1995", ["1995"], False, {"f1": 1.0, "right_language": None, "f1_right": None}),
    ("xquad", "ru", "Пекин - столица Китайской Народной Республики", ["Пекин"], False, {"right_language": 1.0}),
]


@pytest.mark.parametrize(("benchmark", "language", "text", "golds", "abstained", "scores"), TABLE)
def test_metrics_of_one_answer_do_not_take_each_others_scores(
    benchmark: str, language: str, text: str, golds: list[str], abstained: bool, scores: dict[str, float | None]
) -> None:
    """All computed of one answer, in either order, since what several need is computed once."""
    for names in (list(scores), list(reversed(scores))):
        answer = Answer(expected(benchmark, language), text, golds, abstained=abstained)
        assert score_text(names, answer) == {name: scores[name] for name in names if scores[name] is not None}
