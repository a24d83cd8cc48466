"""AfriMMLU of IrokoBench: which of four answers to a question of MMLU is right, in African languages."""

from __future__ import annotations

import ast
import hashlib
import tokenize
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, jsonl_beside, texts_of
from xling_bench.benchmarks.multiple_choice import converted, index_of_letter
from xling_bench.benchmarks.textfiles import locate, read_csv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record, index_in, text_in
from xling_bench.core.unit import Unit

COLUMNS = ("question", "choices", "answer", "subject")
LONGEST = 20_000  # characters of a list of choices; the longest published one has 1,500


@dataclass(frozen=True, slots=True)
class Order:
    """How a language's test file departs from the order that the other languages share.

    `golds` is the digest of its right answers, `alone` the positions, by subject, of items that share no id with those
    of other languages: `inserted` ones are not there at all, the others stand elsewhere.
    """

    golds: str
    alone: Mapping[str, Sequence[int]]
    inserted: bool = False


# Found by comparing texts and right answers of all languages in IrokoBench/afrimmlu. English holds 13 questions that
# were not translated, and lacks the last 13 of the others; Hausa and Lingala have two neighbours changed about, Luganda
# has the first 14 questions of a subject in another order.
ORDERS = {
    "en": Order("827abb1e74b3", {"international_law": (1, 30, 38, 39, 52, 55, 64, 84, 93),
                     "high_school_microeconomics": (21, 22, 33, 82)}, inserted=True),
    "ha": Order("698a05be43c8", {"global_facts": (75, 76)}),
    "ln": Order("97f0549a4267", {"elementary_mathematics": (55, 56)}),
    "lg": Order("f45f1f9303e1", {"international_law": range(14)}),
}  # fmt: skip


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The repository's `IrokoBench/afrimmlu/<l>/{test,val}.tsv`, quoted as spreadsheets do."""
    name = f"afrimmlu/{benchmark.codes.get(unit, unit)}/{'val' if split == 'dev' else split}.tsv"
    path = locate(root, [f"{folder}{name}" for folder in ("irokobench/", "IrokoBench/", "")])
    return _with_ids(unit, split, converted(path, read_csv(path, COLUMNS, "\t"), _row)), str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`masakhane/afrimmlu` has the official files' columns."""
    return _with_ids(unit, split, [_row(record) for record in records(unit)]), {}


def _row(record: Record) -> dict[str, object]:
    options = _listed(text_in(record, "choices"))
    right = index_of_letter(record["answer"], len(options))
    return {"subject": record["subject"], "question": record["question"], "options": options, "label": right}


def _listed(text: str) -> list[str]:
    """A list of texts written as Python writes one. Raises ValueError for anything else; nothing is run.

    Texts with no comma between them, which Python would make one of, are refused.
    """
    problem = f"choices should be a list of texts as Python writes it, got {text!r:.80}"
    if len(text) > LONGEST:
        raise ValueError(f"choices should be a list of texts; there are {len(text)} characters")
    try:
        with warnings.catch_warnings(action="ignore"):  # of a backslash that begins no escape
            found = ast.literal_eval(text.strip())
            tokens = list(tokenize.generate_tokens(StringIO(text.strip()).readline))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise ValueError(problem) from error
    if not isinstance(found, list) or len(found) < 2 or not all(isinstance(option, str) for option in found):
        raise ValueError(problem)
    if sum(token.type == tokenize.STRING for token in tokens) != len(found):
        raise ValueError(f"choices: a comma is missing between two of the texts, got {text!r:.80}")
    return found


def _with_ids(unit: Unit, split: str, rows: Sequence[Mapping[str, object]]) -> list[Record]:
    """The rows under ids that translations share: a subject and the position in it, in the languages' common order."""
    order = ORDERS.get(unit) if split == "test" else None
    if order is not None and order.golds != _digest(rows):
        order = None  # another release, which may have put it right
    places: Counter[str] = Counter()  # of each subject, in the file
    shared: Counter[str] = Counter()  # and in the common order
    found: list[Record] = []
    for row in rows:
        subject = text_in(row, "subject")
        if order is not None and places[subject] in order.alone.get(subject, ()):
            name = f"{unit}-{places[subject]:03d}"
            shared[subject] += not order.inserted
        else:
            name = f"{shared[subject]:03d}"
            shared[subject] += 1
        places[subject] += 1
        found.append({"id": f"afrimmlu-{split}-{subject}-{name}", **row})
    return found


def _digest(rows: Sequence[Mapping[str, object]]) -> str:
    return hashlib.sha256(bytes(index_in(row, "label") for row in rows)).hexdigest()[:12]


IMPLEMENTATION = Implementation(read=read, from_hub=from_hub, texts=texts_of("question"), sample=jsonl_beside(__file__))
