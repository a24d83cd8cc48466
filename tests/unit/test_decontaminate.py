"""Planted overlaps are found whatever their case, punctuation and spacing; other text raises no alarm."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from xling_bench.catalog.benchmark import get_benchmark
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.data.source import Source
from xling_bench.data.source import load as load_rows
from xling_bench.training.corpora import DataConfig, load
from xling_bench.training.corpora.contamination import Checker, Index, Place, pieces, sentences, tokens

PLACE = Place("xnli", "test", "en", "xnli-test-0000")
LONG = " ".join(f"word{i}" for i in range(20))
WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=1, max_size=30)


def checker(*texts, context=False, words=13):
    index = Index(words)
    for text in texts:
        index.add(text, PLACE, context=context)
    return Checker([index], words)


def how(check, text):
    return [hit.kind for hit in check.hits(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It’s fine - HE said: “Café”!", "it s fine he said café"),
        ("Cafe\u0301", "café"),
        ("Ｆｕｌｌ　ｗｉｄｔｈ１", "full width1"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("STRASSE Straße", "strasse strasse"),
        ("今天 下雪。", "今 天 下 雪"),
        ("用 Python 3 写", "用 python 3 写"),
        ("क्षत्रिय हैं।", "क्षत्रिय हैं"),
        ("2 + 2", "2 + 2"),
        ("…!?", ""),
    ],
)
def test_tokens(text, found) -> None:
    assert " ".join(tokens(text)) == " ".join(tokens(found)) == found


def test_pieces_are_as_long_as_13_words() -> None:
    assert pieces(list("abcd"), 3) == ["a b c", "b c d"]
    assert pieces(list("ab"), 3) == []
    assert pieces([], 3) == []
    assert [len(run.split()) for run in pieces(tokens("汉" * 30), 13)] == [26] * 5  # two characters a word
    assert [len(run.split()) for run in pieces(tokens("ก" * 80), 13)] == [78] * 3  # six characters a word
    assert pieces(tokens("用 python 写好"), 2) == ["用 python 写", "python 写 好"]


@given(WORDS, st.integers(2, 8))
def test_pieces_of_spaced_text_are_all_its_ngrams(words, size) -> None:
    assert pieces(words, size) == [" ".join(words[i : i + size]) for i in range(len(words) - size + 1)]


@pytest.mark.parametrize(
    "variant", ["The dog BARKED, loudly!", "  the dog barked -- loudly", "“The dog” barked loudly…"]
)
def test_whole_texts_in_any_dress(variant) -> None:
    assert how(checker("The dog barked loudly."), variant) == ["exact"]


@given(st.lists(st.sampled_from(["word", "other", "汉", "字", "ก", "ข"]), max_size=40), st.integers(2, 4))
def test_pieces_of_mixed_scripts_are_the_shortest_that_are_long_enough(found, size) -> None:
    weight = {"word": 6, "other": 6, "汉": 3, "字": 3, "ก": 1, "ข": 1}
    ends = [
        next((e for e in range(start, len(found) + 1) if sum(weight[t] for t in found[start:e]) >= 6 * size), None)
        for start in range(len(found))
    ]
    assert pieces(found, size) == [" ".join(found[s:e]) for s, e in enumerate(ends) if e is not None]


def test_long_pieces_inside_longer_texts() -> None:
    check = checker(LONG)
    inside = "Please note: " + " ".join(f"WORD{i}," for i in range(4, 17)) + " and so on."
    assert how(check, inside) == ["ngram"]
    assert how(check, inside.replace("WORD10", "other")) == []
    assert how(check, " ".join(LONG.split()[:12])) == []
    chinese = "在这个世界上有很多人每天都要早早起床去上班然后很晚才能回到家里休息"
    assert how(checker(chinese), f"他说：{chinese[:5]}，{chinese[5:28]}。") == ["ngram"]
    assert how(checker(chinese), f"他说：{chinese[:25]}。") == []


def test_context_sentences_count_from_five_words_on() -> None:
    check = checker("Oh dear me! The old bridge was built in 1905. It fell.", context=True)
    assert how(check, "the old bridge was built in 1905") == ["exact"]
    assert how(check, "Oh dear me!") == how(check, "It fell") == []
    assert sentences("One. Two! 三。四？Five 2.5 m\nSix") == ["One.", "Two!", "三。", "四？", "Five 2.5 m", "Six"]


@given(WORDS, WORDS)
def test_no_alarm_on_disjoint_words(train, test) -> None:
    assert how(checker(" ".join(test)), " ".join(f"z{word}" for word in train)) == []


@given(WORDS)
def test_a_text_always_overlaps_itself(words) -> None:
    assert how(checker(" ".join(words)), " ".join(words).upper() + "!") == ["exact"]


# --- through `load`, with the built-in sample as evaluation data ------------------------------------------------------


@pytest.fixture
def sample():
    return Source("sample")


@pytest.fixture
def planted(tmp_path):
    """Three English-German pairs; the second is FLORES' first sample sentence in other dress."""
    row = load_rows(get_benchmark("flores"), "en-de", "test", Source("sample")).rows[0]
    english = ["Quite another thing", row["source"].upper().rstrip(".") + " !!", "Something else"]
    german = ["Etwas ganz anderes", "Ein Satz ohne Überlappung", "Noch etwas"]
    (tmp_path / "x.en").write_text("\n".join(english) + "\n", encoding="utf-8")
    (tmp_path / "x.de").write_text("\n".join(german) + "\n", encoding="utf-8")
    return tmp_path, row


