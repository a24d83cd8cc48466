"""Multilingual ROUGE against values worked out by hand, and what must hold in every language of XL-Sum."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.catalog import get_benchmark
from xling_bench.core import languages
from xling_bench.core.errors import MissingPackageError, UsageError
from xling_bench.data.sample import items
from xling_bench.metrics import xlsum_words as xlsum
from xling_bench.metrics.rouge import (
    OFFICIAL,
    SEGMENTED,
    Words,
    require_rouge,
    rouge,
    rouge_requirements,
    rouge_signature,
)
from xling_bench.metrics.segment import NLTK, SNOWBALL, tokens

XLSUM = get_benchmark("xlsum").languages
WORDS = pytest.mark.parametrize("words", [OFFICIAL, SEGMENTED], ids=["official", "segmented"])

# language, hypothesis, reference, rouge1, rouge2, rougeL. F1 of counts is 2 * matches / (hypothesis + reference).
CASES = [
    # the runner were run to the river (7) | a runner run to the river (6): 5 tokens, 3 pairs (run-to to-the the-river)
    ("en", "The runners were running to the river.", "A runner runs to the river!", 10 / 13, 6 / 11, 10 / 13),
    # die haus stand am fluss | das haus stand am fluss (Snowball writes ss for ß)
    ("de", "Die Häuser standen am Fluss.", "Das Haus stand am Fluß", 4 / 5, 3 / 4, 4 / 5),
    # Delhi in girl of study | Mumbai in girl of study: vowel signs stay in their words, लड़कियों and लड़की share a stem
    ("hi", "दिल्ली में लड़कियों की पढ़ाई।", "मुंबई में लड़की की पढ़ाई", 4 / 5, 3 / 4, 4 / 5),
    # 我们 在 北京大学 学习 | 他们 在 北京大学 工作
    ("zh", "我们在北京大学学习。", "他们在北京大学工作", 2 / 4, 1 / 3, 2 / 4),
    # วันนี้ อากาศ ดีมาก (3) | วันนี้ อากาศ ร้อน มาก (4): 2 tokens, 1 pair of 2 and 3
    ("th", "วันนี้อากาศดีมาก", "วันนี้อากาศร้อนมาก", 4 / 7, 2 / 5, 4 / 7),
    # 私 は 東京 の 大学 で 働く | 彼 は 東京 の 大学 で 学ぶ
    ("ja", "私は東京の大学で働く。", "彼は東京の大学で学ぶ", 5 / 7, 4 / 6, 5 / 7),
    ("bn", "আমি বাংলায় গান গাই।", "আমি বাংলায় কথা বলি", 2 / 4, 1 / 3, 2 / 4),
    ("ta", "நான் தமிழ் படிக்கிறேன்.", "நான் தமிழ் பேசுகிறேன்", 2 / 3, 1 / 2, 2 / 3),
    ("te", "నేను తెలుగు చదువుతాను.", "నేను తెలుగు మాట్లాడతాను", 2 / 3, 1 / 2, 2 / 3),
    # учен откр нов планет | учен откр нов звезд
    ("ru", "Учёные открыли новые планеты.", "учёный открыл новую звезду", 3 / 4, 2 / 3, 3 / 4),
    # article and plural ending go: مدرس يكتب كتب | مدرس تكتب كتاب
    ("ar", "المدرسون يكتبون الكتب،", "المدرسة تكتب كتاب", 1 / 3, 0.0, 1 / 3),
    # 8 and 7 syllables; là đô của việt nam are shared, and the pairs đô-của của-việt việt-nam of 7 and 6
    ("vi", "Hà Nội là thủ đô của Việt Nam.", "Huế là cố đô của Việt Nam", 10 / 15, 6 / 13, 10 / 15),
    # los niñ corr por las call | el niñ corr por la call: three letters are not stemmed
    ("es", "Los niños corrían por las calles.", "El niño corría por la calle", 4 / 6, 2 / 5, 4 / 6),
    # order: b and c swapped keeps all tokens, no pair, and a common subsequence of 3 of 4 (a b d)
    ("en", "aa bb cc dd", "aa cc bb dd", 1.0, 0.0, 3 / 4),
]


@pytest.mark.parametrize(("language", "hypothesis", "reference", "one", "two", "longest"), CASES)
def test_by_hand(language, hypothesis, reference, one, two, longest) -> None:
    expected = pytest.approx({"rouge1": one, "rouge2": two, "rougeL": longest})
    assert rouge(hypothesis, reference, language, SEGMENTED) == expected
    assert rouge(f"\n {hypothesis}\t", f"  {reference} \n", language, SEGMENTED) == expected
    assert rouge(hypothesis.upper().replace("SS", "ss"), reference.lower(), language, SEGMENTED) == expected


# text, tokens. The first five are what OpenNMT's aggressive tokenizer (pyonmttok 1.38) gives for the cleaned text.
TOKENS = [
    ("sw", "covid19 don't €5 5km, ₹100 😀ok", "covid 19 don t € 5 5 km ₹ 100 😀 ok"),
    ("bn", "বাংলা ১২৩abc", "বাংলা ১২৩ abc"),
    ("yo", "ẹ̀kọ́ y", "ẹ̀kọ́ y"),
    ("ko", "한국어를 123개", "한국어를 123 개"),
    ("uz", "o‘zbek a_b", "o zbek a b"),
    ("fa", "می\u200cشود", "میشود"),  # invisible joiners go, as XL-Sum's sanitiser has it
    ("vi", "Đài 北京 BBC", "đài 北 京 bbc"),  # Chinese characters stand alone
    ("am", "ሰላም፡ዓለም።", "ሰላም ዓለም"),
    # Syllables: ng with asat closes, kinzi and stacked k stay with the consonant before, a lone vowel stands alone.
    ("my", "မြန်မာနိုင်ငံ၊ အင်္ဂလိပ် ဥပမာ တက္ကသိုလ်", "မြန် မာ နိုင် ငံ အင်္ဂ လိပ် ဥ ပ မာ တက္က သိုလ်"),
    ("en", "", ""),
]


@pytest.mark.parametrize(("language", "text", "expected"), TOKENS)
def test_tokens(language: str, text: str, expected: str) -> None:
    assert tokens(text, language) == expected.split()


# What XL-Sum's program has otherwise: (language, text, its tokens).
OFFICIAL_TOKENS = [
    ("zh", "北京 大学", ["北京", " ", "大学"]),  # blanks that jieba and newmm return are tokens
    ("th", "วันนี้ อากาศ", ["วันนี้", " ", "อากาศ"]),
    ("id", "satu\x0bdua\x1ftiga empat\x00", ["satuduatiga", "empat"]),  # control characters go and glue
    ("en", "Only having runs", ["only", "having", "run"]),  # stop words are no stems: Snowball has onli, have
    ("pt", "estavam falando", ["estavam", "fal"]),
    ("hi", "लड़कियों कहानियाँ कर", ["लड़क", "कहान", "कर"]),  # its own suffixes, of tokens longer than three characters
    ("ur", "پروڈکشن \u0656ڈ", ["پروڈکشن", "\u0656", "ڈ"]),  # a mark after a blank is no letter
    ("ko", "日々 北a", ["日", "々", "北", "a"]),
    # asat before the dot, a break before the stacked pair, spaces lost, Latin letters one by one
    ("my", "ပစ္စည်း တို့ ab ကို\u1037\u103a", ["ပ", "စ္စည်း", "တို့", "a", "b", "ကို\u103a\u1037"]),
]


@pytest.mark.parametrize(("language", "text", "expected"), OFFICIAL_TOKENS)
def test_official_tokens(language: str, text: str, expected: list[str]) -> None:
    assert xlsum.tokens(text, language) == expected
    assert xlsum.tokens(f" {text.upper()}\n", language) == expected


@WORDS
@pytest.mark.parametrize("language", XLSUM)
def test_equal_texts_score_one_in_every_language_of_xlsum(language: str, words: Words) -> None:
    require_rouge(language, words)
    texts = [item.text.get(language, {}).get("summary") for item in items("xlsum")]
    found = languages.get(language)
    texts = [text for text in texts if text] or [f"{found.autonym} 2024, {found.autonym}!"]
    for text in texts:
        assert rouge(text, text, language, words) == {"rouge1": 1.0, "rouge2": 1.0, "rougeL": 1.0}
        assert rouge(f" {text}\n", text, language, words)["rougeL"] == 1.0
    assert rouge(texts[0], "", language, words) == {"rouge1": 0.0, "rouge2": 0.0, "rougeL": 0.0}


LETTERS = "abcß İıéд и й的學ไทยกา မ်တက္ကहिन ب한.,-'’\u200d\n 12"
TEXT = st.text(st.sampled_from(LETTERS), max_size=40) | st.text(max_size=20)


@given(TEXT, TEXT, st.sampled_from([*NLTK, *SNOWBALL, "zh", "ja", "th", "my", "bn", "ko"]))
@WORDS
def test_scores_are_f1_of_whatever_text(words: Words, hypothesis: str, reference: str, language: str) -> None:
    scores = rouge(hypothesis, reference, language, words)
    assert all(0 <= score <= 1 for score in scores.values())
    assert scores["rougeL"] <= scores["rouge1"] + 1e-12
    assert rouge(reference, hypothesis, language, words) == pytest.approx(scores)
    assert rouge(hypothesis, hypothesis, language, words)["rougeL"] == float(bool(words.tokens(hypothesis, language)))


def test_arabic_stems_do_not_depend_on_the_words_before() -> None:
    """nltk's Arabic stemmer keeps a flag: once it has seen أبحاثهم, it stems أسسوا to اسسو."""
    assert tokens("أسسوا أبحاثهم أسسوا", "ar") == ["اسس", "ابحاث", "اسس"]


