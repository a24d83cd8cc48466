"""AfriMGSM: MGSM's problems in sixteen African languages and Vai, of IrokoBench."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Read, Records, texts_of
from xling_bench.benchmarks.mgsm import PROBLEMS, invented, number_text, row, unlabelled
from xling_bench.benchmarks.textfiles import locate, read_text
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """`irokobench/afrimgsm/<lang>/test.tsv`, a TSV with quoting whose problems may hold line breaks; the repository has
    no examples, the hub's are `dev.tsv` there."""
    code = benchmark.codes.get(str(unit), str(unit))
    name = f"afrimgsm/{code}/{'dev' if split == 'train' else split}.tsv"
    path = locate(root, [f"{folder}{name}" for folder in ("irokobench/", "IrokoBench/", "")])
    return _rows(split, _records(path), str(path)), str(path.relative_to(root)), {}


def _records(path: Path) -> Iterator[Record]:
    try:
        table = csv.DictReader(io.StringIO(read_text(path), newline=""), delimiter="\t", strict=True)
        for record in table:
            if None in record or None in record.values() or not {"question", "answer"} <= record.keys():
                expected = "the columns question and answer, as many cells in each row"
                raise DataError(f"{path}, line {table.line_num}: expected {expected}")
            yield record
    except csv.Error as error:
        raise DataError(f"{path}: no table with quoted cells: {error}") from error


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`masakhane/afrimgsm`: question, answer and answer_number as MGSM's data set on the hub; or as the files."""
    return _rows(split, records(unit), str(unit)), {}


def _rows(split: str, records: Iterator[Record], where: str) -> Sequence[Record]:
    rows = []
    for number, record in enumerate(records, start=1):
        question, worked, answer = str(record["question"]), record.get("answer"), record.get("answer_number")
        if answer in (None, ""):  # the answer is the number
            worked, answer = None, worked
        digits = number_text(answer, f"{where}, row {number}")
        if worked:
            question, worked = unlabelled(question), unlabelled(str(worked))
        rows.append(row("afrimgsm", split, number, question, str(worked or digits), digits))
    return rows


IROKO = {key: PROBLEMS[key] for key in ("en", "fr", "sw")} | {
    "ha": (
        "Mira tana da lemu {a}. Ta sayi ƙarin {b}. Lemu nawa take da su yanzu?",
        "Mira tana da lemu {a}. Ta bayar da {b}. Lemu nawa suka rage mata?",
        "Amsar ita ce {c}.",
    ),
    "ig": (
        "Mira nwere oroma {a}. Ọ zụtara {b} ọzọ. Oroma ole ka o nwere ugbu a?",
        "Mira nwere oroma {a}. O nyere ndị enyi {b}. Oroma ole fọdụrụ?",
        "Azịza ya bụ {c}.",
    ),
    "xh": (
        "UMira unama-orenji angama-{a}. Uthenga amanye angama-{b}. Unama-orenji amangaphi ngoku?",
        "UMira unama-orenji angama-{a}. Uphisa ngama-{b}. Ushiyeke nama-orenji amangaphi?",
        "Impendulo ngu {c}.",
    ),
    "yo": (
        "Mira ní ọsàn {a}. Ó ra {b} sí i. Ọsàn mélòó ni ó ní báyìí?",
        "Mira ní ọsàn {a}. Ó fún àwọn ọ̀rẹ́ ní {b}. Ọsàn mélòó ni ó kù?",
        "Ìdáhùn náà ni {c}.",
    ),
    "zu": (
        "UMira unamawolintshi angu-{a}. Uthenga amanye angu-{b}. Usenamawolintshi amangaki manje?",
        "UMira unamawolintshi angu-{a}. Upha abangani angu-{b}. Usele namawolintshi amangaki?",
        "Impendulo ithi {c}.",
    ),
}
IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("question"), sample=invented("afrimgsm", IROKO, english=False)
)
