"""ROUGE against what XL-Sum's own program gave: `rouge_official.tsv`, 120 pairs of FLORES lines in 26 languages each.

The reference is line `reference` of FLORES-200's devtest; the hypothesis is the first half of its words and the second
half of line `other`'s (of characters, where the reference has three words or fewer). F1, the program's stemmer on.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from xling_bench.benchmarks.textfiles import locate, read_lines
from xling_bench.core import languages
from xling_bench.metrics.rouge import TYPES, rouge

pytestmark = pytest.mark.data
Row = dict[str, str]


def official() -> dict[str, list[Row]]:
    by_language = defaultdict(list)
    with Path(__file__).with_name("rouge_official.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            by_language[row["language"]].append(row)
    return by_language


def halves(reference: str, other: str) -> str:
    words, others = reference.split(" "), other.split(" ")
    if len(words) <= 3:
        return reference[: len(reference) // 2] + other[len(other) // 2 :]
    return " ".join(words[: len(words) // 2] + others[len(others) // 2 :])


def differences(root: Path, language: str, rows: Sequence[Row]) -> list[float]:
    """How far each row's score is from the official one, at most of the three."""
    code = languages.get(language).flores
    lines = list(read_lines(locate(root, [f"flores/flores200_dataset/devtest/{code}.devtest"])))
    found = []
    for row in rows:
        reference, other = lines[int(row["reference"])], lines[int(row["other"])]
        ours = rouge(halves(reference, other), reference, language)
        found.append(max(abs(ours[name] - float(row[name])) for name in TYPES))
    return found


def check(root: Path, step: int) -> None:
    unequal = {}
    for language, rows in official().items():
        wrong = [d for d in differences(root, language, rows[::step]) if d > 1e-6]
        if wrong:
            unequal[language] = len(wrong), max(wrong)
    assert not unequal


def test_a_sample_of_every_language_equals_the_official_program(real_data: Path) -> None:
    check(real_data, 15)


@pytest.mark.slow
def test_all_rows_equal_the_official_program(real_data: Path) -> None:
    assert sum(map(len, official().values())) == 3120
    check(real_data, 1)
