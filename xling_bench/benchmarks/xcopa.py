"""XCOPA, with English COPA: which of two sentences is the cause, or the effect, of the premise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, jsonl_beside, texts_of
from xling_bench.benchmarks.textfiles import index_of, locate, read_jsonl, read_text
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.row import Record, text_in
from xling_bench.core.unit import Unit

COPA_FIRST_ID = {"dev": 401, "test": 501}  # COPA id of XCOPA's idx 0: XCOPA's val is COPA's dev 401-500
COPA_LAST_ID = {"dev": 500, "test": 1000}
ASKS = ("cause", "effect")


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """XCOPA repository `data/<lang>/test.<lang>.jsonl`; English from COPA's XML, under XCOPA's idx."""
    if unit == "en":
        return _copa(root, split)
    name = f"{'val' if split == 'dev' else split}.{unit}.jsonl"
    path = locate(root, [f"{folder}data/{unit}/{name}" for folder in ("xcopa/", "")] + [f"xcopa/{unit}/{name}"])
    rows = []
    for number, item in read_jsonl(path, ("premise", "choice1", "choice2", "question", "label", "idx")):
        index_of(text_in(item, "question"), ASKS, f"{path}, line {number}")
        if not isinstance(item["idx"], int):
            raise DataError(f"{path}, line {number}: idx should be a number, got {item['idx']!r}")
        rows.append(_row(split, item))
    return rows, str(path.relative_to(root)), {}


def _copa(root: Path, split: str) -> Read:
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    path = locate(root, [f"{folder}copa-{split}.xml" for folder in ("copa/", "COPA/", "COPA-resources/datasets/", "")])
    try:
        items = fromstring(read_text(path)).findall("item")
    except (ParseError, DefusedXmlException) as error:
        raise DataError(f"{path}: not valid XML ({error}); is the file truncated?") from error
    rows = []
    for item in items:
        where = f"{path}: item {item.get('id')}"
        if not (item.get("id") or "").isdecimal():
            raise DataError(f"{where}: the id should be a number")
        number = int(item.attrib["id"])
        if not COPA_FIRST_ID[split] <= number <= COPA_LAST_ID[split]:
            continue
        rows.append(
            {
                "id": f"xcopa-{split}-{number - COPA_FIRST_ID[split]:03d}",
                "premise": _text(item, "p", where),
                "choice1": _text(item, "a1", where),
                "choice2": _text(item, "a2", where),
                "question": ASKS[index_of(item.get("asks-for", ""), ASKS, where)],
                "label": index_of(item.get("most-plausible-alternative", ""), ("1", "2"), where),
            }
        )
    return rows, str(path.relative_to(root)), {}


def _text(item: Any, tag: str, where: str) -> str:
    text = item.findtext(tag)
    if not text:
        raise DataError(f"{where} has no <{tag}>")
    return str(text)


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`cambridgeltl/xcopa` has the official files' fields."""
    return [_row(split, record) for record in records(unit)], {}


def _row(split: str, item: Record) -> Record:
    texts = {key: item[key] for key in ("premise", "choice1", "choice2", "question")}
    return {"id": f"xcopa-{split}-{item['idx']:03d}", **texts, "label": item["label"]}


IMPLEMENTATION = Implementation(
    read=read,
    from_hub=from_hub,
    texts=texts_of("premise", "choice1", "choice2"),
    sample=jsonl_beside(__file__),
)
