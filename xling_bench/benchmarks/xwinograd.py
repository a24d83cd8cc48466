"""XWinograd: which of two noun phrases the pronoun stands for. Collected per language, not translated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xling_bench.benchmarks.implementation import (
    Dropped,
    Implementation,
    Item,
    Read,
    Records,
    Text,
    in_one_language,
    jsonl_beside,
)
from xling_bench.benchmarks.rows import numbered
from xling_bench.benchmarks.textfiles import locate, read_tsv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.row import Record, Row, text_in
from xling_bench.core.unit import Unit

QUOTES = {"``": ('"', "``", "“", "«"), "''": ('"', "''", "”", "»")}  # the tokeniser's quotation marks


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """XWinograd `dataset.tsv`: the pronoun's span becomes the gap, the two candidates its fillers.

    Rows of different languages are not translations of each other; the id is a hash of the text, so that any copy
    of the data agrees. Rows without exactly one right candidate of two are dropped and counted.
    """
    path = locate(root, [f"{folder}dataset.tsv" for folder in ("xwinograd/", "crosslingual_winograd/", "")])
    code = benchmark.codes.get(unit, unit)
    rows: list[Record] = []
    dropped: dict[str, int] = {}
    for number, cells in read_tsv(path, 7):
        if cells[0] != code:
            continue
        try:
            before, after = split_at_pronoun(cells[3], json.loads(cells[4]), json.loads(cells[5]))
            options = [(option[0], bool(option[3])) for option in json.loads(cells[6])]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise DataError(f"{path}, line {number}: {error}") from error
        if len(options) != 2 or sum(right for _, right in options) != 1:
            reason = "not two candidates, one right"
            dropped[reason] = dropped.get(reason, 0) + 1
            continue
        label = [right for _, right in options].index(True)
        rows.append(_row(before, after, options[0][0], options[1][0], label))
    if not rows:
        raise MissingDataError(f"{path} has no rows with language {code!r}")
    return numbered(rows), str(path.relative_to(root)), dropped


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`Muennighoff/xwinograd`: the gap is an underscore."""
    rows = []
    for record in records(unit):
        before, after = text_in(record, "sentence").split("_", 1)
        label = int(text_in(record, "answer")) - 1
        rows.append(_row(before, after, text_in(record, "option1"), text_in(record, "option2"), label))
    return numbered(rows), {}


def _row(before: str, after: str, option1: str, option2: str, label: int) -> Record:
    """A row whose id is of its content: XWinograd publishes none."""
    text = "\t".join((before, after, option1, option2))
    identifier = "xwinograd-" + hashlib.sha256(text.encode()).hexdigest()[:12]
    return {
        "id": identifier,
        "before": before,
        "after": after,
        "option1": option1,
        "option2": option2,
        "label": label,
    }


def split_at_pronoun(sentence: str, tokens: list[str], pronoun: list[Any]) -> tuple[str, str]:
    """Return the text before and after the pronoun, spacing untouched.

    `pronoun` is [text, [first token, end token], tokens]. Raises ValueError when the tokens do not spell the sentence.
    """
    start, end = pronoun[1]
    at, spans = 0, []
    for token in tokens:
        spelled = [
            (found, len(form)) for form in QUOTES.get(token, (token,)) if (found := sentence.find(form, at)) >= 0
        ]
        if not spelled:
            raise ValueError(f"token {token!r} is not in the sentence {sentence!r:.60}")
        found, length = min(spelled)
        spans.append((found, found + length))
        at = found + length
    left, right = spans[start][0], spans[end - 1][1]
    if sentence[left:right].replace(" ", "") != pronoun[0].replace(" ", ""):
        raise ValueError(f"the pronoun should be {pronoun[0]!r}, the span says {sentence[left:right]!r}")
    return sentence[:left], sentence[right:]


def texts(unit: Unit, row: Row) -> Iterator[Text]:
    """The sentence with either candidate in the gap."""
    for option in (text_in(row, "option1"), text_in(row, "option2")):
        yield Text(unit, text_in(row, "before") + option + text_in(row, "after"))


def sample_row(benchmark: Benchmark, item: Item, unit: Unit) -> Record:
    """The sample's gap is an underscore, too."""
    row = in_one_language(benchmark, item, unit)
    before, after = text_in(row, "sentence").split("_")
    del row["sentence"]
    return row | {"before": before, "after": after}


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts, sample=jsonl_beside(__file__), sample_row=sample_row
)
