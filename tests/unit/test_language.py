"""Wrong-language decisions: hand-made texts in many scripts, the declarations, the missing library."""

import unicodedata
from importlib import metadata, util

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xling_bench.catalog import task_specs
from xling_bench.core import languages
from xling_bench.core.errors import UsageError
from xling_bench.metrics import langid
from xling_bench.metrics.language import (
    identifier,
    indistinguishable,
    language_requirements,
    language_signature,
    line_pass,
    right_language,
    word_pass,
)

ENGLISH = "The committee said on Monday that the new treatment was not yet available in most of the hospitals."
RIGHT = {
    "el": "Η επιτροπή ανακοίνωσε τη Δευτέρα ότι η νέα θεραπεία δεν είναι ακόμη διαθέσιμη.",
    "he": "הוועדה הודיעה ביום שני שהטיפול החדש עדיין אינו זמין ברוב בתי החולים.",
    "th": "คณะกรรมการกล่าวเมื่อวันจันทร์ว่าการรักษาแบบใหม่ยังไม่มีในโรงพยาบาลส่วนใหญ่",
    "ja": "委員会は月曜日に、新しい治療法はまだほとんどの病院で利用できないと述べた。",
    "zh": "委员会星期一表示，大多数医院还没有这种新疗法。",
    "zh_hant": "委員會星期一表示，大多數醫院還沒有這種新療法。",
    "ko": "위원회는 월요일에 새로운 치료법이 아직 대부분의 병원에서 제공되지 않는다고 말했다.",
    "ta": "புதிய சிகிச்சை இன்னும் பெரும்பாலான மருத்துவமனைகளில் கிடைக்கவில்லை என்று குழு கூறியது.",
    "ka": "კომიტეტმა ორშაბათს განაცხადა, რომ ახალი მკურნალობა ჯერ არ არის ხელმისაწვდომი.",
    "hy": "Հանձնաժողովը երկուշաբթի օրը հայտարարեց, որ նոր բուժումը դեռ հասանելի չէ։",
    "bn": "কমিটি সোমবার বলেছে যে নতুন চিকিৎসা এখনও বেশিরভাগ হাসপাতালে পাওয়া যায় না এবং পরে আসবে।",
    "ps": "کمېټې د دوشنبې په ورځ وویل چې نوې درملنه لا تر اوسه په ډېرو روغتونونو کې نشته او وروسته به راشي.",
    "ar": "قالت اللجنة يوم الاثنين إن العلاج الجديد غير متوفر بعد في معظم المستشفيات.",
    "fa": "این کمیته روز دوشنبه اعلام کرد که درمان جدید هنوز در بیشتر بیمارستان‌ها در دسترس نیست.",
    "hi": "समिति ने सोमवार को कहा कि नया उपचार अभी तक अधिकांश अस्पतालों में उपलब्ध नहीं है।",
    "ne": "नयाँ उपचार अझै धेरै अस्पतालमा उपलब्ध छैन र पछि मात्र आउने छ भनेर समितिले सोमबार भन्यो।",
    "ru": "Комитет заявил в понедельник, что новое лечение пока недоступно в большинстве больниц.",
    "uk": "Комітет заявив у понеділок, що нове лікування поки що недоступне в більшості лікарень.",
    "de": "Der Ausschuss erklärte am Montag, dass die neue Behandlung in den meisten Kliniken noch fehlt.",
    "vi": "Ủy ban cho biết hôm thứ Hai rằng phương pháp điều trị mới vẫn chưa có ở hầu hết các bệnh viện.",
    "sw": "Kamati ilisema siku ya Jumatatu kwamba matibabu hayo mapya bado hayapatikani katika hospitali nyingi.",
    "tr": "Komite pazartesi günü yeni tedavinin henüz çoğu hastanede bulunmadığını açıkladı.",
    "gl": "O comité dixo o luns que unha nova terapia aínda non está dispoñible na maioría dos hospitais.",
    "en": ENGLISH,
}
CODE = "def add(first, second):\n    return first + second\n\nprint(add(1, 2))"


