"""Choosing the more plausible text: XCOPA with English COPA, XStoryCloze, XWinograd."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.data.files import find, index_of, read_jsonl, read_table, read_text, read_tsv
from xling_bench.data.rows import Row
from xling_bench.errors import DataError, MissingDataError

Read = tuple[list[Row], str, dict[str, int]]
COPA_FIRST_ID = {"dev": 401, "test": 501}  # COPA id of XCOPA's idx 0: XCOPA's val is COPA's dev 401-500
COPA_LAST_ID = {"dev": 500, "test": 1000}
ASKS = ("cause", "effect")
QUOTES = {"``": ('"', "``", "“", "«"), "''": ('"', "''", "”", "»")}  # the tokeniser's quotation marks


def xcopa(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """XCOPA repository `data/<lang>/test.<lang>.jsonl`; English from COPA's XML, under XCOPA's idx."""
    if unit == "en":
        return _copa(root, split)
    name = f"{'val' if split == 'dev' else split}.{unit}.jsonl"
    path = find(root, [f"{folder}data/{unit}/{name}" for folder in ("xcopa/", "")] + [f"xcopa/{unit}/{name}"])
    rows = []
    for number, item in read_jsonl(path, ("premise", "choice1", "choice2", "question", "label", "idx")):
        index_of(item["question"], ASKS, f"{path}, line {number}")
        if not isinstance(item["idx"], int):
            raise DataError(f"{path}, line {number}: idx should be a number, got {item['idx']!r}")
        texts = {key: item[key] for key in ("premise", "choice1", "choice2", "question")}
        rows.append({"id": f"xcopa-{split}-{item['idx']:03d}", **texts, "label": item["label"]})
    return rows, str(path.relative_to(root)), {}


def _copa(root: Path, split: str) -> Read:
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    path = find(root, [f"{folder}copa-{split}.xml" for folder in ("copa/", "COPA/", "COPA-resources/datasets/", "")])
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


def xstorycloze(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """XStoryCloze TSV, `spring2016.val.<lang>.tsv.split_20_80_eval.tsv` (test) and `..._train.tsv` (train)."""
    part = "eval" if split == "test" else split
    name = f"spring2016.val.{unit}.tsv.split_20_80_{part}.tsv"
    path = find(root, [f"{folder}{name}" for folder in ("xstorycloze/", "XStoryCloze/", "")])
    sentences = [f"InputSentence{i}" for i in (1, 2, 3, 4)]
    endings = ["RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2"]
    rows = []
    for number, cells in read_table(path, ("InputStoryid", *sentences, *endings, "AnswerRightEnding")):
        rows.append(
            {
                "id": f"xstorycloze-{cells['InputStoryid']}",
                **{f"sentence{i}": cells[name] for i, name in enumerate(sentences, start=1)},
                **{f"ending{i}": cells[name] for i, name in enumerate(endings, start=1)},
                "label": index_of(cells["AnswerRightEnding"], ("1", "2"), f"{path}, line {number}"),
            }
        )
    return rows, str(path.relative_to(root)), {}


def xwinograd(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """XWinograd `dataset.tsv`: the pronoun's span becomes the gap, the two candidates its fillers.

    Rows of different languages are not translations of each other; the id is a hash of the text, so that any copy
    of the data agrees. Rows without exactly one right candidate of two are dropped and counted.
    """
    path = find(root, [f"{folder}dataset.tsv" for folder in ("xwinograd/", "crosslingual_winograd/", "")])
    code = benchmark.codes.get(unit, unit)
    rows: list[Row] = []
    seen: dict[str, int] = {}
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
        digest = winograd_id(before, after, options[0][0], options[1][0])
        seen[digest] = seen.get(digest, 0) + 1
        rows.append(
            {
                "id": digest if seen[digest] == 1 else f"{digest}-{seen[digest]}",
                "before": before,
                "after": after,
                "option1": options[0][0],
                "option2": options[1][0],
                "label": [right for _, right in options].index(True),
            }
        )
    if not rows:
        raise MissingDataError(f"{path} has no rows with language {code!r}")
    return rows, str(path.relative_to(root)), dropped


def winograd_id(before: str, after: str, option1: str, option2: str) -> str:
    """A content id: XWinograd publishes none."""
    text = "\t".join((before, after, option1, option2))
    return "xwinograd-" + hashlib.sha256(text.encode()).hexdigest()[:12]


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