def settings(**more):
    pairs = [{"kind": "moses", "files": {"en": "x.en", "de": "x.de"}, "name": "news"}]
    return DataConfig(**({"languages": ("en", "de"), "pairs": pairs} | more))


def test_refused_by_default_with_what_to_do(planted, sample) -> None:
    with pytest.raises(DataError) as caught:
        load(settings(), seed=0, root=planted[0], source=sample)
    said = str(caught.value)
    assert "(1 pairs, 0 instructions and 0 texts would be learnt)" in said
    assert f"flores en: 1 exact, 0 by n-gram, such as x.en, line 2 = {planted[1]['id']} (test)" in said
    assert 'overlap = "drop"' in said


def test_allowed_or_dropped_on_request_and_reported(planted, sample) -> None:
    root, row = planted
    allowed = load(settings(overlap="allow"), seed=0, root=root, source=sample)
    dropped = load(settings(overlap="drop"), seed=0, root=root, source=sample)
    assert (len(allowed.pairs), len(dropped.pairs)) == (3, 2)
    assert "news:2" not in {pair.id for pair in dropped.pairs}
    for found in (allowed, dropped):
        overlaps = found.report["overlaps"]
        assert overlaps["rows"] == {"pairs": 1, "instructions": 0, "texts": 0}
        entry = overlaps["found"]["flores"]["en"]
        assert (entry["exact"], entry["ngram"]) == (1, 0)
        assert entry["examples"][0]["evaluation"] == f"{row['id']} (test)"
        assert len(entry["examples"][0]["text"]) <= 60
        assert overlaps["checked"]["flores"]["en test"] > 0
        json.dumps(found.report)


def test_demonstrations_are_compared_only_when_asked(tmp_path, sample) -> None:
    row = load_rows(get_benchmark("xnli"), "de", "dev", sample).rows[0]
    (tmp_path / "x.en").write_text("Nothing of the kind\n", encoding="utf-8")
    (tmp_path / "x.de").write_text(row["premise"] + "\n", encoding="utf-8")
    assert load(settings(), seed=0, root=tmp_path, source=sample).report["overlaps"]["found"] == {}
    with pytest.raises(DataError, match=r"xnli de: 1 exact.*\(dev\)"):
        load(settings(dev_splits=True), seed=0, root=tmp_path, source=sample)