@pytest.mark.long
@pytest.mark.parametrize("language", list(RIGHT))
def test_a_sentence_is_in_its_language_and_in_no_other(language: str) -> None:
    assert line_pass(RIGHT[language], language) is True
    assert line_pass(unicodedata.normalize("NFD", RIGHT[language]), language) is True, "combining marks"
    for other, text in RIGHT.items():
        if {language, other} != {"zh", "zh_hant"} and language != other:
            assert line_pass(text, language) is not True, (language, other)
    if language != "en":
        assert right_language(ENGLISH, language) is False, "a translation copied from the English source"
        assert right_language(ENGLISH, language, ENGLISH) is False, "allowing the source's words does not allow it all"


@pytest.mark.parametrize(
    "text", ["", " \n\t", "1984", "12.5 %, 3-4", "…!?", "😀", "12\n\n34", "https://example.org/a/b"]
)
@pytest.mark.parametrize("language", ["el", "en", "zh", "ja", "ps", "fa", "hi", "ne"])
def test_nothing_to_decide(text: str, language: str) -> None:
    assert line_pass(text, language) is None
    assert word_pass(text, language) is None
    assert right_language(text, language) is None


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Denver Broncos", "de", None),  # too short for lingua
        ("Denver Broncos", "el", None),  # a name may stay as it is
        ("Αθήνα", "el", True),
        ("三", "zh", True),
        ("東京大学", "ja", None),  # as Chinese as Japanese
        ("東京の大学", "ja", True),
        ("東京の大学", "zh", None),
        ("委员会星期一表示大多数医院没有", "ja", False),
        ("这家公司叫「ソニー」，总部在东京，成立于一九四六年，是一家很大的公司", "zh", None),
        ("ㄅㄆㄇ", "zh_hant", True),
        ("أحمد", "ar", None),
        (CODE, "th", False),
        (CODE, "el", False),
        ("Microsoft", "ko", None),
        (ENGLISH.upper(), "ru", False),
        (RIGHT["de"] + "\n\n" + ENGLISH, "de", False),
        (RIGHT["de"] + "\n1984\n", "de", True),
        ("Executive Vice President of Football Operations und General Manager", "de", None),
        (RIGHT["bn"], "as", False),
        (RIGHT["ne"], "hi", False),
        (RIGHT["fa"], "ps", False),
    ],
)
def test_lines(text: str, language: str, expected: bool | None) -> None:
    assert line_pass(text, language) is expected


@pytest.mark.parametrize(
    ("text", "language", "allowed", "expected"),
    [
        (RIGHT["el"], "el", "", True),
        (RIGHT["el"] + " treatment", "el", "", False),
        (RIGHT["el"] + " treatment", "el", "A new Treatment.", True),
        (RIGHT["el"] + " Facebook NATO km pH iPhone", "el", "", True),
        (RIGHT["th"] + "hospitalครับ", "th", "", False),
        (RIGHT["th"] + " www.hospital.org x@y.de", "th", "", True),
        (RIGHT["ru"] + " 委员会", "ru", "", False),
        (RIGHT["ko"] + " 中", "ko", "", True),
        (RIGHT["ja"] + " лечение", "ja", "", False),
        (ENGLISH, "el", "", None),
        (RIGHT["de"], "de", "", None),
        (RIGHT["de"] + " лечение", "de", "", None),
    ],
)
def test_words(text: str, language: str, allowed: str, expected: bool | None) -> None:
    assert word_pass(text, language, allowed) is expected
    if expected is False:
        assert right_language(text, language, allowed) is False


@settings(max_examples=60)
@given(
    language=st.sampled_from(list(RIGHT)),
    source=st.sampled_from(list(RIGHT)),
    before=st.text("0123456789 .,;:!?()«»\t"),
    after=st.text("0123456789 .,;:!?()«»\n"),
)
def test_digits_punctuation_and_outer_space_change_nothing(language, source, before, after) -> None:
    text = RIGHT[source]
    changed = before + " " + text + " " + after
    assert line_pass(changed, language) is line_pass(text, language)
    assert word_pass(changed, language) is word_pass(text, language)


@settings(max_examples=60)
@given(text=st.text(max_size=80), language=st.sampled_from(["ja", "zh", "ko", "el", "ps", "as", "am"]))
def test_any_text_is_decided_the_same_twice(text: str, language: str) -> None:
    assert right_language(text, language) in (True, False, None)
    assert right_language(text, language) is right_language("\n" + text + "\n", language)


