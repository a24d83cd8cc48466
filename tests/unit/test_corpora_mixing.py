"""Code-mixing: what is replaced and what never is, how often, and what is said where it cannot be."""

import re
import sys
import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parallel_files import config, streams, task, write_json, write_lines
from pydantic import ValidationError

from xling_bench.core.errors import DataError, MissingDataError, MissingPackageError, UsageError
from xling_bench.dictionaries import read_file
from xling_bench.training.corpora import load
from xling_bench.training.corpora.mixing import Counts, Words, mix
from xling_bench.training.corpora.templates import template
from xling_bench.training.recipe import resolve

KNOWN = {"dog": ("Hund", "Köter"), "barks": ("bellt",), "Rome": ("Rome",), "The": ("Der",)}
# Words with the punctuation, spaces and line ends that real texts have around them.
EDGES = st.text(alphabet="()«»\"'.,!?;:-–#*¿。،", max_size=3)
TOKENS = st.tuples(EDGES, st.sampled_from(["dog", "Dog", "barks", "Rome", "The", "the", "x1", "dog's", ""]), EDGES)
TEXTS = st.lists(st.tuples(TOKENS, st.sampled_from([" ", "  ", "\n", "\t", "\n\n"])), max_size=20).map(
    lambda found: "".join("".join(token) + space for token, space in found)
)
PUNCTUATION = {chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "P"}
PUNCTUATION |= set("$+<=>^`|~")  # what ASCII has besides
KEYS = st.integers(0, 2**64 - 1)


@given(text=TEXTS, rate=st.sampled_from([0.0, 0.3, 0.9, 1.0]), key=KEYS)
def test_only_words_of_the_dictionary_change(text, rate, key) -> None:
    """White space and punctuation stay letter for letter, words without an entry too; look-up heeds case."""
    done = mix(text, Words(KNOWN), rate, key)
    assert re.findall(r"\s+", done) == re.findall(r"\s+", text)
    assert mix(text, Words(KNOWN), rate, key) == done
    for before, after in zip(text.split(), done.split(), strict=True):
        core = re.sub(r"^[^\w]+|[^\w]+$", "", before)
        lead, _, trail = before.partition(core) if core else (before, "", "")
        put = after.removeprefix(lead).removesuffix(trail) if core else ""
        assert after == lead + put + trail
        assert put == core or put in KNOWN.get(core, ())


@given(text=TEXTS, key=KEYS)
def test_at_rate_1_all_that_is_known_is_replaced_and_at_0_nothing(text, key) -> None:
    counts, none = Counts(), Counts()
    assert mix(text, Words(KNOWN), 0.0, key, none) == text
    mix(text, Words(KNOWN), 1.0, key, counts)
    words = [re.sub(r"^[^\w]+|[^\w]+$", "", word) for word in text.split()]
    assert counts.words == none.words == sum(map(bool, words))
    assert counts.known == counts.replaced == sum(word in KNOWN for word in words)
    assert counts.changed == counts.replaced - words.count("Rome")
    assert (none.known, none.replaced, none.changed) == (counts.known, 0, 0)


@settings(max_examples=25)
@given(rate=st.floats(0.05, 0.95), coverage=st.floats(0.1, 1), key=KEYS)
def test_the_realised_rate_is_alpha_times_coverage(rate, coverage, key) -> None:
    words = [f"k{i}" if i % 100 < 100 * coverage else f"u{i}" for i in range(3000)]
    counts = Counts()
    mix(" ".join(words), Words({f"k{i}": ("x", "y") for i in range(3000)}), rate, key, counts)
    share = counts.known / counts.words
    assert share == pytest.approx(coverage, abs=0.011)
    deviation = (counts.known * rate * (1 - rate)) ** 0.5 / counts.words
    assert counts.replaced / counts.words == pytest.approx(rate * share, abs=6 * deviation + 1e-9)


def test_every_translation_of_a_word_is_drawn_alike() -> None:
    drawn = Counter(mix(" ".join(["dog"] * 3000), Words(KNOWN), 1.0, 5).split())
    assert set(drawn) == {"Hund", "Köter"}
    assert abs(drawn["Hund"] - 1500) < 165  # standard deviation 27