@given(st.data())
@settings_of_hypothesis(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_counts_in_every_split_whose_items_it_holds(tmp_path_factory, data) -> None:
    """Whole or in pieces, whichever split is read first, and once as a text."""
    root = tmp_path_factory.mktemp("splits")
    (root / "xnli").mkdir()
    lines = {f"{name} item {i}": f"{name} {i} {LONG}{i}" for name in ("dev", "test") for i in range(3)}
    unlike = {key: text.replace("word", f"{key.split()[0]}{key[-1]}w") for key, text in lines.items()}
    for split in ("dev", "test"):
        rows = [f"{text}\tSomething {key}.\tneutral" for key, text in unlike.items() if key.startswith(split)]
        (root / "xnli" / f"{split}-en.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    chosen = st.lists(st.sampled_from(sorted(unlike)), min_size=1, max_size=4, unique=True)
    texts = data.draw(st.lists(chosen, min_size=1, max_size=5, unique_by=tuple))
    (root / "x.en").write_text("".join(". ".join(unlike[k] for k in keys) + "\n" for keys in texts), encoding="utf-8")
    (root / "x.de").write_text("".join(f"Satz {i}\n" for i in range(len(texts))), encoding="utf-8")
    config = settings(overlap="allow", decontaminate=("xnli",), dev_splits=True)
    found = load(config, seed=0, root=root, source=Source("files", root)).report["overlaps"]["found"]["xnli"]["en"]
    held = {split: sum(any(k.startswith(split) for k in keys) for keys in texts) for split in ("test", "dev")}
    assert found["splits"] == {split: count for split, count in held.items() if count}
    assert found["exact"] + found["ngram"] == len(texts)
    assert found["exact"] == sum(len(keys) == 1 for keys in texts)


def test_an_instruction_goes_in_all_its_languages(planted, sample) -> None:
    root, row = planted
    for key, texts in {"en": ["Ask", "Question"], "de": ["Frage", row["target"]]}.items():
        rows = [{"instruction": text, "input": "", "output": f"{key} {i}"} for i, text in enumerate(texts)]
        (root / f"{key}.json").write_text(json.dumps(rows), encoding="utf-8")
    tasks = [{"kind": "alpaca", "files": {"en": "en.json", "de": "de.json"}, "name": "tasks"}]
    found = load(settings(pairs=(), instructions=tasks, overlap="drop"), seed=0, root=root, source=sample)
    assert {one.id for one in found.instructions} == {"tasks:1"}
    assert found.report["overlaps"]["rows"] == {"pairs": 0, "instructions": 1, "texts": 0}
    assert found.report["languages"]["en"] == {"pairs": 0, "instructions": 1, "texts": 0}


def test_a_text_goes_alone(planted, sample) -> None:
    root, planted_row = planted
    (root / "wiki.de").write_text(f"Ein Satz.\n{planted_row['target']}\n", encoding="utf-8")
    texts = [{"kind": "text", "files": {"de": "wiki.de"}, "name": "wiki"}]
    found = load(settings(pairs=(), texts=texts, overlap="drop", languages=("de",)), seed=0, root=root, source=sample)
    assert [one.response for one in found.instructions] == ["Ein Satz."]
    assert found.report["overlaps"]["rows"] == {"pairs": 0, "instructions": 0, "texts": 1}


def test_unchecked_must_be_said(planted, tmp_path_factory) -> None:
    empty = Source("files", tmp_path_factory.mktemp("none"))
    with pytest.raises(DataError, match=r"say `decontaminate = \[\]` to train unchecked"):
        load(settings(), seed=0, root=planted[0], source=empty)
    with pytest.raises(MissingDataError, match="Get XNLI data"):
        load(settings(decontaminate=("xnli",)), seed=0, root=planted[0], source=empty)
    found = load(settings(decontaminate=()), seed=0, root=planted[0])
    assert found.report["overlaps"]["policy"] == "unchecked"


def test_only_named_benchmarks_are_compared(planted, sample) -> None:
    found = load(settings(decontaminate=("xnli",)), seed=0, root=planted[0], source=sample)
    assert list(found.report["overlaps"]["checked"]) == ["xnli"]
    assert found.report["overlaps"]["found"] == {}


def test_items_that_lost_their_answers_can_be_compared_still(tmp_path, planted) -> None:
    """MLQA's files go round without answers; scoring refuses those, and a question is a test question all the same."""
    asked = "Which bridge over the old river was the first to be built in this town?"
    questions = [{"id": str(number), "question": f"{asked}{'!' * number}", "answers": []} for number in range(3)]
    article = {"title": "t", "paragraphs": [{"context": "c", "qas": questions}]}
    path = tmp_path / "mlqa" / "MLQA_V1" / "test" / "test-context-de-question-en.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"version": "1", "data": [article]}), encoding="utf-8")
    source = Source("files", tmp_path)
    with pytest.raises(DataError, match="no right answer"):
        load_rows(get_benchmark("mlqa"), "de-en", "test", source)
    (planted[0] / "x.en").write_text(f"One.\n{asked}\nTwo.\n", encoding="utf-8")
    found = load(settings(decontaminate=("mlqa",), overlap="drop"), seed=0, root=planted[0], source=source)
    assert len(found.pairs) == 2