def test_every_answer_language_is_declared_once() -> None:
    answers = {spec.answer_language.key for spec in task_specs().values() if spec.kind == "generate"}
    assert {*langid.DECIDED_BY, *langid.FACTS["varieties"]} == answers
    answers -= langid.FACTS["varieties"].keys()
    listed = [key for keys in langid.FACTS["decided_by"].values() for key in keys.split()]
    assert len(listed) == len(set(listed))
    scripts = [languages.get(key).script for key in answers]
    for key, how in langid.DECIDED_BY.items():
        script = languages.get(key).script
        if how == "script":
            assert scripts.count(script) == 1, key
        if how in ("words", "lingua"):
            assert key in langid.candidates(script) or langid.FACTS["accepted"][key]
        if how == "unsupported":
            assert identifier(key) is None
            assert key not in langid.candidates(script)
    for name in ("accepted", "required", "lacked", "not_told_apart"):
        for key, listed_keys in langid.FACTS[name].items():
            assert identifier(key) is not None, (name, key)
            if name in ("accepted", "not_told_apart"):
                assert all(languages.registry()[other] for other in listed_keys.split())


def test_varieties_are_recognised_as_their_language() -> None:
    answers = {spec.answer_language for spec in task_specs().values() if spec.kind == "generate"}
    assert set(langid.FACTS["varieties"]) == {each.key for each in answers if each.region}
    for key, of in langid.FACTS["varieties"].items():
        assert languages.get(key).region
        assert languages.get(key).iso639_3 == languages.get(of).iso639_3
        assert identifier(key) == identifier(of)
        assert language_signature(key) == language_signature(of)
        assert key not in indistinguishable(key)
    assert set(indistinguishable("pt_br")) >= {"pt_pt"}
    assert line_pass(RIGHT["sw"], "sw_ke") is True
    assert line_pass(ENGLISH, "sw_ke") is False


def test_words_contrast_both_ways() -> None:
    words = {tuple(pair.split("-")): set(listed.split()) for pair, listed in langid.FACTS["words"].items()}
    for (a, b), listed in words.items():
        assert listed
        assert listed.isdisjoint(words[b, a]), (a, b)


def test_candidates_are_all_of_linguas_languages() -> None:
    import lingua

    keys = {languages.get(language.iso_code_639_1.name).key for language in lingua.Language.all()}
    for script in langid.FACTS["candidates"]:
        assert set(langid.candidates(script)) == {key for key in keys if languages.get(key).script == script}


def test_unsupported_languages_are_never_guessed() -> None:
    for key in ("am", "ha", "uz", "fo"):
        assert identifier(key) is None
        assert line_pass(ENGLISH, key) is None
        assert word_pass(ENGLISH, key) is None
        assert language_signature(key) == "unsupported"
        language_requirements(key)
    with pytest.raises(UsageError, match="unknown language"):
        identifier("klingonese")


def test_signatures_say_what_decides() -> None:
    assert language_signature("el") == "lid=script,min=20,rule=1"
    assert language_signature("ps").startswith("lid=letters,facts=")
    version = metadata.version("lingua-language-detector")
    assert language_signature("deu_Latn").startswith(f"lid=lingua-{version},candidates=49/")
    assert "as=bs" in language_signature("hr")
    assert language_signature("ne").startswith(f"lid=words+lingua-{version},")
    assert len({language_signature(key) for key in ("de", "hr", "es", "pt", "gl", "ru", "kk", "hi", "mr", "ne")}) == 10


def test_a_missing_library_is_an_error_not_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    for call in (language_requirements, language_signature, lambda key: right_language(ENGLISH, key)):
        with pytest.raises(UsageError, match=r"pip install '\.\[langid\]'"):
            call("de")
    assert line_pass(RIGHT["el"], "el") is True, "scripts need no library"
    assert line_pass(RIGHT["ps"], "ps") is True


def test_codes_of_any_kind_are_understood() -> None:
    assert identifier("jpn_Jpan") == identifier("ja")
    assert line_pass(RIGHT["ja"], "Japanese") is True
    assert indistinguishable("he") == ("yi",)
