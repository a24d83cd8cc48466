"""XStoryCloze: which of two sentences ends the four-sentence story."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, jsonl_beside, texts_of
from xling_bench.benchmarks.textfiles import index_of, locate, read_table
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record, index_in
from xling_bench.core.unit import Unit


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """XStoryCloze TSV, `spring2016.val.<lang>.tsv.split_20_80_eval.tsv` (test) and `..._train.tsv` (train)."""
    part = "eval" if split == "test" else split
    name = f"spring2016.val.{unit}.tsv.split_20_80_{part}.tsv"
    path = locate(root, [f"{folder}{name}" for folder in ("xstorycloze/", "XStoryCloze/", "")])
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


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`juletxara/xstory_cloze`: the official columns in other spelling."""
    return [
        {
            "id": f"xstorycloze-{record['story_id']}",
            **{f"sentence{i}": record[f"input_sentence_{i}"] for i in (1, 2, 3, 4)},
            **{f"ending{i}": record[f"sentence_quiz{i}"] for i in (1, 2)},
            "label": index_in(record, "answer_right_ending") - 1,
        }
        for record in records(unit)
    ], {}


IMPLEMENTATION = Implementation(
    read=read,
    from_hub=from_hub,
    texts=texts_of("sentence1", "sentence2", "sentence3", "sentence4", "ending1", "ending2"),
    sample=jsonl_beside(__file__),
)