def test_languages_without_spaces_are_parted_by_a_segmenter() -> None:
    """Stand-in for one; spaces part a word that is put in from letters, and only from these."""
    split = {
        "我爱你，狗。": ["我", "爱", "你", "，", "狗", "。"],
        "狗狗": ["狗", "狗"],
        "abc": ["ab", "zz"],
    }.__getitem__
    words = Words({"爱": ("love",), "狗": ("dog",), "ab": ("x",)}, split)
    assert mix("我爱你，狗。 狗狗", words, 1.0, 1) == "我 love 你，dog。 dog dog"
    assert mix("abc", words, 1.0, 1) == "x c", "what a segmenter leaves out stays"
    assert mix("我爱你，狗。", words, 0.0, 1) == "我爱你，狗。"


# --- through `load` --------------------------------------------------------------------------------------------------

ASK = {"instruction": "Say what the dog does.", "input": "The dog, in Rome", "output": "The dog barks!"}
ALPACA = {"kind": "alpaca", "files": {"en": "en.json"}, "name": "alpaca"}
TO_PIVOT = {"rate": 1.0, "direction": "to-pivot"}
DICTIONARIES = {"de": "en-de.txt", "fr": "en-fr.txt"}


@pytest.fixture
def english(tmp_path):
    """English tasks, dictionaries from English to German and French, German and French texts."""
    write_json(tmp_path / "en.json", [ASK | {"input": f"The dog, in Rome {i}"} for i in range(40)])
    (tmp_path / "en-de.txt").write_text("The Der\ndog Hund\nbarks bellt\nBelow Unten\nSay Sag\n", encoding="utf-8")
    (tmp_path / "en-fr.txt").write_text("dog\tchien\nhound\tchien\nbarks\taboie\n", encoding="utf-8")
    write_lines(tmp_path, de=["Der Hund bellt."] * 1 + [f"Hund {i}" for i in range(9)], fr=["chien aboie", "chien"])
    return tmp_path


def commit(root, seed=0, languages=("en", "de"), **more):
    given = {"instructions": [ALPACA], "instructions_in": "pivot", "p_src": 1, "template": "alpaca",
             "dictionaries": DICTIONARIES, "languages": languages}  # fmt: skip
    return load(config(**given | {"mix": {"rate": 1.0}} | more), seed=seed, root=root)


def test_tasks_are_mixed_before_the_template_is_filled(english) -> None:
    """COMMIT: instruction, input and output; the template has words of the dictionary and keeps them."""
    found = commit(english).instructions[0]
    number = re.search(r"Rome (\d+)", found.prompt).group(1)
    task_ = {"instruction": "Sag what the Hund does.", "input": f"Der Hund, in Rome {number}", "language": "English"}
    assert found.prompt == template("alpaca").with_input.format(**task_)
    assert found.response == "Der Hund bellt!"
    naive = commit(english, mix={"rate": 1.0, "template": True}).instructions[0]
    assert naive.prompt.startswith("Unten is an instruction")
    assert naive.response == "Der Hund bellt!"


def test_languages_are_drawn_by_weight_and_rows_are_mixed_anew(english) -> None:
    both = commit(english, languages=("en", "de", "fr"), mix={"rate": 1.0, "weights": {"de": 1, "fra": 3}})
    drawn = Counter("chien" in both.instructions[i].response for i in range(800))
    assert abs(drawn[True] - 600) < 75  # standard deviation 12
    half = commit(english, mix={"rate": 0.5}).instructions
    again = commit(english, mix={"rate": 0.5}).instructions
    epochs = [{half[i].prompt: half[i].response for i in range(start, start + 40)} for start in (0, 40)]
    assert epochs[0] != epochs[1], "mixed anew each epoch"
    assert [half[i] for i in (79, 3, 41)] == [again[i] for i in (79, 3, 41)], "a function of the number"
    assert list(half) != list(commit(english, seed=1, mix={"rate": 0.5}).instructions)
    for one in (*half, *again):
        assert "### Instruction:" in one.prompt


