"""A block of Markdown for a model card: table, intervals, signatures; replaced in place when it is written again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from xling_bench.core.errors import UsageError
from xling_bench.core.reading import read_bytes, read_text
from xling_bench.core.text import markdown
from xling_bench.exchange.hub_results import one_model
from xling_bench.exchange.measured import SAMPLE, Number
from xling_bench.results.marks import CONTAMINATED, marked, sentence
from xling_bench.results.tables.rendering import aligned

BEGIN = "<!-- xling-bench: results begin -->"
END = "<!-- xling-bench: results end -->"
MARK = "\ufeff"  # the byte-order mark that a file may begin with
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
LEGEND = (
    "Headline metrics, in percent (chrF++, BLEU, COMET: points). Intervals by resampling items, or clusters of items "
    "that share a premise, passage or article (exact, after Clopper and Pearson, where all are alike); `-`: a corpus "
    "score has none. *At chance*: the interval holds what guessing gets; *below chance*: it lies below that."
)
HEAD = ("benchmark", "language", "prompts", "shots", "metric", "score", "95 % interval", "items", "")


def card(numbers: Sequence[Number]) -> str:
    """The block, between two comments by which it is found again: headline metrics of one model.

    Raises UsageError for several models, and where there is no headline number.
    """
    listed = [number for number in one_model(numbers) if number.headline]
    if not listed:
        raise UsageError("no benchmark's headline metric is among the numbers.")
    lines = [BEGIN, f"### Cross-lingual benchmarks: {markdown(listed[0].row['model'])}", ""]
    if any(number.sample for number in listed):
        lines += [f"**{SAMPLE[0].upper()}{SAMPLE[1:]}.**", ""]
    lines += [aligned([HEAD, *map(_row, listed)])]
    lines += [LEGEND]
    learnt = sentence(
        (number.benchmark.title, str(number.row["learnt"]))
        for number in listed
        if number.row["provenance"] == CONTAMINATED
    )
    lines += ["", markdown(learnt)] if learnt else []
    lines += ["", "<details><summary>What each number depends on</summary>", ""]
    lines += [f"- {markdown(number.row['signature'])}" for number in listed]
    lines += ["", "</details>", END]
    return "\n".join(lines) + "\n"


def _row(number: Number) -> list[str]:
    row, interval, scale = number.row, number.interval, number.metric.scale
    learnt = row["provenance"] == CONTAMINATED
    said = [number.cut, "" if interval is None else interval.standing]
    return [
        number.benchmark.title,
        str(number.unit),
        str(row["family"]),
        f"{row['shots']}, seed {row['seed']}" if row["shots"] else "0",
        number.metric.label or number.metric.name,
        marked(f"{scale * float(row['value']):.1f}", contaminated=learnt),
        "-" if interval is None else f"{scale * interval.low:.1f} to {scale * interval.high:.1f}",
        str(row["n"]),
        "; ".join(filter(None, said)),
    ]


def put_into(path: Path, block: str) -> str:
    """The text of a Markdown file with the block in the place of the one that it holds, or at its end.

    The file keeps its byte-order mark, and its line ends, which the block takes over. Comments within fenced code hold
    no block. Raises DataError where it cannot be read, UsageError where the comments that hold the block are not one
    pair.
    """
    text = read_text(path) if path.exists() else ""
    mark = MARK if path.exists() and read_bytes(path).decode().startswith(MARK) else ""
    newline = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    block = block.replace("\n", newline)
    begins, ends = _places(text, BEGIN), _places(text, END)
    if not begins and not ends:
        return mark + (f"{text.rstrip()}{newline}{newline}{block}" if text.strip() else block)
    if (len(begins), len(ends)) != (1, 1) or ends[0] < begins[0]:
        raise UsageError(
            f"{path}: expected one {BEGIN} and one {END} after it, found {len(begins)} and {len(ends)}. "
            "Remove the old block."
        )
    return mark + text[: begins[0]] + block.removesuffix(newline) + text[ends[0] + len(END) :]


def _places(text: str, comment: str) -> list[int]:
    """Where a comment stands in a Markdown text, but for fenced code."""
    found, at, fence = [], 0, ""
    for row in text.split("\n"):
        opened = _FENCE.match(row)
        if not fence and opened and not ("`" in opened[1] and "`" in opened[2]):
            fence = opened[1]
        elif fence and opened and opened[1].startswith(fence) and not opened[2].strip():
            fence = ""
        elif not fence:
            found += [at + inner.start() for inner in re.finditer(re.escape(comment), row)]
        at += len(row) + 1
    return found
