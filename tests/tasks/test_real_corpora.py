"""The real training files: the row counts their README states, and overlaps with FLORES and XNLI."""

import time

import pytest

from xling_bench.core import languages
from xling_bench.core.errors import DataError
from xling_bench.data.source import Source
from xling_bench.training.corpora import DataConfig, load

pytestmark = pytest.mark.data

TATOEBA = {
    "ara": 10305, "ben": 2500, "bul": 10000, "deu": 17565, "ell": 10899, "est": 1359, "eus": 1060, "fra": 12681,
    "hin": 5000, "ind": 4289, "ita": 17320, "jpn": 13862, "kor": 2400, "mya": 216, "por": 13222, "que": 257,
    "rus": 19425, "spa": 16583, "swa": 387, "tam": 311, "tel": 261, "tha": 1154, "tur": 13907, "urd": 1663,
    "vie": 2500, "zho": 10390,
}  # fmt: skip
TICO = ("ar", "bn", "es_LA", "fr", "hi", "id", "my", "ru", "sw", "ta", "ur", "zh")
NTREX = (  # noqa: SIM905
    "arb ben bul deu ell est eus fra guj hin ind ita jpn kan khm kor lao mal mar msa mya nep pan por ron rus sin spa "
    "swa tam tel tha tur urd vie zho-CN"
).split()
PIECE = {"en": "alpaca/en/alpaca_data-15323-18280-英文.json", "zh": "alpaca/zh/alpaca_data-15323-18280-中文.json"}


def key(code):
    return languages.get(code.removesuffix("-CN").removesuffix("_LA")).key


def moses(folder, first, last, code):
    return {"kind": "moses", "files": {"en": f"{folder}.{first}", key(code): f"{folder}.{last}"}}


def tatoeba(code):
    return moses(f"parallel/tatoeba_v2021-08-07/eng-{code}/tatoeba-test-v2021-08-07", "eng", code, code)


def ntrex(codes):
    names = {"en": "src.eng"} | {key(code): f"ref.{code}" for code in codes}
    files = {language: f"parallel/ntrex128/newstest2019-{name}.txt" for language, name in names.items()}
    return {"kind": "lines", "files": files, "name": "ntrex"}


def read(root, codes, **more):
    config = DataConfig(languages=("en", *(key(code) for code in codes)), **({"decontaminate": ()} | more))
    return load(config, seed=0, root=root, source=Source("files", root))


def rows(found):
    return {name: counts for entry in found.report["pairs"] for name, counts in entry["rows"].items()}


def test_tatoeba_has_the_counts_of_its_readme(real_data) -> None:
    found = read(real_data, TATOEBA, pairs=[tatoeba(code) for code in TATOEBA])
    assert {name: counts["read"] for name, counts in rows(found).items()} == {
        f"en-{key(code)}": count for code, count in TATOEBA.items()
    }
    assert len(found.pairs) == sum(counts["kept"] for counts in rows(found).values())
    assert all(c["read"] == c["kept"] + sum(c["dropped"].values()) for c in rows(found).values())
    assert 0 < sum(TATOEBA.values()) - len(found.pairs) < 100


def test_tico_has_2100_rows_in_each_language(real_data) -> None:
    found = read(
        real_data, TICO, pairs=[moses(f"parallel/tico19/en-{code}/tico19-test", "en", code, code) for code in TICO]
    )
    assert {counts["read"] for counts in rows(found).values()} == {2100}
    assert len(rows(found)) == len(TICO)


def test_ntrex_pairs_any_two_languages(real_data) -> None:
    pivot = read(real_data, NTREX, pairs=[ntrex(NTREX)])
    assert len(rows(pivot)) == len(NTREX)
    assert {counts["read"] for counts in rows(pivot).values()} == {1997}
    three = ["deu", "swa", "zho-CN"]
    pairwise = read(real_data, three, pairs=[ntrex(NTREX)], pairing="pairwise")
    assert list(rows(pairwise)) == ["en-de", "en-sw", "en-zh", "de-sw", "de-zh", "sw-zh"]