def test_texts_are_mixed_to_the_pivot_with_the_dictionary_turned_round(english) -> None:
    """COMMIT's alignment beforehand: what two English words translate to is drawn between them."""
    texts = [{"kind": "text", "files": {"de": "x.de", "fr": "x.fr"}}]
    given = {"instructions": [], "texts": texts, "languages": ("en", "de", "fr"), "instructions_in": "all"}
    found = commit(english, **given, mix=TO_PIVOT)
    assert "The dog barks." in {one.response for one in found.instructions}
    french = {found.instructions[i].response for i in range(400) if found.instructions[i].source_language == "fr"}
    assert french == {"dog barks", "hound barks", "dog", "hound"}
    turned = commit(english, **given, mix=TO_PIVOT, dictionaries_from="pivot")
    assert list(turned.instructions) == list(found.instructions)
    assert found.report["mixing"]["languages"]["fr"]["entries"] == 2
    (english / "fr-en.txt").write_text("chien dog\naboie barks\n", encoding="utf-8")
    (english / "de-en.txt").write_text("Hund dog\n", encoding="utf-8")
    own = {"dictionaries": {"de": "de-en.txt", "fr": "fr-en.txt"}, "dictionaries_from": "others"}
    straight = commit(english, **given, **own, mix=TO_PIVOT)
    assert {one.response for one in straight.instructions if one.source_language == "fr"} == {"dog barks", "dog"}


def test_translations_are_mixed_with_the_language_that_they_are_of(english) -> None:
    write_lines(english, en=[f"The dog {i}" for i in range(20)], nl=[f"De hond {i}" for i in range(20)],
                fr=[f"Le chien {i}" for i in range(20)])  # fmt: skip
    pairs = [{"kind": "lines", "files": {"en": "x.en", "fr": "x.fr"}, "name": "lines"}]
    found = commit(english, instructions=[], pairs=pairs, languages=("en", "fr", "de"), translation=True,
                   template="tlm", instructions_in="all").instructions  # fmt: skip
    assert {re.sub(r"\d+", "", one.prompt + one.response) for one in found} == {"The chien  = Le chien "}
    kept = commit(english, instructions=[], pairs=pairs, languages=("en", "fr"), translation=True, template="tlm",
                  texts=[{"kind": "text", "files": {"en": "x.en"}}], mix={"rate": 1, "uses": ["texts"]})  # fmt: skip
    assert all("dog" in one.prompt for one in kept.instructions if one.prompt)
    assert all("chien" in one.response for one in kept.instructions if not one.prompt)


def test_what_was_mixed_is_reported_by_language(english) -> None:
    report = commit(english).report["mixing"]
    assert (report["rate"], report["draws"]) == (1.0, 40)
    german = report["languages"]["de"]
    assert german["file"] == "en-de.txt"
    assert (german["entries"], german["pairs"], german["same"]) == (5, 5, 0)
    per_row = 5 + 5 + 3  # words of instruction, input and output
    assert (german["words"], german["known"], german["replaced"]) == (40 * per_row, 40 * 7, 40 * 7)
    assert german["segmenter"] == "white space"
    assert streams(english, languages=("en",), instructions=[ALPACA], p_src=1).report["mixing"] is None


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"dictionaries": {"de": "none.txt"}}, MissingDataError, "no file none.txt"),
        ({"dictionaries": {}, "languages": ("en", "nl")}, MissingDataError, "no dictionary from English to nl"),
        (
            {"dictionaries": {}, "languages": ("en", "nl", "sv")},
            MissingDataError,
            "(?s)no dictionary from English to nl.*no dictionary from English to sv",
        ),
        (
            {"dictionaries": {"de": "none.txt", "fr": "nor.txt"}, "languages": ("en", "de", "fr")},
            MissingDataError,
            "(?s)2 of the data's 3 files are not .*dictionaries: none.txt, nor.txt",
        ),
        (
            {"dictionaries_from": "others"},
            DataError,
            "none of .* words of the texts is in the dictionary from en to de",
        ),
        (
            {"mix": TO_PIVOT},
            DataError,
            "none of the first 40 texts can be mixed to pivot",
        ),
        ({"mix": {"rate": 1.0, "uses": ["texts"]}}, DataError, "none of the first 40 texts can be mixed"),
        ({"mix": {"rate": 1.5}}, ValidationError, "less than or equal to 1"),
        ({"languages": ("en",)}, ValidationError, "expected languages beside the pivot, en, to mix with"),
        ({"mix": {"rate": 1.0, "weights": {"fr": 1}}}, ValidationError, "'fr' is not one of the languages en, de"),
        ({"mix": {"rate": 1.0, "weights": {"en": 1}}}, ValidationError, "expected languages beside the pivot"),
        ({"mix": {"rtae": 1.0}}, ValidationError, "rtae"),
    ],
)
def test_what_cannot_be_mixed_is_one_error(english, more, error, said) -> None:
    with pytest.raises(error, match=said):
        commit(english, **more)