def test_signature_names_words_segmenter_stemmer_and_what_is_unlike_the_official_program() -> None:
    assert rouge_signature("zh_hant").startswith(
        "rouge1+2+L,words=xlsum,seg=jieba-0.42.1,stem=none,scorer=rouge-score-"
    )
    assert rouge_signature("zh") == rouge_signature("zho_Hans") != rouge_signature("zh", SEGMENTED)
    assert "seg=fugashi-" in rouge_signature("ja")
    assert "+unidic-lite-" in rouge_signature("ja")
    assert "words=segmented,seg=words,stem=snowball-hindi-" in rouge_signature("hi", SEGMENTED)
    assert "words=xlsum,seg=words,stem=suffixes-hindi," in rouge_signature("hi")
    assert "-but-stop-words,scorer=" in rouge_signature("en")
    unlike = {language for language in XLSUM if "unlike-xlsum=" in rouge_signature(language)}
    assert unlike == set(XLSUM) & set(xlsum.UNLIKE) == {"ar", "bn", "ja"}
    assert not any("unlike" in rouge_signature(language, SEGMENTED) for language in XLSUM)


@pytest.mark.parametrize(("language", "absent"), [("th", "pythainlp"), ("ja", "unidic_lite"), ("tr", "TurkishStemmer")])
def test_an_absent_package_is_named_and_never_replaced(monkeypatch, language: str, absent: str) -> None:
    distribution = dict(rouge_requirements(language))[absent]
    monkeypatch.setattr("xling_bench.metrics.packages.find_spec", lambda name: None if name == absent else name)
    for ask in (require_rouge, rouge_signature):
        with pytest.raises(MissingPackageError, match=rf"{language} needs {distribution}, .*pip install '\.\[rouge\]'"):
            ask(language)
    require_rouge("my")


@pytest.mark.parametrize("language", ["km", "lo", "bo", "yue", "klingon"])
def test_a_language_without_segmenter_is_refused(language: str) -> None:
    with pytest.raises(UsageError):
        rouge_requirements(language)


@pytest.mark.long
def test_segmenters_are_silent_and_leave_no_file(tmp_path: Path) -> None:
    code = (
        "import sys; from xling_bench.metrics.rouge import rouge, rouge_requirements\n"
        "rouge_requirements('ja'), rouge_requirements('th')\n"
        "assert not {'jieba', 'pythainlp', 'fugashi', 'nltk', 'rouge_score'} & set(sys.modules)\n"
        "for key, text in {'zh': '北京大学', 'th': 'วันนี้อากาศ', 'ja': '東京の大学'}.items():\n"
        "    assert rouge(text, text, key)['rougeL'] == 1.0\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