def test_one_piece_of_alpaca_is_aligned_in_chinese_and_the_others_are_refused(real_data) -> None:
    source = {"kind": "alpaca", "files": PIECE}
    found = read(real_data, ["zh"], instructions=[source], p_src=0.5)
    assert found.report["instructions"][0]["kept"] == {"en": 2957, "zh": 2957}
    assert len(found.instructions) == 2 * 2957
    drawn = [found.instructions[i] for i in range(2000)]
    assert 900 < sum(one.source_language == one.response_language for one in drawn) < 1100
    other = {name: path.replace("15323-18280", "0-3252") for name, path in PIECE.items()}
    other["zh"] = other["zh"].replace("中文", "中文-已完成")
    with pytest.raises(DataError, match="en has 3252, zh has 3247"):
        read(real_data, ["zh"], instructions=[source | {"files": other}])


def test_all_of_english_alpaca_loads_without_responses_in_other_languages(real_data) -> None:
    folder = real_data / "alpaca/en"
    files = sorted(folder.glob("*.json.gz"), key=lambda path: int(path.name.split("-")[1]))
    source = {"kind": "alpaca", "files": {"en": [f"alpaca/en/{path.name}" for path in files]}, "name": "alpaca"}
    report = read(real_data, [], instructions=[source], p_src=1).report["instructions"][0]
    assert report["kept"]["en"] + sum(report["dropped_in_reading"].get("en", {}).values()) == 52002


def test_ntrex_is_compared_with_flores_and_xnli_in_seconds(real_data) -> None:
    codes = ["arb", "deu", "hin", "swa", "tha", "zho-CN"]
    start = time.process_time()
    found = read(real_data, codes, pairs=[ntrex(codes)], decontaminate=("flores", "xnli"), overlap="allow")
    assert time.process_time() - start < 30  # 3 s where it was written
    overlaps = found.report["overlaps"]
    assert {overlaps["checked"]["flores"][f"{key(code)} test"] for code in codes} == {1012}
    assert {overlaps["checked"]["xnli"][f"{key(code)} test"] for code in codes} == {5010}
    assert overlaps["found"] == {}  # news against travel guides: no piece of 13 words, no sentence


def test_tatoebas_short_sentences_are_in_xnli(real_data) -> None:
    """Everyday sentences that both have: found, reported, refused unless one says otherwise."""
    settings = {"pairs": [tatoeba("deu"), tatoeba("tha")], "decontaminate": ("flores", "xnli")}
    found = read(real_data, ["deu", "tha"], overlap="drop", **settings)
    overlaps = found.report["overlaps"]
    assert {name: entry["exact"] for name, entry in overlaps["found"]["xnli"].items()} == {"en": 1, "de": 1, "th": 1}
    assert "flores" not in overlaps["found"]
    assert len(found.pairs) == sum(counts["kept"] for counts in rows(found).values()) - overlaps["rows"]["pairs"]
    with pytest.raises(DataError, match="xnli en: 1 exact, 0 by n-gram"):
        read(real_data, ["deu", "tha"], **settings)


def test_flores_as_training_data_is_refused(real_data) -> None:
    """The whole of FLORES devtest, given as training pairs, is found."""
    folder = "flores/flores200_dataset/devtest"
    files = {"en": f"{folder}/eng_Latn.devtest", "th": f"{folder}/tha_Thai.devtest"}
    source = {"kind": "moses", "files": files}
    found = read(real_data, ["th"], pairs=[source], decontaminate=("flores",), overlap="allow")
    overlaps = found.report["overlaps"]
    assert overlaps["rows"]["pairs"] == len(found.pairs)
    assert {name: entry["ngram"] for name, entry in overlaps["found"]["flores"].items()} == {"en": 0, "th": 0}
    with pytest.raises(DataError, match=r"Training texts overlap .*1012 pairs"):
        read(real_data, ["th"], pairs=[source], decontaminate=("flores",))