def test_a_segmenter_that_is_missing_is_named(english, monkeypatch) -> None:
    write_lines(english, th=["สุนัขเห่า"], lo=["ໝາເຫົ່າ"])
    (english / "en-th.txt").write_text("dog\tสุนัข\n", encoding="utf-8")
    (english / "en-lo.txt").write_text("dog\tໝາ\n", encoding="utf-8")

    def aligned(key, **mix_):
        texts = [{"kind": "text", "files": {key: f"x.{key}"}}]
        return commit(english, instructions=[], texts=texts, languages=("en", key), instructions_in="all",
                      dictionaries={key: f"en-{key}.txt"}, mix=TO_PIVOT | mix_)  # fmt: skip

    with pytest.raises(UsageError, match="words of Lao are not parted by spaces, and there is no segmenter for it"):
        aligned("lo")
    with pytest.raises(DataError, match="none of 1 words"):
        aligned("lo", segment=False)
    monkeypatch.setattr("xling_bench.metrics.packages.find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"code-mixing texts in Thai needs pythainlp, .*\[rouge\]"):
        aligned("th")


def test_thai_and_chinese_are_segmented(english) -> None:
    write_lines(english, th=["ฉันรักสุนัข"], zh=["我喜欢狗。"])
    (english / "en-th.txt").write_text("dog\tสุนัข\nlove\tรัก\n", encoding="utf-8")
    (english / "en-zh.txt").write_text("dog\t狗\n", encoding="utf-8")
    texts = [{"kind": "text", "files": {"th": "x.th", "zh": "x.zh"}}]
    found = commit(english, instructions=[], texts=texts, languages=("en", "th", "zh"), instructions_in="all",
                   dictionaries={"th": "en-th.txt", "zh": "en-zh.txt"}, mix=TO_PIVOT)  # fmt: skip
    assert {one.response for one in found.instructions} == {"ฉัน love dog", "我喜欢 dog。"}
    assert found.report["mixing"]["languages"]["th"]["segmenter"].startswith("pythainlp-")


def test_what_is_in_neither_language_stays(english) -> None:
    """Instructions in French, and German to mix with."""
    write_json(english / "fr.json", [task("fr", i) for i in range(5)])
    french = {"kind": "alpaca", "files": {"fr": "fr.json"}}
    texts = [{"kind": "text", "files": {"en": "en-fr.txt"}}]
    mix_ = {"rate": 1.0, "weights": {"de": 1}}
    found = commit(english, instructions=[french], texts=texts, instructions_in="others", languages=("en", "de", "fr"),
                   mix=mix_)  # fmt: skip
    assert {one.response for one in found.instructions if one.prompt} == {f"fr say {i}" for i in range(5)}


@pytest.mark.data
def test_real_dictionaries_over_real_texts(real_data) -> None:
    """Coverage counted by other means than the mixer's, and the realised rate against alpha times it (COMMIT's 0.9)."""
    piece = '[{kind = "alpaca", files = {en = "alpaca/en/alpaca_data-51009-52002-英文.json"}}]'
    config_ = resolve("llama-7b/open-el-hi-th/commit", ["data.decontaminate=[]", f"data.instructions={piece}"]).data
    found = load(config_, seed=0, root=real_data)
    for key, told in found.report["mixing"]["languages"].items():
        words = set(read_file(real_data / told["file"]))
        texts = [text for row, _ in found.instructions.rows for text in row.texts]
        stripped = [word.strip("".join(set(word) & PUNCTUATION)) for text in texts for word in text.split()]
        coverage = sum(word in words for word in stripped) / sum(map(bool, stripped))
        assert told["known"] / told["words"] == pytest.approx(coverage, abs=0.02), key
        assert told["replaced"] / told["known"] == pytest.approx(0.9, abs=0.01), key
        assert 0 < told["same"] < told["entries"]
    aligned = load(
        resolve("llama-7b/open-el-hi-th/commit-align", ["data.decontaminate=[]"]).data, seed=0, root=real_data
    )
    thai = aligned.report["mixing"]["languages"]["th"]
    assert thai["segmenter"].startswith("pythainlp-")
    assert thai["known"] > 0.4 * thai["words"], "running Thai text is mixed, too"
    assert thai["replaced"] / thai["known"] == pytest.approx(0.5, abs=0.02)
