"""Wrong-language decisions on FLORES devtest: the same sentences in the right and in wrong languages."""

import gzip
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from xling_bench.core import languages
from xling_bench.metrics import langid
from xling_bench.metrics.language import indistinguishable, line_pass, right_language

pytestmark = pytest.mark.data

# target -> the wrong languages tried besides English: the nearest supported relatives of the same script first.
TRIED = {
    "ar": "fa ur ps", "fa": "ar ur ps", "ur": "fa ps", "ps": "fa ur", "bn": "as hi", "as": "bn", "hi": "mr ne",
    "mr": "hi ne", "ne": "hi mr", "ru": "uk bg", "uk": "ru be", "bg": "mk ru", "mn": "ru uk", "de": "nl da",
    "es": "pt gl it", "pt": "es gl", "gl": "es pt", "cs": "sk pl", "sv": "da fi", "id": "tl sw", "sw": "so xh",
    "tr": "az de", "vi": "fr id", "th": "km", "km": "th", "ja": "zh ko", "zh": "ja ko", "ko": "ja", "el": "ru",
    "is": "da fi", "no": "da sv",
}  # fmt: skip
UNDECIDED = {"gl": 0.2, "ne": 0.15, "no": 0.16}  # lingua lacks the first two, Danish lies near; 0.12 for all others


@cache
def sentences(folder: Path, key: str) -> tuple[str, ...]:
    path = folder / "flores/flores200_dataset/devtest" / f"{languages.get(key).flores}.devtest.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return tuple(file.read().splitlines()[:600:10])


@pytest.mark.parametrize("target", list(TRIED))
def test_right_sentences_pass_and_wrong_ones_are_caught(real_data, target: str) -> None:
    english = sentences(real_data, "en")
    own = Counter(
        right_language(*row) for row in zip(sentences(real_data, target), (target,) * 60, english, strict=True)
    )
    undecided = UNDECIDED.get(target, 0.12)
    assert own[None] <= undecided * 60, own
    assert own[True] >= 0.97 * (own[True] + own[False]), own
    pooled: Counter[bool | None] = Counter()
    for source in ("en", *TRIED[target].split()):
        found = Counter(line_pass(line, target) for line in sentences(real_data, source))
        assert found[False] >= 0.97 * (found[True] + found[False]), (source, found)  # 60 lines: one may slip
        pooled += found
    assert pooled[False] >= 0.99 * (pooled[True] + pooled[False]), pooled
    assert pooled[None] <= undecided * pooled.total(), pooled


def test_what_is_not_told_apart_is_declared(real_data) -> None:
    """Unsupported or near languages that pass: the declaration is neither short nor padded."""
    tried = {"tl": "ceb cs", "ga": "gd cy", "he": "yi ar", "hr": "sr sl", "so": "om sw", "is": "fo da", "zu": "ss sw"}
    for target, sources in tried.items():
        for source in sources.split():
            passed = [line_pass(line, target) for line in sentences(real_data, source)[::3]].count(True) / 20
            assert (passed >= 0.1) is (source in indistinguishable(target)), (target, source, passed)


def test_flores_languages_without_a_decision_are_known() -> None:
    from xling_bench.catalog import get_benchmark

    undecided = [key for key in get_benchmark("flores").languages if langid.identifier(key) is None]
    assert undecided == []
