"""FLORES: translation of the same sentences between any two languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import (
    Dropped,
    Implementation,
    Item,
    Read,
    Records,
    Text,
    jsonl_beside,
)
from xling_bench.benchmarks.textfiles import locate, read_lines, read_tsv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core import languages
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.row import Record, Row, text_in
from xling_bench.core.unit import Unit

FLORES101 = {
    "zho_Hans": "zho_simpl",
    "zho_Hant": "zho_trad",
    "arb_Arab": "ara",
    "pes_Arab": "fas",
    "ekk_Latn": "est",
    "swh_Latn": "swh",
    "zsm_Latn": "msa",
    "khk_Cyrl": "mon",
    "azj_Latn": "azj",
    "pbt_Arab": "pus",
    "lvs_Latn": "lav",
    "uzn_Latn": "uzb",
    "gaz_Latn": "orm",
    "fuv_Latn": "ful",
}
SUBSET = "flores/dev_subset_sib200"  # 510 of dev's 997 sentences, numbered as in dev


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """FLORES-200 or FLORES-101 folders; `unit` is source-target. The id is the sentence's line number.

    Where `dev` is absent, the numbered subset of dev kept by SIB-200 serves for demonstrations.
    """
    source, target = unit.languages
    (first, origin), (last, _) = _sentences(root, source, split), _sentences(root, target, split)
    if split == "test" and first.keys() != last.keys():
        raise DataError(f"{origin}: {source} has {len(first)} sentences, {target} {len(last)}; is one file truncated?")
    rows = [
        {"id": f"flores-{split}-{number:04d}", "source": first[number], "target": last[number]}
        for number in first
        if number in last
    ]
    return rows, origin, {}


def _sentences(root: Path, key: str, split: str) -> tuple[dict[int, str], str]:
    code = languages.get(key).flores
    old = FLORES101.get(code, code.split("_")[0])
    folder = "devtest" if split == "test" else split
    names = [f"{parent}flores200_dataset/{folder}/{code}.{folder}" for parent in ("flores/", "")]
    names += [f"{parent}flores101_dataset/{folder}/{old}.{folder}" for parent in ("flores/", "")]
    try:
        path = locate(root, names)
    except MissingDataError:
        if split != "dev" or not (root / SUBSET).is_dir():
            raise
        path = locate(root, [f"{SUBSET}/{code}.tsv"])
        return _numbered(path), str(path.relative_to(root))
    return dict(enumerate(read_lines(path))), str(path.relative_to(root))


def _numbered(path: Path) -> dict[int, str]:
    sentences: dict[int, str] = {}
    for line, (number, sentence) in read_tsv(path, 2):
        if not number.isdecimal() or int(number) in sentences:
            raise DataError(f"{path}, line {line}: expected a sentence number not met before, got {number!r}")
        sentences[int(number)] = sentence
    return sentences


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """A pair is two languages' records in the order of the sentences."""
    source, target = (records(language) for language in (unit.source, unit.target))
    return [
        {"id": f"flores-{split}-{i:04d}", "source": first["text"], "target": last["text"]}
        for i, (first, last) in enumerate(zip(source, target, strict=True))
    ], {}


def texts(unit: Unit, row: Row) -> Iterator[Text]:
    """Both sides, each in its language."""
    source, target = unit.source, unit.target
    yield Text(source, text_in(row, "source"))
    yield Text(target, text_in(row, "target"))


def sample_row(benchmark: Benchmark, item: Item, unit: Unit) -> Record:
    """Any two languages of an item are a pair."""
    source, target = unit.source, unit.target
    return {"id": item.id, "source": item.text[source]["text"], "target": item.text[target]["text"]}


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts, sample=jsonl_beside(__file__), sample_row=sample_row
)
