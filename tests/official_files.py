"""Real items that others hold in layouts of their own, written as the benchmarks' official files.

`python tests/official_files.py OUT` writes all of them below OUT, from XLING_DATA_DIR.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LITE = ("en", "id", "ms", "tl", "vi", "zh")


def _lines(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _write(path: Path, items: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")


def write_belebele(data: Path, out: Path) -> None:
    """German and English of item-evaluation, whose passages hold their questions, and SEA-HELM's 280 Javanese items,
    which are numbered as the official files count: number n is the n-th question of all."""
    passages = {
        code: [*_lines(data / f"belebele/item_evaluation/{code}.jsonl.gz")] for code in ("deu_Latn", "eng_Latn")
    }
    places = [
        {"link": passage["metadata"]["extra"]["url"], "question_number": number}
        for passage in passages["eng_Latn"]
        for number, _ in enumerate(passage["items"], start=1)
    ]
    for code, listed in passages.items():
        asked = [
            {"flores_passage": passage["text"], "question": item["question"], **_answers(*_told(item["answers"]))}
            for passage in listed
            for item in passage["items"]
        ]
        _write(out / f"Belebele/{code}.jsonl", [{**place, **item} for place, item in zip(places, asked, strict=True)])
    _write(out / "Belebele/jav_Latn.jsonl", [
        {**places[item["id"]], "flores_passage": item["prompts"][0]["text"], "question": item["prompts"][0]["question"],
         **_answers([item["prompts"][0][f"choice{n}"] for n in (1, 2, 3, 4)], "ABCD".index(item["label"]))}
        for item in _lines(data / "belebele/sea_helm/jv_belebele.jsonl.gz")
    ])  # fmt: skip


def _told(answers: list[dict[str, Any]]) -> tuple[list[str], int]:
    return [answer["text"] for answer in answers], [answer["correct"] for answer in answers].index(True)


def _answers(texts: list[str], right: int) -> dict[str, str]:
    numbered = {f"mc_answer{number}": text for number, text in enumerate(texts, start=1)}
    return {**numbered, "correct_answer_num": str(right + 1), "dialect": "", "ds": ""}


def write_lite(data: Path, out: Path) -> None:
    """SEA-HELM's Global-MMLU-Lite: the hub's columns, most of them one level further down."""
    for language in LITE:
        for split in ("dev", "test"):
            items = _lines(data / f"global_mmlu_lite/global_mmlu_lite_{language}_{split}.jsonl.gz")
            _write(
                out / f"global_mmlu_lite/{language}/{split}.jsonl",
                [{**item["metadata"], **item["prompts"][0], "answer": item["label"]} for item in items],
            )


def main() -> None:
    """Write everything."""
    data, out = Path(os.environ["XLING_DATA_DIR"]), Path(sys.argv[1])
    write_belebele(data, out)
    write_lite(data, out)


if __name__ == "__main__":
    main()
